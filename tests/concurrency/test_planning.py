"""Several plan at once, or while something runs: each moment has one row, whoever wrote it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from events import operations, planning
from events.handling import Completed, HandlerContext, Outcome
from events.models import EveryFrom, Occurrence, Rule
from events.operations import EntityFacts
from tests.engine import handlers

if TYPE_CHECKING:
    from tests.concurrency.conftest import Together
    from tests.engine.world import World

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def go_on(world: World) -> int:
    """What a sweep does before it claims."""
    planning.replan_edited(origin=world.origin("engine:test"))
    return planning.plan_after_completion(origin=world.origin("engine:test"))


def repeat(world: World, every: str) -> Rule:
    """From now on."""
    return world.rule(
        rrule="", start_date=world.now.date(), local_time=world.now.time(), timezone="UTC",
        every=every, every_from=EveryFrom.COMPLETION, handler="idempotent",
    )  # fmt: skip


def to_come() -> list[object]:
    return list(Occurrence.objects.filter(state="SCHEDULED").values_list("due_at", flat=True))


@pytest.mark.parametrize(
    "fields",
    [{"window": 8 * HOUR, "draws": 3, "spacing": HOUR}, {"rrule": "", "every": "PT1H", "window": MINUTE}],
)
def test_planners_at_once_draw_the_same_moments_once(
    world: World, together: Together, fields: dict[str, object]
) -> None:
    world.people({f"p{number}": "Asia/Kathmandu" for number in range(100)})
    rule = world.rule(**fields)
    before = set(Occurrence.objects.values_list("entity_id", "slot", "fold", "due_at"))
    for _ in range(3):
        world.now += 25 * HOUR
        written = together(*[world.plan] * 4)
        assert sorted(written)[:3] == [0, 0, 0]
        assert sorted(written)[3] > 0
    rows = Occurrence.objects.filter(rule=rule)
    assert before <= set(rows.values_list("entity_id", "slot", "fold", "due_at"))
    assert max(Counter(rows.values_list("entity_id", "slot", "fold")).values()) == 1


def test_planners_and_an_edit_at_once_leave_only_moments_of_one_drawing(
    world: World, together: Together
) -> None:
    world.people({f"p{number}": "UTC" for number in range(50)})
    rule = world.rule(window=24 * HOUR)

    def edit() -> int:
        edited = Rule.objects.get(pk=rule.pk)
        edited.window = 23 * HOUR
        return operations.change_rule(edited, horizon=world.horizon, origin=world.origin())

    def rename() -> None:
        facts = [EntityFacts("person", f"p{number}", "UTC", "renamed") for number in range(50)]
        operations.put_entities(facts, origin=world.origin())

    world.now += 25 * HOUR
    together(world.plan, edit, rename, world.plan, rename)
    before = set(Occurrence.objects.values_list("entity_id", "slot", "due_at", "state"))
    Rule.objects.update(planned_until=world.now + HOUR)
    world.plan()
    edited = Rule.objects.get()
    edited.payload = {"text": "new"}
    operations.change_rule(edited, horizon=world.horizon, origin=world.origin())
    assert set(Occurrence.objects.values_list("entity_id", "slot", "due_at", "state")) == before


def test_sweeps_at_once_plan_one_next_row_for_each(world: World, together: Together) -> None:
    world.people({f"p{number}": "UTC" for number in range(50)})
    repeat(world, "PT30M")
    for _ in range(3):
        assert world.sweep() == 50
        written = together(*[lambda: go_on(world)] * 4, world.plan)
        assert sum(written) == 50
        assert set(to_come()) == {world.now + 30 * MINUTE}
        world.now += 30 * MINUTE
    assert Occurrence.objects.count() == 4 * 50


def test_a_handler_that_is_slower_than_the_interval_is_never_called_beside_itself(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world, "PT1M")
    spans = []

    def slow(_: HandlerContext) -> Outcome:
        begun = world.now
        for _minute in range(5):
            world.now += MINUTE
            assert (go_on(world), world.claim()) == (0, [])
        spans.append((begun, world.now))
        return Completed()

    handlers.Idempotent.answer = staticmethod(slow)
    end = world.now + 40 * MINUTE
    while world.now < end:
        world.sweep()
        go_on(world)
        world.now += 20 * SECOND
    assert len(spans) >= 5
    assert all(begun - ended == MINUTE for (_, ended), (begun, _) in pairwise(spans))


def test_an_edit_while_it_runs_counts_from_its_end(world: World) -> None:
    world.person("alice", "UTC")
    rule, begun = repeat(world, "PT30M"), world.now

    def edited_meanwhile(_: HandlerContext) -> Outcome:
        edited = Rule.objects.get(pk=rule.pk)
        edited.every = "PT2H"
        operations.change_rule(edited, horizon=world.horizon, origin=world.origin())
        assert (go_on(world), world.plan(), to_come()) == (0, 0, [])
        world.now += MINUTE
        return Completed()

    handlers.Idempotent.answer = staticmethod(edited_meanwhile)
    world.sweep()
    assert go_on(world) == 1
    assert to_come() == [begun + MINUTE + 2 * HOUR]
