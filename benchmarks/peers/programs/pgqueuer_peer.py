"""pgqueuer: `prepare`, `fill ROWS DUE`, `work`. The driver is asyncpg, in a pool."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BATCH = 1000


@asynccontextmanager
async def connected() -> AsyncIterator[Any]:
    """A driver with a small pool."""
    async with asyncpg.create_pool(min_size=2, max_size=5) as pool:
        yield AsyncpgPoolDriver(pool)


async def prepare() -> None:
    """Its tables, with full durability."""
    async with connected() as driver:
        await Queries(driver).install()


async def fill(rows: int, due: float) -> None:
    """So many jobs, all due at that instant: it takes a delay, which is put right afterwards."""
    async with connected() as driver:
        for start in range(0, rows, 1000):
            size = min(1000, rows - start)
            after = timedelta(seconds=due - time.time())
            await Queries(driver).enqueue(["noop"] * size, [None] * size, [0] * size, [after] * size)
        await driver.execute("UPDATE pgqueuer SET execute_after = to_timestamp($1::float8)", due)


async def work() -> None:
    """One worker process, until SIGTERM."""
    async with connected() as driver:
        queuer = PgQueuer(driver)

        @queuer.entrypoint("noop")
        async def noop(job: Any) -> None:
            """Nothing."""

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, queuer.shutdown.set)
        await queuer.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=1))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            uvloop.run(prepare())
        case ["fill", rows, due]:
            uvloop.run(fill(int(rows), float(due)))
        case ["work"]:
            uvloop.run(work())
