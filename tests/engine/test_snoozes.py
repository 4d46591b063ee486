"""Snoozes: another row stands for what is put off, and the series that it belongs to does not shift."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from events import operations
from events.handling import Reject
from events.models import Occurrence, Rule, RuleState
from events.operations import EntityFacts, NotSnoozed, RetiredRule
from events.operations.errors import Refusal
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World, audited_world

pytestmark = pytest.mark.django_db

# The night before Berlin's clocks go forward, from 02:00 to 03:00 (01:00 UTC).
NOW = datetime(2027, 3, 27, 7, 0, tzinfo=UTC)
NINE = datetime(2027, 3, 27, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


world = audited_world(NOW)


@pytest.fixture
def daily(world: World) -> Rule:
    """Every day at nine in Berlin."""
    return world.rule(entity=world.person("alice", "Europe/Berlin"), payload={"text": "water"})


def put_off(world: World, row: Occurrence, until: datetime, why: str = "busy") -> Occurrence:
    given = operations.snooze(row.pk, until=until, why=why, origin=world.origin())
    return Occurrence.objects.get(pk=given)


def first(rule: Rule) -> Occurrence:
    return Occurrence.objects.filter(rule=rule).earliest("due_at")


def deliveries() -> list[datetime]:
    return list(Delivery.objects.order_by("due_at").values_list("due_at", flat=True))


def test_what_is_to_come_comes_later_with_what_it_tells(world: World, daily: Rule) -> None:
    row = first(daily)
    Occurrence.objects.filter(pk=row.pk).update(
        payload={"text": "its own"}, snapshot={"attributes": {"n": 1}}
    )
    given = put_off(world, row, NINE + HOUR)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("CANCELLED", "snoozed")
    assert (given.state, given.reason, given.given, given.due_at) == ("SCHEDULED", "given", True, NINE + HOUR)
    assert (given.payload, given.snapshot) == ({"text": "its own"}, {"attributes": {"n": 1}})
    assert given.note == "snoozed from 2027-03-27 09:00"
    assert given.idempotency_key != row.idempotency_key
    assert (row.moves.latest("number").detail or {})["stands_for_it"] == given.pk
    assert (given.moves.get().detail or {})["snoozed_from"] == row.pk
    world.now = NINE
    assert world.sweep() == 0
    world.now = NINE + HOUR
    assert world.sweep() == 1
    assert Delivery.objects.get().payload == {"text": "its own"}


def test_what_was_sent_stays_and_comes_once_more(world: World, daily: Rule) -> None:
    world.now = NINE
    world.sweep()
    given = put_off(world, first(daily), NINE + HOUR)
    assert first(daily).state == "COMPLETED"
    world.now = NINE + HOUR
    world.sweep()
    assert deliveries() == [NINE, NINE + HOUR]
    assert put_off(world, given, NINE + 2 * HOUR).note == "snoozed from 2027-03-27 10:00"


def test_the_series_goes_on_as_it_was(world: World, daily: Rule) -> None:
    put_off(world, first(daily), NINE + HOUR)
    world.pass_time(NINE + 2 * DAY, step=timedelta(minutes=15))
    # Nine o'clock is an hour earlier in UTC from the 28th on.
    assert deliveries() == [NINE + HOUR, NINE + 23 * HOUR, NINE + 47 * HOUR]


def test_put_off_onto_the_next_one_both_come(world: World, daily: Rule) -> None:
    tomorrow = NINE + 23 * HOUR
    given = put_off(world, first(daily), tomorrow)
    again = put_off(world, Occurrence.objects.get(rule=daily, due_at=tomorrow, given=False), tomorrow)
    assert given.due_at == again.due_at == tomorrow
    world.now = tomorrow
    assert world.sweep() == 2


def test_put_off_onto_one_that_is_not_planned_yet_both_come(world: World, daily: Rule) -> None:
    later = NINE + 95 * HOUR
    put_off(world, first(daily), later)
    world.now = later - HOUR
    world.plan()
    assert Occurrence.objects.filter(rule=daily, due_at=later, state="SCHEDULED").count() == 2


def test_after_an_edit_both_the_series_and_what_was_put_off_are_right(world: World, daily: Rule) -> None:
    given = put_off(world, first(daily), NINE + 3 * HOUR)
    daily.local_time = time(18, 0)
    operations.change_rule(daily, horizon=world.horizon, origin=world.origin())
    facts = EntityFacts("person", "alice", "Asia/Tokyo", "Alice")
    operations.put_entities([facts], origin=world.origin())
    given.refresh_from_db()
    assert (given.state, given.due_at, given.timezone) == ("SCHEDULED", NINE + 3 * HOUR, "Europe/Berlin")
    planned = Occurrence.objects.filter(rule=daily, given=False, state="SCHEDULED").order_by("due_at")
    assert [row.slot.hour for row in planned] == [18, 18]
    assert {row.timezone for row in planned} == {"Asia/Tokyo"}
    assert first(daily).reason == "snoozed"


def test_an_edit_that_wants_the_same_slot_again_leaves_it_put_off(world: World, daily: Rule) -> None:
    put_off(world, first(daily), NINE + 3 * HOUR)
    for hour in (18, 9):
        daily.local_time = time(hour, 0)
        operations.change_rule(daily, horizon=world.horizon, origin=world.origin())
    assert first(daily).state == "CANCELLED"
    world.now = NINE + 3 * HOUR
    assert world.sweep() == 1


def test_on_its_way_to_a_worker_it_can_still_be_put_off(world: World, daily: Rule) -> None:
    world.now = NINE
    [chunk] = world.claim()
    put_off(world, first(daily), NINE + HOUR)
    assert world.run(chunk).as_result()["outcomes"] == {}
    assert deliveries() == []


def test_what_is_being_sent_or_waits_for_a_person_is_not_put_off(world: World) -> None:
    handlers.answer(Reject("never"))
    rule = world.rule(entity=world.person("bob", "Europe/Berlin"), handler="idempotent")
    world.now = NINE
    [chunk] = world.claim()
    world.lose(chunk)
    refused(world, first(rule), "PROCESSING.*Look again when that has ended")
    world.now += DAY
    world.tick()
    refused(world, first(rule), "FAILED.*Replay it, or resolve it")


def refused(world: World, row: Occurrence, said: str) -> None:
    with pytest.raises(NotSnoozed, match=said):
        put_off(world, row, world.now + HOUR)
    assert row.moves.latest("number").reason == "refused"
    assert not Occurrence.objects.filter(given=True).exists()


def test_what_was_put_off_names_what_stands_for_it(world: World, daily: Rule) -> None:
    given = put_off(world, first(daily), NINE + HOUR)
    with pytest.raises(NotSnoozed, match=f"occurrence {given.pk} stands for it"):
        put_off(world, first(daily), NINE + HOUR)
    operations.cancel([given.pk], why="no", origin=world.origin())
    with pytest.raises(NotSnoozed, match="Make a new one"):
        put_off(world, given, NINE + HOUR)


@pytest.mark.parametrize("number", [0, -1, 2**63, 999_999])
def test_what_is_not_there_is_not_put_off(world: World, number: int) -> None:
    with pytest.raises(NotSnoozed, match="not there"):
        operations.snooze(number, until=NINE, why="", origin=world.origin())


@pytest.mark.parametrize("until", [NOW, NOW - DAY, NOW + 3_654 * DAY])
def test_only_to_a_time_that_is_ahead_and_near(world: World, daily: Rule, until: datetime) -> None:
    with pytest.raises(Refusal, match="within ten years") as caught:
        put_off(world, first(daily), until)
    assert caught.value.field == "until"
    assert first(daily).state == "SCHEDULED"


def test_below_a_second_it_is_the_next_second_never_before(world: World, daily: Rule) -> None:
    assert put_off(world, first(daily), NINE + timedelta(microseconds=1)).due_at == NINE + timedelta(
        seconds=1
    )


def test_of_a_retired_rule_or_a_deleted_entity_nothing_is_put_off(world: World, daily: Rule) -> None:
    world.now = NINE
    world.sweep()
    row = first(daily)
    operations.retire_rule(daily, why="enough", origin=world.origin())
    with pytest.raises(RetiredRule):
        put_off(world, row, NINE + HOUR)
    Rule.objects.update(state=RuleState.ACTIVE)
    operations.delete_entities([row.entity_id], why="gone", origin=world.origin())
    with pytest.raises(NotSnoozed, match="deleted entity"):
        put_off(world, row, NINE + HOUR)


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"until": "2027-03-28T09:00"}, NINE + 23 * HOUR),
        ({"until": "2027-03-28T02:30"}, datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        ({"until": "2027-03-27T12:00Z"}, NINE + 4 * HOUR),
        ({"until": "tomorrow at 9am"}, NINE + 23 * HOUR),
        ({"length": "PT30M"}, NOW + HOUR / 2),
        ({"length": "30 min"}, NOW + HOUR / 2),
        ({"length": "an hour"}, NOW + HOUR),
        ({"length": "1d"}, NOW + 23 * HOUR),
        ({"length": "P1D"}, NOW + 23 * HOUR),
        ({"length": "PT24H"}, NOW + 24 * HOUR),
        ({"length": "the next 2 weeks"}, NOW + 14 * DAY - HOUR),
    ],
)  # fmt: skip
def test_until_when_is_said_in_many_ways(asked: dict[str, str], at: datetime) -> None:
    told: dict[str, Any] = {"until": None, "length": None, **asked}
    over = Occurrence(rule=Rule(), timezone="Europe/Berlin", due_at=NOW - HOUR)
    assert operations.snoozed_until(**told, of=over, now=NOW) == at


@pytest.mark.parametrize(
    ("window", "given", "at"),
    [
        pytest.param(None, False, NINE + DAY - HOUR, id="a day after its moment, over a change of the clock"),
        pytest.param(8 * HOUR, True, NINE + DAY - HOUR, id="put off before, so it is known"),
        pytest.param(8 * HOUR, False, NOW + DAY - HOUR, id="drawn, and told to nobody"),
    ],
)
def test_what_is_ahead_is_put_off_from_its_moment_on(window: timedelta, given: bool, at: datetime) -> None:
    ahead = Occurrence(rule=Rule(window=window), timezone="Europe/Berlin", due_at=NINE, given=given)
    assert operations.snoozed_until(None, "1 day", of=ahead, now=NOW) == at


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({}, "until", "neither"),
        ({"until": "tomorrow at 9am", "length": "1h"}, "until", "both"),
        ({"until": "every day at 9"}, "until", "not one moment"),
        ({"until": "tomorrow between 9 and 17"}, "until", "not one moment"),
        ({"until": "whenever"}, "until", "whenever"),
        ({"until": ""}, "until", "empty"),
        ({"length": "30m"}, "for", "minutes or months"),
        ({"length": "soon"}, "for", "soon"),
        ({"length": "P1DT2H"}, "for", "P1DT2H"),
        ({"length": ""}, "for", "empty"),
        ({"length": "tomorrow"}, "for", "tomorrow"),
    ],
)
def test_what_is_not_understood_is_refused(asked: dict[str, str], field: str, said: str) -> None:
    told: dict[str, Any] = {"until": None, "length": None, **asked}
    over = Occurrence(rule=Rule(), timezone="Europe/Berlin", due_at=NOW - HOUR)
    with pytest.raises(Refusal, match=said) as caught:
        operations.snoozed_until(**told, of=over, now=NOW)
    assert caught.value.field == field
