"""Rule and person change while their occurrence waits, travels, runs, is tried again or is held: one end for each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import breakers, dispatch, operations, planning
from events.breakers import Destination
from events.handling import Completed, Retry
from events.models import LoggedMove, Occurrence, Rule
from events.operations import EntityFacts
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

DESTINATION = Destination("reaching", "there.example")
HOUR = timedelta(hours=1)


def change_rule(**fields: Any) -> Callable[[World], object]:
    def change(world: World) -> None:
        rule = Rule.objects.get()
        for name, value in fields.items():
            setattr(rule, name, value)
        operations.change_rule(rule, horizon=world.horizon, origin=world.origin())

    return change


def put(timezone: str, team: str) -> Callable[[World], object]:
    facts = EntityFacts("person", "alice", timezone, "Alice", {"team": team})
    return lambda world: operations.put_entities([facts], origin=world.origin())


def delete(world: World) -> None:
    operations.delete_entities([world.only().entity_id], why="asked to be forgotten", origin=world.origin())


# What is done, how the row ends, and how often its handler is called after that.
EDITS: dict[str, tuple[Callable[[World], object], tuple[str, str], int]] = {
    "paused": (
        lambda world: operations.pause_rule(Rule.objects.get(), origin=world.origin()), ("held", "rule_paused"), 0,
    ),
    "retired": (
        lambda world: operations.retire_rule(Rule.objects.get(), why="over", origin=world.origin()),
        ("CANCELLED", "rule_retired"), 0,
    ),
    "person deleted": (delete, ("CANCELLED", "entity_deleted"), 0),
    "person leaves": (put("UTC", "red"), ("CANCELLED", "superseded"), 0),
    "person moves west": (put("America/Lima", "blue"), ("COMPLETED", "completed"), 1),
    "another payload": (change_rule(payload={"to": "elsewhere.example"}), ("COMPLETED", "completed"), 1),
    "another handler": (change_rule(handler="idempotent"), ("COMPLETED", "completed"), 1),
    "a handler that is not there": (
        lambda world: Rule.objects.update(handler="gone", updated_at=world.now), ("held", "handler_missing"), 0,
    ),
    "no overlaps": (change_rule(overlap="skip"), ("COMPLETED", "completed"), 1),
    "expired by now": (change_rule(expires_after=timedelta(seconds=1)), ("SKIPPED", "expired"), 0),
}  # fmt: skip


def travel(world: World) -> None:
    world.claim()


def begin(world: World) -> dispatch.Chunk:
    (chunk,) = world.claim()
    world.lose(chunk, lease=HOUR / 2)
    return chunk


def fail(world: World) -> None:
    handlers.answer(Retry("busy", after=HOUR / 2))
    (chunk,) = world.claim()
    world.run(chunk)


def hold_by_breaker(world: World) -> None:
    breakers.force_open(DESTINATION, until=world.now + HOUR / 2, why="moving house", now=world.now)
    assert world.claim() == []


STANDINGS: dict[str, tuple[Callable[[World], object], str, str]] = {
    "waiting": (lambda world: None, "SCHEDULED", ""),
    "on its way": (travel, "PENDING", ""),
    "at work": (begin, "PROCESSING", ""),
    "tried again": (fail, "RETRYING", ""),
    "held": (hold_by_breaker, "SCHEDULED", "breaker_open"),
}


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_under_way_leads_to_its_end_wherever_the_row_stands_and_then_nothing_moves(
    world: World, standing: str, edit: str
) -> None:
    world.person("alice", "UTC", team="blue")
    world.rule(
        rrule="", start_date=world.now.date(), local_time=world.now.time(), handler="reaching",
        payload={"to": DESTINATION.name}, audience_filter={"team": "blue"},
    )  # fmt: skip
    stand, state, hold = STANDINGS[standing]
    stand(world)
    row = world.only()
    assert (row.state, row.hold) == (state, hold)
    change, (ends, reason), calls = EDITS[edit]
    world.now += timedelta(seconds=1)
    change(world)

    handlers.answer(Completed())
    handlers.Bidden.calls.clear()
    for _ in range(16):
        world.now += HOUR / 2
        world.recover()
        planning.replan_edited(origin=world.origin())
        world.sweep()
    row = world.only()
    assert (row.reason, row.hold or row.state) == (reason, reason if ends == "held" else ends)
    assert len(handlers.Bidden.calls) == calls
    assert Occurrence.objects.count() == 1
    assert LoggedMove.objects.count() <= 12
    logged = LoggedMove.objects.count()
    world.now += HOUR
    world.recover()
    world.sweep()
    assert LoggedMove.objects.count() == logged
