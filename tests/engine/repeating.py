"""Rules whose interval counts from the end of the one before, and the passes that plan them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from events import operations, planning
from events.models import EveryFrom, Occurrence, Rule
from events.operations import EntityFacts
from tests.engine.world import World

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(2027, 3, 1, tzinfo=UTC)


def repeat(world: World, every: str = "PT30M", **fields: object) -> Rule:
    """From midnight on, half a minute from now."""
    chosen = {"rrule": "", "start_date": date(2027, 3, 1), "local_time": time(0), "handler": "idempotent"}
    return world.rule(**{**chosen, "every": every, "every_from": EveryFrom.COMPLETION, **fields})


def go_on(world: World) -> int:
    """What a sweep does before it claims."""
    world.recover()
    planning.replan_edited(origin=world.origin("engine:test"))
    return planning.plan_after_completion(origin=world.origin("engine:test"))


def pass_time(world: World, until: datetime, step: timedelta = MINUTE) -> None:
    while world.now < until:
        go_on(world)
        world.sweep()
        world.now += step
    go_on(world)


def run_first(world: World) -> Occurrence:
    """The row that is there, at its moment."""
    row = Occurrence.objects.get(state="SCHEDULED")
    world.now = row.due_at
    world.sweep()
    row.refresh_from_db()
    return row


def to_come() -> list[datetime]:
    return list(
        Occurrence.objects.filter(state="SCHEDULED").order_by("due_at").values_list("due_at", flat=True)
    )


def dues(**of: object) -> list[datetime]:
    return list(Occurrence.objects.filter(**of).order_by("due_at").values_list("due_at", flat=True))


def edit(world: World, rule: Rule, **changes: object) -> int:
    rule.refresh_from_db()
    for name, value in changes.items():
        setattr(rule, name, value)
    return operations.change_rule(rule, horizon=world.horizon, origin=world.origin())


def move(world: World, timezone: str, external_id: str = "alice", name: str = "moved") -> None:
    operations.put_entities([EntityFacts("person", external_id, timezone, name)], origin=world.origin())
