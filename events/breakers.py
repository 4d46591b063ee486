"""Circuit breakers: one for each destination, in PostgreSQL and so shared by all sweeps and workers.

closed -> open after so many failures in a row; open -> half open when a sweep takes a probe, one a window;
half open -> closed by a success, and open again by the probe's failure.
Source: Nygard, Release It!, "Circuit Breaker".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Q

from events.lifecycle import State
from events.models import Breaker, BreakerState, Occurrence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

LONGEST_WORDS = 500


class Destination(NamedTuple):
    """Whom a handler reaches."""

    handler: str
    name: str


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Open after `failures` in a row (0: never); then one probe every `window`."""

    failures: int = 5
    window: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker that has something to tell. While it is not closed: its next probe's time, and its latest probe."""

    state: BreakerState
    probe_at: datetime | None
    probe: int | None

    def lets_pass(self, ids: Sequence[int]) -> bool:
        """Whether these occurrences may be called: while it is not closed, only as the probe."""
        if self.state == BreakerState.CLOSED:
            return True
        return self.state == BreakerState.HALF_OPEN and list(ids) == [self.probe]

    def may_probe(self, now: datetime) -> bool:
        """Whether the time of the next probe has come."""
        return self.probe_at is not None and self.probe_at <= now


def not_closed() -> dict[Destination, Standing]:
    """Every breaker that is open or half open."""
    rows = Breaker.objects.exclude(state=BreakerState.CLOSED).values_list("handler", "destination", *STANDING)
    return {Destination(handler, name): _standing(row) for handler, name, *row in rows}


def standing(destination: Destination) -> Standing | None:
    """How a destination's breaker stands; None if it is closed and nothing has failed since the last success."""
    row = _of(destination).exclude(state=BreakerState.CLOSED, failures=0).values_list(*STANDING).first()
    return None if row is None else _standing(row)


STANDING = ("state", "probe_at", "probe")


def _standing(row: Sequence[Any]) -> Standing:
    state, probe_at, probe = row
    return Standing(BreakerState(state), probe_at, probe)


@transaction.atomic
def take_probe(destination: Destination, occurrence_id: int, *, window: timedelta, now: datetime) -> bool:
    """Make one occurrence the probe of this window: open -> half open; False if the window has its probe.

    A breaker that another sweep is at is passed over: two that wait for each other's would wait for ever. A probe that
    is still on its way to a worker is not overtaken: in a long queue each would be refused when its turn comes.
    """
    due = _of(destination).filter(probe_at__lte=now).exclude(state=BreakerState.CLOSED)
    breaker = due.select_for_update(skip_locked=True).first()
    if breaker is None or _is_on_its_way(breaker.probe):
        return False
    taken = {"state": BreakerState.HALF_OPEN, "probe": occurrence_id, "probe_at": now + window}
    return bool(Breaker.objects.filter(pk=breaker.pk).update(**taken, changed_at=now))


def _is_on_its_way(probe: int | None) -> bool:
    return probe is not None and Occurrence.objects.filter(pk=probe, state=State.PENDING).exists()


def succeeded(destination: Destination, *, now: datetime) -> None:
    """A call was answered: failures in a row begin anew, and a half open breaker closes."""
    failing = Q(state=BreakerState.HALF_OPEN) | Q(state=BreakerState.CLOSED, failures__gt=0)
    _close(_of(destination).filter(failing), now=now)


# What failed without being the probe says nothing new of a breaker that is open already.
FAILED = """
INSERT INTO events_breaker AS b (handler, destination, state, failures, last_failure, opened_at, probe_at, changed_at)
VALUES (%(handler)s, %(name)s, CASE WHEN %(count)s >= %(limit)s THEN 'open' ELSE 'closed' END, %(count)s, %(why)s,
        CASE WHEN %(count)s >= %(limit)s THEN %(now)s::timestamptz END,
        CASE WHEN %(count)s >= %(limit)s THEN %(now)s::timestamptz + %(window)s END, %(now)s)
ON CONFLICT (handler, destination) DO UPDATE
SET failures = b.failures + %(count)s, last_failure = %(why)s, changed_at = %(now)s,
    state = CASE WHEN b.state = 'half_open' AND b.probe <> ALL(%(ids)s) THEN 'half_open'
                 WHEN b.state <> 'closed' OR b.failures + %(count)s >= %(limit)s THEN 'open' ELSE 'closed' END,
    opened_at = CASE WHEN b.state <> 'closed' THEN b.opened_at
                     WHEN b.failures + %(count)s >= %(limit)s THEN %(now)s END,
    probe_at = CASE WHEN b.state = 'half_open' AND b.probe = ANY(%(ids)s) THEN %(now)s + %(window)s
                    WHEN b.state <> 'closed' THEN b.probe_at
                    WHEN b.failures + %(count)s >= %(limit)s THEN %(now)s + %(window)s END
RETURNING state
"""


def failed(
    destination: Destination, ids: Sequence[int], *, why: str, tolerance: Tolerance, now: datetime
) -> BreakerState:
    """These occurrences' calls failed, one after another; how the breaker stands now."""
    if not tolerance.failures:
        return BreakerState.CLOSED
    facts: dict[str, Any] = {
        "handler": destination.handler,
        "name": destination.name,
        "ids": list(ids),
        "count": len(ids),
        "why": why[:LONGEST_WORDS],
        "limit": tolerance.failures,
        "window": tolerance.window,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(FAILED, facts)
        return BreakerState(cursor.fetchone()[0])


def close(destination: Destination, *, now: datetime) -> bool:
    """Close it by a person's word, whatever its state; False if it was closed."""
    return bool(_close(_of(destination).exclude(state=BreakerState.CLOSED), now=now))


def force_open(destination: Destination, *, until: datetime, why: str, now: datetime) -> None:
    """Open it by a person's word: no call, and no probe, before `until`."""
    facts = {
        "state": BreakerState.OPEN, "last_failure": why[:LONGEST_WORDS], "opened_at": now, "probe_at": until,
        "probe": None, "changed_at": now,
    }  # fmt: skip
    Breaker.objects.update_or_create(
        handler=destination.handler, destination=destination.name, defaults=facts
    )


def _of(destination: Destination) -> QuerySet[Breaker]:
    return Breaker.objects.filter(handler=destination.handler, destination=destination.name)


def _close(found: QuerySet[Breaker], *, now: datetime) -> int:
    return found.update(
        state=BreakerState.CLOSED, failures=0, opened_at=None, probe_at=None, probe=None, changed_at=now
    )
