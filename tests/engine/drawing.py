"""Rules with windows, and the moments that were drawn for them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from events import operations
from events.models import Occurrence, Rule
from events.planning.audiences import desired_rows
from tests.engine.world import World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
ZONES = (
    "UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati",
)  # fmt: skip

Drawn = dict[tuple[int, datetime, int], datetime]


def drawn(rule: Rule, *states: str) -> Drawn:
    """The moments on the rows, by entity, slot and fold."""
    rows = Occurrence.objects.filter(rule=rule, state__in=states or ("SCHEDULED",))
    return {(row.entity_id, row.slot, row.fold): row.due_at for row in rows}


def wanted(rule: Rule, after: datetime, before: datetime) -> Drawn:
    """The moments that the rule wants, whether or not they are planned."""
    desired = desired_rows(rule, after=after, before=before)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT entity_id, slot, fold, due_at FROM ({desired.sql}) AS d", dict(desired.parameters)
        )
        return {(entity_id, slot, fold): due_at for entity_id, slot, fold, due_at in cursor.fetchall()}


def everywhere(world: World, count: int = 30) -> None:
    """So many people in each of the zones."""
    world.people({f"{name} {number}": name for name in ZONES for number in range(count)})


def edit(world: World, rule: Rule, **changes: object) -> int:
    rule.refresh_from_db()
    for name, value in changes.items():
        setattr(rule, name, value)
    return operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
