"""Intervals that count from the end of the one before, where rules and people are edited."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time
from itertools import pairwise

import pytest

from events import operations
from events.models import Occurrence
from events.operations import EntityFacts
from tests.engine.repeating import (
    DAY,
    HOUR,
    MIDNIGHT,
    MINUTE,
    dues,
    edit,
    go_on,
    move,
    pass_time,
    repeat,
    run_first,
    to_come,
)
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def test_who_leaves_and_comes_back_goes_on(world: World) -> None:
    world.person("alice", "UTC", team="blue")
    repeat(world, audience_filter={"team": "blue"})
    run_first(world)
    go_on(world)
    for team, states in (
        ("red", {"COMPLETED": 1, "CANCELLED": 1}),
        ("blue", {"COMPLETED": 1, "SCHEDULED": 1}),
    ):
        facts = EntityFacts("person", "alice", "UTC", "", {"team": team})
        operations.put_entities([facts], origin=world.origin())
        go_on(world)
        assert Counter(Occurrence.objects.values_list("state", flat=True)) == states
    assert to_come() == [MIDNIGHT + 30 * MINUTE]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param("Asia/Tokyo", "America/New_York", id="to the west, where it is yesterday"),
        pytest.param("Pacific/Kiritimati", "Pacific/Pago_Pago", id="a whole day back"),
        pytest.param("America/New_York", "Asia/Tokyo", id="to the east"),
    ],
)
@pytest.mark.parametrize("every", ["PT1H", "P1D"])
def test_who_moves_is_called_on_without_a_gap(world: World, here: str, there: str, every: str) -> None:
    interval, step = {"PT1H": (HOUR, 30 * MINUTE), "P1D": (DAY, HOUR)}[every]
    world.now = MIDNIGHT - 2 * DAY
    world.person("alice", here)
    repeat(world, every, start_date=date(2027, 2, 28))
    pass_time(world, MIDNIGHT + 30 * HOUR, step=step)
    move(world, there)
    pass_time(world, MIDNIGHT + 3 * DAY, step=step)
    called = dues(state="COMPLETED")
    assert {after - before for before, after in pairwise(called)} <= {interval}
    assert called[-1] + interval >= MIDNIGHT + 3 * DAY
    assert len(to_come()) == 1


def test_a_row_to_come_that_counts_in_days_moves_with_the_zone_and_one_in_hours_does_not(
    world: World,
) -> None:
    world.now = MIDNIGHT
    world.person("alice", "Europe/Berlin")
    repeat(world, "P1D", name="days", start_date=date(2027, 3, 1), local_time=time(9))
    repeat(world, "PT24H", name="hours", start_date=date(2027, 3, 1), local_time=time(9))
    pass_time(world, datetime(2027, 3, 1, 8, 1, tzinfo=UTC))
    assert set(to_come()) == {datetime(2027, 3, 2, 8, 0, tzinfo=UTC)}
    move(world, "America/New_York")
    assert dues(rule__name="hours", state="SCHEDULED") == [datetime(2027, 3, 2, 8, tzinfo=UTC)]
    # it ended at 03:00 on New York's clock
    assert dues(rule__name="days", state="SCHEDULED") == [datetime(2027, 3, 2, 8, tzinfo=UTC)]


def test_a_paused_rule_holds_the_next_and_goes_on_from_its_late_end(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world)
    run_first(world)
    operations.pause_rule(rule, origin=world.origin())
    go_on(world)
    world.now += 2 * HOUR
    world.sweep()
    assert (go_on(world), Occurrence.objects.filter(hold="rule_paused").count()) == (0, 1)
    rule.refresh_from_db()
    operations.resume_rule(rule, origin=world.origin())
    world.sweep()
    assert go_on(world) == 1
    assert to_come() == [world.now + 30 * MINUTE]


def test_a_retired_rule_plans_nothing_more(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world)
    run_first(world)
    operations.retire_rule(rule, why="no longer wanted", origin=world.origin())
    assert (go_on(world), to_come()) == (0, [])


def test_an_edit_before_the_first_makes_another_first(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world)
    edit(world, rule, every="PT1H", local_time=time(0, 20))
    assert to_come() == [MIDNIGHT + 20 * MINUTE]
    assert (go_on(world), world.plan()) == (0, 0)


def test_an_edit_after_it_ran_moves_the_next_and_back_again_reinstates_it(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world)
    run_first(world)
    go_on(world)
    planned = Occurrence.objects.get(state="SCHEDULED").pk
    edit(world, rule, every="PT3H")
    assert to_come() == [MIDNIGHT + 3 * HOUR]
    edit(world, rule, every="PT30M")
    assert to_come() == [MIDNIGHT + 30 * MINUTE]
    again = Occurrence.objects.get(state="SCHEDULED")
    assert (again.pk, again.reason) == (planned, "reinstated")


def test_an_edit_of_something_else_changes_no_row(world: World) -> None:
    world.people({"alice": "UTC", "bob": "Asia/Tokyo"})
    rule = repeat(world)
    before = set(Occurrence.objects.values_list("pk", "due_at", "state"))
    assert edit(world, rule, payload={"text": "new"}) == 0
    world.now = max(to_come())
    world.sweep()
    go_on(world)
    assert edit(world, rule, payload={"text": "newer"}) == 0
    assert len(before) == 2


def test_an_interval_may_be_told_to_count_from_its_start_and_back(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world, "PT12H")
    run_first(world)
    go_on(world)
    world.now += 10 * MINUTE
    edit(world, rule, every_from="start")
    assert to_come() == [MIDNIGHT + number * 12 * HOUR for number in range(1, 5)]
    world.now = MIDNIGHT + 13 * HOUR
    world.sweep()
    edit(world, rule, every_from="completion")
    assert to_come() == [MIDNIGHT + 25 * HOUR]
