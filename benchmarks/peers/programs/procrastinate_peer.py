"""procrastinate: `prepare`, `fill ROWS DUE`, `work`."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import procrastinate

CONCURRENCY = 10
app = procrastinate.App(connector=procrastinate.PsycopgConnector(min_size=1, max_size=CONCURRENCY + 2))


@app.task(queue="peers")
async def noop() -> None:
    """Nothing."""


async def prepare() -> None:
    """Its tables and functions."""
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def fill(rows: int, due: float) -> None:
    """So many jobs, all due at that instant."""
    scheduled = noop.configure(schedule_at=datetime.fromtimestamp(due, UTC))
    async with app.open_async():
        for start in range(0, rows, 1000):
            await scheduled.batch_defer_async(*[{}] * min(1000, rows - start))


async def work() -> None:
    """One worker process, until SIGTERM."""
    async with app.open_async():
        await app.run_worker_async(
            queues=["peers"], concurrency=CONCURRENCY, fetch_job_polling_interval=0.1, delete_jobs="never"
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            asyncio.run(prepare())
        case ["fill", rows, due]:
            asyncio.run(fill(int(rows), float(due)))
        case ["work"]:
            asyncio.run(work())
