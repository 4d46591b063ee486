"""Nothing that was promised is withdrawn or passed over because something else was written."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from events import operations
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from tests.engine.handlers import Bidden
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def test_a_rule_edited_after_days_without_planning_loses_none_of_the_days(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule(rrule="FREQ=HOURLY", timezone="UTC")
    world.now += timedelta(days=5)
    rule.refresh_from_db()
    rule.payload = {"text": "new"}
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    world.plan()
    slots = list(Occurrence.objects.order_by("slot").values_list("slot", flat=True))
    assert {after - before for before, after in pairwise(slots)} == {timedelta(hours=1)}


@pytest.mark.parametrize("edit", ["entity", "rule"])
def test_what_was_backfilled_survives_an_edit_of_something_else(world: World, edit: str) -> None:
    world.person("alice", "UTC")
    Entity.objects.update(created_at=world.now - timedelta(hours=1))
    rule = world.rule(start_date=date(2027, 1, 1))
    operations.backfill(
        rule,
        after=world.now - timedelta(days=10),
        before=world.now - timedelta(days=1),
        origin=world.origin(),
        why="test",
        dry_run=False,
    )
    backfilled = Occurrence.objects.filter(due_at__lt=world.now - timedelta(days=1))
    assert backfilled.filter(state="SCHEDULED").count() == 9
    if edit == "entity":
        facts = EntityFacts("person", "alice", "UTC", "Alice with a new name")
        operations.put_entities([facts], origin=world.origin())
    else:
        rule.refresh_from_db()
        rule.payload = {"text": "new"}
        operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert backfilled.filter(state="SCHEDULED").count() == 9


def test_a_snapshot_stays_as_it_was_planned_when_rule_and_person_are_edited(world: World) -> None:
    alice = EntityFacts("person", "alice", "UTC", "Alice", {"shoe": "left"})
    operations.put_entities([alice], origin=world.origin())
    due = world.now.replace(microsecond=0) + timedelta(minutes=10)
    rule = world.rule(
        rrule="", start_date=due.date(), local_time=due.time(), timezone="UTC",
        handler="idempotent", snapshot=True, payload={"text": "before"},
    )  # fmt: skip
    rule.refresh_from_db()
    rule.payload = {"text": "after"}
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    moved = EntityFacts("person", "alice", "UTC", "Alice", {"shoe": "right"})
    operations.put_entities([moved], origin=world.origin())
    world.now = due
    world.tick()
    (call,) = Bidden.calls
    assert (call.payload["text"], call.entity.attributes["shoe"]) == ("before", "left")


def test_a_move_means_the_same_whoever_else_is_written_with_it(world: World) -> None:
    """Bob's old row, held by a paused rule, must not decide what becomes of Alice's row of today."""
    world.now = datetime(2027, 3, 10, 5, 0, tzinfo=UTC)
    results = []
    for company in (False, True):
        alice, bob = f"alice {company}", f"bob {company}"
        if company:
            world.now -= timedelta(days=3)
            world.person(bob, "UTC")
            facts = Entity.objects.get(external_id=bob)
            world.rule(entity=facts, rrule="", local_time=(world.now + timedelta(hours=1)).time(),
                       timezone="UTC", start_date=world.now.date())  # fmt: skip
            world.now += timedelta(days=3)
        world.person(alice, "America/New_York")
        rule = world.rule(entity=Entity.objects.get(external_id=alice), start_date=world.now.date())
        moved = [EntityFacts("person", alice, "Asia/Tokyo", "moved")]
        if company:
            moved.append(EntityFacts("person", bob, "UTC", "renamed"))
        operations.put_entities(moved, origin=world.origin())
        results.append(
            list(Occurrence.objects.filter(rule=rule).order_by("slot").values_list("slot", "state", "due_at"))
        )
    assert results[0] == results[1]


@pytest.mark.parametrize("birthday", ["0001-01-01", "9999-12-31", "1990-W20-4"])
def test_a_date_at_the_end_of_the_calendar_stops_nobody_elses_plan(world: World, birthday: str) -> None:
    world.person("alice", "Pacific/Kiritimati", birthday="1990-03-01")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY", anchor_offset_days=-1)
    world.rule(anchor="birthday", rrule="FREQ=YEARLY", anchor_offset_days=1)
    world.person("bob", "Pacific/Kiritimati", birthday=birthday)
    Rule.objects.update(planned_until=world.now)
    world.plan()


@pytest.mark.parametrize("value", ["\x00", "\ud800", float("nan")])
def test_attributes_that_the_database_cannot_keep_are_refused_by_name(world: World, value: object) -> None:
    facts = EntityFacts("person", "alice", "UTC", "Alice", {"x": value})
    with pytest.raises(operations.InvalidEntity, match=r"attributes|x"):
        operations.put_entities([facts], origin=world.origin())


@pytest.mark.parametrize("value", ["\x00", "\ud800", float("nan")])
def test_a_payload_that_the_database_cannot_keep_is_refused_by_name(world: World, value: object) -> None:
    world.person()
    with pytest.raises(operations.InvalidRule, match="payload"):
        world.rule(payload={"x": value})


def test_one_rule_that_cannot_be_planned_does_not_keep_the_others_from_it(world: World) -> None:
    alice = world.person("alice", "UTC")
    broken = world.rule(name="a broken one", entity=alice)
    sound = world.rule(name="b sound one", entity=alice)
    Rule.objects.filter(pk=broken.pk).update(timezone="Atlantis/Capital")  # gone from a newer tzdata
    Rule.objects.update(planned_until=world.now)
    with suppress(Exception):  # said or not, the other must be planned
        world.plan()
    sound.refresh_from_db()
    assert sound.planned_until == world.now + world.horizon
