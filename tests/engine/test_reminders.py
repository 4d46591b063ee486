"""Reminders: when they fire, what an edit does to what is to come, and what is put off or skipped."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from events import operations
from events.models import Entity, Occurrence, Rule, RuleRole
from events.operations import EntityFacts, InvalidReminder, NothingToSkip, NothingToSnooze, StaleVersion
from events.queries.firings import next_firings
from handlers.log.models import Delivery
from tests.engine.reminding import due, edit, herself, remind, snooze
from tests.engine.world import World, audited_world

pytestmark = pytest.mark.django_db

# 23:30 in Berlin on the day before its clocks go back.
NOW = datetime(2027, 10, 30, 21, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


world = audited_world(NOW)


@pytest.fixture
def alice(world: World) -> Entity:
    return herself(world)


@pytest.mark.parametrize(
    ("when", "first"),
    [
        ({"at": "2027-10-31T09:00"}, datetime(2027, 10, 31, 8, 0, tzinfo=UTC)),
        ({"at": "2027-10-31T09:00Z"}, datetime(2027, 10, 31, 9, 0, tzinfo=UTC)),
        ({"at": "2027-10-31T09:00", "timezone": "Asia/Tokyo"}, datetime(2027, 10, 31, 0, 0, tzinfo=UTC)),
        ({"phrase": "tomorrow at 9am"}, datetime(2027, 10, 31, 8, 0, tzinfo=UTC)),
        ({"phrase": "in 4 hours"}, NOW + 4 * HOUR),
        ({"rrule": "FREQ=DAILY;COUNT=3", "dtstart": "2027-10-31T09:00"}, datetime(2027, 10, 31, 8, 0, tzinfo=UTC)),
        ({"cron": "30 2 * * *"}, datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),
        ({"every": "PT2H"}, NOW + 2 * HOUR),
        ({"every": "P1D"}, NOW + 25 * HOUR),
        ({"every": "P1D", "dtstart": "2027-10-31T09:00"}, datetime(2027, 10, 31, 8, 0, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_when_is_said_in_many_ways(
    world: World, alice: Entity, when: dict[str, str], first: datetime
) -> None:
    rule = remind(world, alice, **when)
    assert due(rule)[0] == first
    assert (rule.role, rule.owner_id, rule.entity, rule.payload) == (
        RuleRole.REMINDER, alice.owner_id, alice, {"text": "Call mom"},
    )  # fmt: skip
    world.now = first
    world.sweep()
    assert Delivery.objects.get().payload == {"text": "Call mom"}


@pytest.mark.parametrize("within", ["3d", "P3D", "next 3 days", "the next 3 days", "3 days"])
def test_within_a_time_it_fires_once_at_a_random_moment(world: World, alice: Entity, within: str) -> None:
    """Over the night on which the clocks go back, three days are 73 hours."""
    rule = remind(world, alice, within=within)
    world.pass_time(NOW + 3 * DAY + 3 * HOUR, step=2 * HOUR)
    [moment] = due(rule, state="COMPLETED")
    assert NOW <= moment < NOW + 3 * DAY + HOUR
    assert rule.draws == 1


def test_random_moments_differ(world: World, alice: Entity) -> None:
    rules = [remind(world, alice, within="24 hours") for _ in range(20)]
    assert len({due(rule)[0] for rule in rules}) == 20


@pytest.mark.parametrize(
    ("when", "field", "said"),
    [
        ({}, "phrase", "does not say when"),
        ({"at": "2027-10-31T09:00", "phrase": "tomorrow at 9"}, "phrase", "exclude each other"),
        ({"at": "2027-10-30T09:00"}, "at", "is over"),
        ({"at": "tomorrow"}, "at", "not a date or time"),
        ({"at": ""}, "at", "empty"),
        ({"at": "2027-10-31T09:00", "dtstart": "2027-10-31T09:00"}, "dtstart", "no use"),
        ({"at": "2027-10-31T09:00", "timezone": "EST"}, "timezone", "abbreviation"),
        ({"phrase": "whenever"}, "phrase", "whenever"),
        ({"rrule": "FREQ=DAILY"}, "dtstart", "missing"),
        ({"rrule": "FREQ=NEVER", "dtstart": "2027-10-31T09:00"}, "rrule", "NEVER"),
        ({"rrule": "FREQ=DAILY;UNTIL=20200101", "dtstart": "2019-10-31T09:00"}, "rrule", "over"),
        ({"cron": "61 * * * *"}, "cron", "61"),
        ({"every": "often"}, "every", "often"),
        ({"every": "P999999999M"}, "every", "beyond the calendar"),
        ({"within": "soon"}, "within", "soon"),
        ({"within": "9999 weeks"}, "within", "9999 weeks"),
        ({"within": "P1DT2H"}, "within", "P1DT2H"),
        ({"within": "3m"}, "within", "minutes or months"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_the_field_in_which_it_was_said(
    world: World, alice: Entity, when: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(InvalidReminder, match=said) as refused:
        remind(world, alice, **when)
    assert list(refused.value.by_field()) == [field]
    assert not Rule.objects.exists()


def test_all_that_is_wrong_is_told_together(world: World, alice: Entity) -> None:
    with pytest.raises(InvalidReminder) as refused:
        remind(world, alice, text=" ", at="never", handler="log")
    assert sorted(refused.value.by_field()) == ["at", "text"]
    with pytest.raises(InvalidReminder) as refused:
        remind(world, alice, at="2027-10-31T09:00", handler="carrier-pigeon")
    assert list(refused.value.by_field()) == ["handler"]


def test_of_a_handler_that_knows_its_keys_alone_the_text_is_data(world: World, alice: Entity) -> None:
    hook = {"url": "https://example.com/hook", "data": {"n": 1}}
    rule = remind(world, alice, at="2027-10-31T09:00", handler="webhook", payload=hook)
    assert rule.payload == {"url": hook["url"], "data": {"n": 1, "text": "Call mom"}}
    assert operations.text_of(rule.payload) == "Call mom"
    with pytest.raises(InvalidReminder, match=r"payload\.url"):
        remind(world, alice, at="2027-10-31T09:00", handler="webhook")


def test_an_edit_moves_what_is_to_come(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00", payload={"colour": "red"})
    edit(world, rule, text="Call dad", phrase="every day at 18:00", version=1)
    assert (rule.payload, rule.version) == ({"text": "Call dad", "colour": "red"}, 2)
    assert due(rule, state="SCHEDULED") == [
        datetime(2027, 10, 31, 17, tzinfo=UTC),
        datetime(2027, 11, 1, 17, tzinfo=UTC),
    ]
    edit(world, rule, timezone="Asia/Tokyo")
    assert due(rule, state="SCHEDULED")[0] == datetime(2027, 10, 31, 9, tzinfo=UTC)
    assert rule.rrule == "FREQ=DAILY"
    with pytest.raises(StaleVersion):
        edit(world, rule, text="Too late", version=2)
    with pytest.raises(InvalidReminder, match="does not say when"):
        edit(world, rule, dtstart="2027-10-31T09:00")


def test_it_follows_its_person_into_another_zone(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T20:00")
    facts = EntityFacts("person", "alice", "America/New_York", "Alice")
    operations.put_entities([facts], owner=alice.owner_id, origin=world.origin())
    assert due(rule, state="SCHEDULED") == [datetime(2027, 11, 1, 0, tzinfo=UTC)]


def test_a_snooze_means_the_nearer_of_the_last_and_the_next(world: World, alice: Entity) -> None:
    rule = remind(world, alice, phrase="every day at 9:00")
    nine = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    assert snooze(world, rule, until="2027-10-31T10:00").note == "snoozed from 2027-10-31 09:00"
    assert snooze(world, rule, until="2027-10-31T11:00").note == "snoozed from 2027-10-31 10:00"
    world.now = nine + 2 * HOUR
    world.sweep()
    assert snooze(world, rule, length="30 min").note == "snoozed from 2027-10-31 11:00"
    world.now += 20 * HOUR
    world.sweep()
    assert snooze(world, rule, length="2 hours").note == "snoozed from 2027-11-01 09:00"


def test_what_lies_beyond_the_plan_is_planned_and_put_off(world: World, alice: Entity) -> None:
    rule = remind(world, alice, rrule="FREQ=YEARLY", dtstart="2028-02-28T09:00")
    assert due(rule) == []
    given = snooze(world, rule, until="2028-02-28T10:00")
    assert given.note == "snoozed from 2028-02-28 09:00"
    assert due(rule, state="SCHEDULED") == [datetime(2028, 2, 28, 9, tzinfo=UTC)]
    world.now = datetime(2028, 2, 28, 9, tzinfo=UTC)
    world.sweep()
    assert due(rule, state="COMPLETED") == [world.now]
    assert [one.due_at for one in next_firings(rule, now=world.now, limit=1)] == [
        datetime(2029, 2, 28, 8, tzinfo=UTC)
    ]


def test_beyond_the_plan_the_nearer_of_the_last_and_the_next_is_meant_too(
    world: World, alice: Entity
) -> None:
    rule = remind(world, alice, rrule="FREQ=WEEKLY", dtstart="2027-10-31T09:00")
    world.now = datetime(2027, 10, 31, 8, tzinfo=UTC)
    world.sweep()
    world.now += 3 * DAY
    assert snooze(world, rule, length="1 hour").note == "snoozed from 2027-10-31 09:00"
    assert due(rule, state="SCHEDULED") == [world.now + HOUR]
    world.now += HOUR
    world.sweep()
    world.now += 3 * DAY
    assert snooze(world, rule, length="7 days").note == "snoozed from 2027-11-07 09:00"


def test_with_nothing_fired_and_nothing_to_come_there_is_nothing_to_snooze(
    world: World, alice: Entity
) -> None:
    rule = remind(world, alice, at="2028-10-31T09:00")
    operations.skip_next(rule, why="", origin=world.origin())
    with pytest.raises(NothingToSnooze):
        snooze(world, rule, length="1h")
    other = remind(world, alice, at="2028-10-31T09:00")
    operations.finish_reminder(other, why="done", origin=world.origin())
    with pytest.raises(NothingToSnooze):
        snooze(world, other, length="1h")


def test_the_next_one_is_skipped_and_the_rest_stays(world: World, alice: Entity) -> None:
    rule = remind(world, alice, phrase="every day at 9:00")
    first, second = due(rule)
    skipped = operations.skip_next(rule, why="", origin=world.origin())
    assert Occurrence.objects.get(pk=skipped).due_at == first
    assert due(rule, state="SCHEDULED") == [second]


def test_what_lies_beyond_the_plan_is_planned_and_skipped(world: World, alice: Entity) -> None:
    rule = remind(world, alice, rrule="FREQ=YEARLY;COUNT=2", dtstart="2028-02-28T09:00")
    assert due(rule) == []
    operations.skip_next(rule, why="away", origin=world.origin())
    assert due(rule, state="CANCELLED") == [datetime(2028, 2, 28, 8, tzinfo=UTC)]
    operations.skip_next(rule, why="away", origin=world.origin())
    with pytest.raises(NothingToSkip):
        operations.skip_next(rule, why="away", origin=world.origin())


def test_of_a_window_the_draw_is_skipped_wherever_it_is(world: World, alice: Entity) -> None:
    rule = remind(world, alice, phrase="every 2 weeks on friday between 9 and 17")
    operations.skip_next(rule, why="", origin=world.origin())
    assert len(due(rule, state="CANCELLED")) == 1
    world.pass_time(NOW + 8 * DAY, step=timedelta(hours=1))
    assert due(rule, state="COMPLETED") == []


def test_local_times_are_kept_as_they_were_said(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-11-30T09:00")
    assert (rule.start_date, rule.local_time, rule.timezone) == (date(2027, 11, 30), time(9, 0), "")
