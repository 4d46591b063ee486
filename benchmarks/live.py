"""The whole machine: a sweeper, two workers and the broker. What is counted is what PostgreSQL has committed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from celery import current_app
from django.db import connection

from benchmarks import work
from benchmarks.stack import cpu_times, used_since
from events import clock
from events.models import Sweep

if TYPE_CHECKING:
    from events.models import Rule

COMMITTED = """
    SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - due_at) FROM events_occurrence
    WHERE rule_id = %s AND state = 'COMPLETED' ORDER BY 1
"""


def drain(kind: str, handler: str) -> dict[str, float]:
    """Rows a second from the first claim to the last commit, and CPU seconds per 1,000, for rows due together."""
    rule, cpu, late = _fire(kind, handler, ahead=timedelta(seconds=4))
    return {
        "rows": len(late),
        "per_second": len(late) / late[-1],
        "cpu_per_1000": 1000 * cpu / len(late),
        "rule": rule.pk,
    }


def burst(kind: str, handler: str) -> dict[str, float]:
    """How late rows that are due in one second were committed: p50, p99, max, in seconds."""
    _, _, late = _fire(kind, handler, ahead=timedelta(seconds=4))
    return {"p50": quantile(late, 0.5), "p99": quantile(late, 0.99), "max": late[-1], "earliest": late[0]}


def quantile(values: list[float], share: float) -> float:
    """The value that this share of the (sorted) values does not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]


def _fire(kind: str, handler: str, *, ahead: timedelta) -> tuple[Rule, float, list[float]]:
    # Planned first and made due afterwards would not be the same rows: so due far enough ahead to be planned by then.
    planning = timedelta(seconds=_count(kind) / 20_000)
    due_at = clock.now() + planning + ahead
    rule = work.due_rows(kind, handler, due_at)
    _keep_a_sweep_awake()
    left = (due_at - clock.now()).total_seconds()
    if left < 0.5:
        raise RuntimeError(
            f"planning took {-left} s longer than expected: the rows were due before they were there"
        )
    time.sleep(left - 0.3)
    before = cpu_times()
    while work.unfinished():
        time.sleep(0.25)
    cpu = used_since(before)
    with connection.cursor() as cursor:
        cursor.execute(COMMITTED, [rule.pk])
        return rule, cpu, [float(row[0]) for row in cursor.fetchall()]


def _count(kind: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events_entity WHERE kind = %s", [kind])
        return int(cursor.fetchone()[0])


def _keep_a_sweep_awake() -> None:
    """One tick, as beat would send it, unless a sweep is awake for the next half minute."""
    current_app.send_task("punctual.sweep", queue="sweep")
    give_up = time.monotonic() + 30
    while not Sweep.objects.filter(seen_at__gt=clock.now() - timedelta(seconds=6), passes__gt=0).exists():
        if time.monotonic() > give_up:
            raise RuntimeError("no sweep woke up within 30 s")
        time.sleep(0.1)
