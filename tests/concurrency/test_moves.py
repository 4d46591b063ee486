"""Edits of one person, and new zone data, at once: the last word counts, whole, and rows and log agree."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from events import operations, planning
from events.models import Entity, Occurrence
from events.operations import EntityFacts
from events.queries.audit import audit_log
from events.timing import TZDATA_VERSION, Fold, Gap, resolve, zone

if TYPE_CHECKING:
    from tests.concurrency.conftest import Together
    from tests.engine.world import World

ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kathmandu")


def put(world: World, timezone: str, days: int) -> None:
    birthday = (world.now + timedelta(days=days)).date().replace(year=1988)
    facts = EntityFacts("person", "alice", timezone, "Alice", {"birthday": birthday.isoformat()})
    operations.put_entities([facts], origin=world.origin())


def wanted() -> tuple[datetime, datetime]:
    """The slot that the person's facts name now, and its instant."""
    alice = Entity.objects.get()
    day = datetime.fromisoformat(alice.attributes["birthday"]).date()
    (planned,) = Occurrence.objects.filter(state="SCHEDULED").values_list("slot", flat=True)
    slot = datetime.combine(day.replace(year=planned.year), time(9))
    (found,) = resolve(slot, zone(alice.timezone), gap=Gap.SHIFT, fold=Fold.FIRST)
    return slot, found.due_at


def rule_for_birthdays(world: World) -> None:
    world.horizon = timedelta(days=8)
    put(world, "UTC", 2)
    world.rule(anchor="birthday", rrule="FREQ=YEARLY")


def test_of_two_edits_at_once_the_last_one_counts_with_zone_and_date(
    world: World, together: Together
) -> None:
    rule_for_birthdays(world)
    for turn in range(6):
        edits = [partial(put, world, ZONES[(turn + each) % 4], 2 + each) for each in range(3)]
        together(*edits)
        row = Occurrence.objects.get(state="SCHEDULED")
        assert (row.slot, row.due_at) == wanted()
        assert row.timezone == Entity.objects.get().timezone
    assert audit_log().disagreements == ()


def test_new_zone_data_is_applied_beside_edits_and_beside_itself(world: World, together: Together) -> None:
    rule_for_birthdays(world)
    for turn in range(6):
        Occurrence.objects.update(tzdata_version="2001a")
        apply = partial(planning.apply_zone_data, origin=world.origin())
        first, second, _ = together(apply, apply, partial(put, world, ZONES[turn % 4], 2 + turn % 3))
        assert (first.broken, second.broken) == ({}, {})
        row = Occurrence.objects.get(state="SCHEDULED")
        assert (row.slot, row.due_at) == wanted()
        assert row.tzdata_version == TZDATA_VERSION
    assert audit_log().disagreements == ()


def test_of_two_that_apply_the_same_zone_data_one_finds_it_done(world: World, together: Together) -> None:
    world.person("alice", "Europe/Berlin")
    world.rule()
    planned = Occurrence.objects.update(tzdata_version="2001a")
    apply = partial(planning.apply_zone_data, origin=world.origin())
    assert sorted(outlook.hold for outlook in together(apply, apply)) == [0, planned]


def test_edits_of_several_kinds_at_once_after_a_downtime_of_the_planner_wait_for_no_one_in_a_circle(
    world: World, together: Together
) -> None:
    kinds, present = ("device", "person"), world.now
    world.now -= timedelta(days=5)

    def put_all(timezone: str, order: slice) -> operations.Put:
        facts = [EntityFacts(kind, f"{kind} {number}", timezone) for kind in kinds for number in range(3)]
        return operations.put_entities(facts[order], origin=world.origin())

    put_all("America/New_York", slice(None))
    Entity.objects.update(created_at=world.now)
    for kind in kinds:
        world.rule(audience_kind=kind)
    world.now = present
    forth, back = slice(None), slice(None, None, -1)
    for turn in range(4):
        order = (forth, back)[turn % 2]
        together(*(partial(put_all, ZONES[(turn + each) % 4], order) for each in range(3)))
    for entity in Entity.objects.all():
        slots = Occurrence.objects.filter(entity=entity).order_by("slot").values_list("slot", flat=True)
        days = [slot.date() for slot in slots]
        assert days == [days[0] + timedelta(days=each) for each in range(len(days))]
        assert days[-1] > present.date()
    assert audit_log().disagreements == ()
