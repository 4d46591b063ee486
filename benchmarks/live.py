"""The whole machine at work on rows that come due. What is counted is what PostgreSQL has committed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from celery import current_app
from django.db import connection

from benchmarks import cpu, work
from benchmarks.figures import quantile
from benchmarks.stack import server_folder
from events import clock
from events.models import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from events.models import Rule

AT_ONCE = timedelta(0)
# What the first rows wait at least, and how long anybody waits for the last.
AHEAD = timedelta(seconds=2)
LIMIT_SECONDS = 600.0
WAKE_SECONDS = 30.0
# Rows a second that are surely planned, until some have been planned.
SURELY = 5_000.0

TIMES = """
    SELECT extract(epoch FROM due_at - %s)::float8, extract(epoch FROM started_at - due_at)::float8,
           extract(epoch FROM pg_xact_commit_timestamp(xmin) - due_at)::float8
    FROM events_occurrence WHERE rule_id = %s AND state = 'COMPLETED' ORDER BY due_at, id
"""


@dataclass(frozen=True, slots=True)
class Fired:
    """Rows that fired, in the order in which they were due; all in seconds.

    `due`: how long after the first each was due. `started`, `committed`: how long after it was due its attempt began
    and its outcome was committed. `cpu`: of all processes, from shortly before the first was due to the end.
    """

    due: list[float]
    started: list[float]
    committed: list[float]
    cpu: float

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.due)

    @property
    def per_second(self) -> float:
        """Of rows that are due together: from that instant to the last commit."""
        return self.rows / max(self.committed)

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds."""
        return 1000 * self.cpu / self.rows

    @property
    def early(self) -> int:
        """How many began before they were due: none may."""
        return sum(1 for late in self.started if late < 0)

    def late(self, share: float) -> float:
        """How late this share of the rows was committed at most."""
        return quantile(sorted(self.committed), share)


class Planner:
    """Says how far ahead rows must be due to be planned in time, by how fast they were planned so far.

    Planned rows are analyzed, which takes as long as the tables are large: that is tried before, each time.
    """

    def __init__(self) -> None:
        self._rate = SURELY
        self._analyzing = 0.0

    def first(self, count: int) -> datetime:
        """When the first of so many may be due."""
        begun = time.monotonic()
        work.analyze()
        self._analyzing = time.monotonic() - begun
        return clock.now() + AHEAD + timedelta(seconds=2 * (self._analyzing + count / self._rate))

    def took(self, count: int, seconds: float) -> None:
        """So many were planned in so long; a few say nothing of many."""
        if count >= 1000:
            self._rate = count / max(seconds - self._analyzing, seconds / 4)


PLANNER = Planner()


def together(kind: str, handler: str) -> Fired:
    """Fire a row for each entity of the kind, all due at one moment."""
    return _fire(work.count_people(kind), AT_ONCE, lambda first: work.due_rows(kind, handler, first))


def spread(kind: str, handler: str, *, rows: int, lasts: timedelta) -> Fired:
    """Fire so many rows, due evenly over that time."""
    return _fire(rows, lasts, lambda first: work.spread_rows(kind, handler, first, lasts, rows))


def warm_up(handler: str, *, kind: str = "warm", rows: int = 1_000) -> None:
    """Have every process started, connected and awake."""
    work.people(kind, rows)
    together(kind, handler)


def _fire(rows: int, lasts: timedelta, plan: Callable[[datetime], Rule]) -> Fired:
    keep_a_sweep_awake()
    # Planned first and made due afterwards would not be the same rows: so due far enough ahead to be planned by then.
    first = PLANNER.first(rows)
    begun = time.monotonic()
    rule = plan(first)
    PLANNER.took(rows, time.monotonic() - begun)
    left = (first - clock.now()).total_seconds()
    if left < 0.5:
        raise RuntimeError(f"the rows were due {0.5 - left:.1f} s before all was ready; is the machine busy?")
    time.sleep(left - 0.3)
    before = cpu.seconds(server_folder())
    _wait(first + lasts)
    used = cpu.seconds(server_folder()) - before
    with connection.cursor() as cursor:
        cursor.execute(TIMES, [first, rule.pk])
        found = cursor.fetchall()
    if len(found) != rows:
        raise RuntimeError(f"{len(found):,} of {rows:,} rows were completed")
    due, started, committed = (list(column) for column in zip(*found, strict=True))
    return Fired(due, started, committed, used)


def _wait(last: datetime) -> None:
    give_up = time.monotonic() + (last - clock.now()).total_seconds() + LIMIT_SECONDS
    while work.unfinished(last):
        if time.monotonic() > give_up:
            raise RuntimeError(f"not all were done {LIMIT_SECONDS:.0f} s after the last was due")
        time.sleep(0.25)


def keep_a_sweep_awake() -> None:
    """One tick, as beat would send it; a sweep that is awake already is followed by another for the next minute."""
    current_app.send_task("punctual.sweep", queue="sweep")
    give_up = time.monotonic() + WAKE_SECONDS
    while not Sweep.objects.filter(seen_at__gt=clock.now() - timedelta(seconds=6), passes__gt=0).exists():
        if time.monotonic() > give_up:
            raise RuntimeError(f"no sweep woke up within {WAKE_SECONDS:.0f} s")
        time.sleep(0.1)
