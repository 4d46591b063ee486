"""The work that is measured: people, and rows that are due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import connection

from events import clock, dispatch, operations
from events.models import Rule
from events.operations import EntityFacts
from events.transitions import Origin

if TYPE_CHECKING:
    from datetime import datetime

HORIZON = timedelta(hours=48)


def origin() -> Origin:
    """Now, by whoever measures."""
    return Origin("user:benchmark", uuid4(), clock.now())


def people(kind: str, count: int) -> None:
    """So many entities of a kind, all in UTC."""
    for start in range(0, count, 20_000):
        facts = [EntityFacts(kind, str(number), "UTC") for number in range(start, min(start + 20_000, count))]
        operations.put_entities(facts, origin=origin())
    analyze()


def due_rows(kind: str, handler: str, due_at: datetime) -> Rule:
    """A row for each entity of the kind, all due at one moment."""
    rule = Rule(
        name=f"{handler} {uuid4()}",
        audience_kind=kind,
        start_date=due_at.date(),
        local_time=due_at.time(),
        timezone="UTC",
        handler=handler,
    )
    operations.create_rule(rule, horizon=HORIZON, origin=origin())
    analyze()
    return rule


def analyze() -> None:
    """Statistics first: a fresh table without them is planned as if it were empty."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE events_entity, events_occurrence, events_transition, events_attempt")


def unfinished() -> bool:
    """Whether anything waits or runs; asked of the small indexes, so that asking costs the measured nothing."""
    return dispatch.next_due() is not None or dispatch.in_flight() > 0
