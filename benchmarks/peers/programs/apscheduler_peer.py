"""APScheduler 3 with its store in PostgreSQL: `prepare`, `fill ROWS DUE`, `work`."""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import calls
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.blocking import BlockingScheduler

DEFAULTS = {"misfire_grace_time": None, "coalesce": False}


def noop() -> None:
    """Nothing, and when it was."""
    calls.note()


def of(kind: Any) -> Any:
    """A scheduler on the peer's database (libpq's variables name it)."""
    store = SQLAlchemyJobStore(url="postgresql+psycopg://")
    return kind(
        jobstores={"default": store},
        executors={"default": ThreadPoolExecutor(20)},
        job_defaults=DEFAULTS,
        timezone=UTC,
    )


def fill(rows: int, due: float) -> None:
    """So many jobs, all due at that instant, while nothing fires."""
    scheduler = of(BackgroundScheduler)
    scheduler.start(paused=True)
    for _ in range(rows):
        scheduler.add_job("apscheduler_peer:noop", "date", run_date=datetime.fromtimestamp(due, UTC))
    scheduler.shutdown()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            fill(0, 0)
        case ["fill", rows, due]:
            fill(int(rows), float(due))
        case ["work"]:
            of(BlockingScheduler).start()
