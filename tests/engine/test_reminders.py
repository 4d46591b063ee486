"""Reminders: when they fire, what an edit does to what is to come, and when they are over."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from events import operations, planning
from events.handling import Reject
from events.models import Entity, Occurrence, Rule, RuleRole, RuleState
from events.operations import (
    EntityFacts,
    InvalidReminder,
    NothingToSkip,
    NothingToSnooze,
    ReminderGiven,
    RetiredRule,
    StaleVersion,
)
from events.queries.audit import audit_log
from events.shards import Shard
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

# 23:30 in Berlin on the day before its clocks go back.
NOW = datetime(2027, 10, 30, 21, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    world = World(NOW)
    yield world
    assert audit_log().disagreements == ()


@pytest.fixture
def alice(world: World) -> Entity:
    """Alice herself, in her own account, in Berlin."""
    owner = User.objects.create_user("alice").pk
    facts = EntityFacts("person", "alice", "Europe/Berlin", "Alice")
    operations.put_entities([facts], owner=owner, origin=world.origin())
    Entity.objects.update(created_at=datetime(2000, 1, 1, tzinfo=UTC))
    return Entity.objects.get()


def remind(world: World, person: Entity, text: str = "Call mom", **given: Any) -> Rule:
    told = {name: given.pop(name) for name in ("handler", "payload") if name in given}
    asked = ReminderGiven(text=text, when=given, **told)
    rule = operations.new_reminder(asked, person=person, default_handler="log", now=world.now)
    return operations.create_reminder(rule, horizon=world.horizon, origin=world.origin())


def edit(world: World, rule: Rule, version: int | None = None, **given: Any) -> Rule:
    told = {name: given.pop(name) for name in ("text", "handler", "payload") if name in given}
    asked = ReminderGiven(when=given, **told)
    operations.change_reminder(
        rule, asked, horizon=world.horizon, origin=world.origin(), expected_version=version
    )
    return rule


def due(rule: Rule, **found: Any) -> list[datetime]:
    return list(
        Occurrence.objects.filter(rule=rule, **found).order_by("due_at").values_list("due_at", flat=True)
    )


def ended(world: World, shard: Shard | None = None) -> int:
    told = {"shard": shard} if shard else {}
    return planning.retire_ended(origin=world.origin("engine:test"), **told)


def live() -> list[str]:
    rules = Rule.objects.filter(role=RuleRole.REMINDER).exclude(state=RuleState.RETIRED)
    return sorted(operations.text_of(rule.payload) for rule in rules)


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
    world.pass_time(NOW + 3 * DAY + HOUR + HOUR, step=timedelta(minutes=15))
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


def test_what_fired_once_is_over_with_the_next_pass(world: World, alice: Entity) -> None:
    remind(world, alice, at="2027-10-31T09:00")
    remind(world, alice, "Stay", at="2027-11-30T09:00")
    assert ended(world) == 0
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    assert ended(world) == 0
    world.sweep()
    assert (ended(world), ended(world), live()) == (1, 0, ["Stay"])
    assert Occurrence.objects.get(state="COMPLETED").rule.state == RuleState.RETIRED


@pytest.mark.parametrize(
    "when",
    [
        {"rrule": "FREQ=DAILY;COUNT=2", "dtstart": "2027-10-31T09:00"},
        {"phrase": "every day at 9:00 until 2027-11-01"},
        {"phrase": "3 times tomorrow between 9 and 17"},
        {"within": "20 hours"},
    ],
)
def test_what_counts_is_over_when_its_last_one_has_fired(
    world: World, alice: Entity, when: dict[str, str]
) -> None:
    rule = remind(world, alice, **when)
    moments = due(rule)
    for moment in moments:
        assert (ended(world), live()) == (0, ["Call mom"])
        world.now = moment
        world.tick()
    assert (ended(world), live()) == (1, [])
    assert due(rule, state="COMPLETED") == moments


@pytest.mark.parametrize("when", [{"cron": "0 9 * * *"}, {"every": "P1D"}, {"phrase": "every day at 9:00"}])
def test_what_repeats_without_end_is_never_over(world: World, alice: Entity, when: dict[str, str]) -> None:
    remind(world, alice, **when)
    world.now += DAY
    world.tick()
    assert (ended(world), live()) == (0, ["Call mom"])


def test_edited_to_a_far_day_it_goes_on_though_its_first_one_is_done(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    edit(world, rule, at="2028-10-31T09:00")
    world.plan()
    assert (ended(world), live()) == (0, ["Call mom"])


def test_taken_back_by_an_edit_is_not_done(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00")
    operations.delete_entities([alice.pk], why="gone", origin=world.origin())
    world.now += 2 * DAY
    Rule.objects.filter(pk=rule.pk).update(planned_until=world.now + DAY)
    assert Occurrence.objects.get().reason == "entity_deleted"
    assert ended(world) == 1  # its moment is over


def test_what_waits_for_a_person_is_not_over(world: World, alice: Entity) -> None:
    handlers.answer(Reject("no such address"))
    rule = remind(world, alice, at="2027-10-31T09:00", handler="idempotent")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    assert (ended(world), live()) == (0, ["Call mom"])
    handlers.forget()
    [row] = Occurrence.objects.filter(rule=rule)
    operations.replay([row.pk], why="mended", origin=world.origin())
    assert ended(world) == 0
    world.sweep()
    assert ended(world) == 1


def test_what_was_missed_while_nothing_ran_fires_before_it_is_over(world: World, alice: Entity) -> None:
    remind(world, alice, at="2027-11-09T09:00")
    world.now += 30 * DAY
    assert (ended(world), live()) == (0, ["Call mom"])
    assert world.tick() == 1
    assert ended(world) == 1


def test_ordinary_rules_and_what_is_held_by_somebody_are_left_alone(world: World, alice: Entity) -> None:
    plain = world.rule(owner_id=alice.owner_id, entity=alice, rrule="", start_date=date(2027, 10, 31))
    world.now = datetime(2027, 11, 1, 8, 0, tzinfo=UTC)
    world.tick()
    assert ended(world) == 0
    plain.refresh_from_db()
    assert plain.state == RuleState.ACTIVE


def test_a_shard_ends_its_own(world: World, alice: Entity) -> None:
    rules = [remind(world, alice, at="2027-10-31T09:00") for _ in range(4)]
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    assert [ended(world, Shard(1, 2)), ended(world, Shard(2, 2))] == [2, 2]
    assert len(rules) == 4


def test_a_pass_asks_a_few_at_a_time_and_in_turn_all(
    world: World, alice: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.planning.ended.MOST_ASKED", 2)
    for number in range(5):
        remind(world, alice, f"{number}", rrule="FREQ=DAILY;COUNT=1", dtstart="2027-10-31T09:00")
    for number in range(5):
        remind(world, alice, f"goes on {number}", rrule="FREQ=YEARLY;COUNT=9", dtstart="2027-10-31T09:00")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    for _ in range(20):
        assert ended(world) <= 2
        world.now += timedelta(minutes=5)
    assert live() == [f"goes on {number}" for number in range(5)]


def test_a_pass_over_many_asks_a_fixed_number_of_questions(
    world: World, alice: Entity, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        remind(world, alice, f"{number}", at="2027-10-31T09:00")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    with django_assert_max_num_queries(10, connection=connection):
        assert ended(world) == 30


def test_snoozed_after_it_was_over_it_lives_until_that_has_fired(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    assert ended(world) == 1
    snooze(world, rule, length="3 days")
    assert (ended(world), live()) == (0, ["Call mom"])
    world.now += 3 * DAY
    assert world.tick() == 1
    assert (ended(world), live()) == (1, [])
    assert Delivery.objects.count() == 2


def test_done_it_does_not_come_back_by_a_snooze_where_a_series_would(world: World, alice: Entity) -> None:
    rule = remind(world, alice, phrase="every day at 9:00")
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    world.sweep()
    assert operations.finish_reminder(rule, why="done", origin=world.origin()) == 1
    assert Occurrence.objects.get(state="CANCELLED").transitions.latest("id").detail == {"why": "done"}
    with pytest.raises(RetiredRule):
        snooze(world, rule, length="1h")
    with pytest.raises(RetiredRule):
        edit(world, rule, text="No")
    assert live() == []


def snooze(world: World, rule: Rule, **told: str) -> Occurrence:
    asked: dict[str, Any] = {"until": None, "length": None, **told}
    given = operations.snooze_reminder(rule, **asked, why="busy", origin=world.origin())
    return Occurrence.objects.get(pk=given)


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


def test_with_nothing_fired_and_nothing_planned_there_is_nothing_to_snooze(
    world: World, alice: Entity
) -> None:
    rule = remind(world, alice, at="2028-10-31T09:00")
    with pytest.raises(NothingToSnooze):
        snooze(world, rule, length="1h")


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


def test_paused_nothing_fires_and_nothing_is_over(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00")
    operations.pause_rule(rule, origin=world.origin())
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    assert (world.sweep(), ended(world)) == (0, 0)
    operations.resume_rule(rule, origin=world.origin())
    assert (world.sweep(), ended(world)) == (1, 1)


def test_local_times_are_kept_as_they_were_said(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-11-30T09:00")
    assert (rule.start_date, rule.local_time, rule.timezone) == (date(2027, 11, 30), time(9, 0), "")
