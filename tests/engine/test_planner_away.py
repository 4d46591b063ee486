"""The planner is away, and people are edited meanwhile: what came due by their facts of before is not lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import operations, planning
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2027, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """Ten o'clock in Greenwich, planned up to the same time two days later; the log is sound whatever happened."""
    world = World(START)
    yield world
    assert audit_log().disagreements == ()


def fly(world: World, timezone: str, **attributes: str) -> None:
    facts = EntityFacts("person", "alice", timezone, "Alice", attributes)
    operations.put_entities([facts], origin=world.origin())


def planner_is_back(world: World, after: timedelta) -> None:
    world.now += after
    world.plan()


def days(**fields: object) -> list[date]:
    slots = Occurrence.objects.filter(**fields).order_by("slot").values_list("slot", flat=True)
    return [slot.date() for slot in slots]


def from_to(first: int, last: int) -> list[date]:
    return [date(2027, 3, day) for day in range(first, last + 1)]


def test_each_day_of_a_downtime_has_its_row_though_its_person_flew_before_anybody_planned(
    world: World,
) -> None:
    """The third at nine is due at 14:00 UTC in New York, after the plan's end; in Auckland it was, before it."""
    world.person("alice", "America/New_York")
    world.rule()
    world.now = START + 5 * DAY
    fly(world, "Pacific/Auckland")
    planner_is_back(world, HOUR)
    assert days() == from_to(1, 8)
    assert set(Occurrence.objects.values_list("timezone", flat=True)) == {"Pacific/Auckland"}


@pytest.mark.parametrize("hours", [20, 24, 40, 47])
def test_whoever_flies_over_the_date_line_while_the_plan_runs_out_loses_no_day(
    world: World, hours: int
) -> None:
    world.person("alice", "Pacific/Pago_Pago")
    world.rule()
    world.now = START + timedelta(hours=hours)
    fly(world, "Pacific/Kiritimati")
    planner_is_back(world, 2 * DAY)
    found = days()
    assert found == from_to(found[0].day, found[-1].day)
    assert found[-1] >= date(2027, 3, 6)


def test_who_keeps_what_is_planned_has_the_downtimes_rows_where_they_were(world: World) -> None:
    world.person("alice", "America/New_York")
    world.rule(on_move="keep")
    world.now = START + 5 * DAY
    fly(world, "Europe/Berlin")
    assert days(timezone="America/New_York") == from_to(1, 6)
    planner_is_back(world, HOUR)
    assert days(timezone="Europe/Berlin") == from_to(7, 8)


def test_a_deleted_persons_moments_of_the_downtime_end_cancelled_as_rows_with_a_reason(world: World) -> None:
    alice = world.person("alice", "Europe/Berlin")
    world.rule()
    world.now = START + 5 * DAY
    operations.delete_entities([alice.pk], why="she left", origin=world.origin())
    assert days() == days(state="CANCELLED", reason="entity_deleted") == from_to(2, 7)


def test_whoever_joins_during_the_downtime_has_no_rows_of_before(world: World) -> None:
    world.person("alice", "Europe/Berlin")
    world.rule()
    world.now = START + 5 * DAY
    operations.put_entities([EntityFacts("person", "bob", "Europe/Berlin")], origin=world.origin())
    planner_is_back(world, HOUR)
    bobs = Occurrence.objects.filter(entity__external_id="bob")
    assert min(bobs.values_list("due_at", flat=True)) >= Entity.objects.get(external_id="bob").created_at
    assert days(entity__external_id="alice") == from_to(2, 8)


def test_a_rule_that_cannot_be_planned_stops_nobodys_edit(world: World) -> None:
    world.person("alice", "America/New_York", team="blue")
    rule = world.rule(audience_filter={"team": "red"})
    Rule.objects.filter(pk=rule.pk).update(rrule="FREQ=NEVER")
    world.now = START + 5 * DAY
    fly(world, "Europe/Berlin", team="blue")
    assert Entity.objects.get().timezone == "Europe/Berlin"


def test_where_a_planner_is_at_work_an_edit_asks_no_more_than_whether_it_is(world: World) -> None:
    world.person("alice", "America/New_York")
    world.rule()
    world.now = START + timedelta(hours=21)
    world.plan()
    planned = Rule.objects.get().planned_until
    with CaptureQueriesContext(connection) as asked:
        planning.plan_before_edits(["person"], origin=world.origin())
    assert [query["sql"].split()[0] for query in asked] == ["SELECT", "SELECT"]  # that, and the lock
    assert Rule.objects.get().planned_until == planned
