"""Reminders are over when nothing of them is to come and nothing is unfinished, and not before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from events import clock, operations, tasks
from events.handling import Reject
from events.models import Entity, EveryFrom, Occurrence, Rule, RuleState
from events.operations import RetiredRule
from events.shards import Shard
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.reminding import due, edit, ended, herself, live, remind, snooze
from tests.engine.world import World, audited_world

pytestmark = pytest.mark.django_db

# 23:30 in Berlin on the day before its clocks go back.
NOW = datetime(2027, 10, 30, 21, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


world = audited_world(NOW)


@pytest.fixture
def alice(world: World) -> Entity:
    return herself(world)


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
    assert Occurrence.objects.get(state="CANCELLED").moves.latest("number").detail == {"why": "done"}
    with pytest.raises(RetiredRule):
        snooze(world, rule, length="1h")
    with pytest.raises(RetiredRule):
        edit(world, rule, text="No")
    assert live() == []


def test_paused_nothing_fires_and_nothing_is_over(world: World, alice: Entity) -> None:
    rule = remind(world, alice, at="2027-10-31T09:00")
    operations.pause_rule(rule, origin=world.origin())
    world.now = datetime(2027, 10, 31, 8, 0, tzinfo=UTC)
    assert (world.sweep(), ended(world)) == (0, 0)
    operations.resume_rule(rule, origin=world.origin())
    assert (world.sweep(), ended(world)) == (1, 1)


def test_what_counts_from_its_end_never_comes_to_one(world: World, alice: Entity) -> None:
    rule = remind(world, alice, every="P1D")
    Rule.objects.filter(pk=rule.pk).update(every_from=EveryFrom.COMPLETION)
    world.now += 25 * HOUR
    world.sweep()
    operations.finish_reminder(rule, why="done", origin=world.origin())
    with pytest.raises(RetiredRule):
        snooze(world, rule, length="1h")


def test_what_cannot_be_read_is_left_for_its_owner_to_see(world: World, alice: Entity) -> None:
    rule = remind(world, alice, rrule="FREQ=DAILY;COUNT=1", dtstart="2027-10-31T09:00")
    world.now += DAY
    world.sweep()
    Rule.objects.filter(pk=rule.pk).update(rrule="FREQ=NEVER;COUNT=1")
    assert (ended(world), live()) == (0, ["Call mom"])


def test_planning_once_and_beats_own_plan_end_what_is_over(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(clock.now())
    for number, plan in enumerate((lambda: call_command("plan", "--once"), tasks.plan)):
        remind(world, world.person(f"p{number}", "UTC"), phrase="in 1 hour")
        world.now += 2 * HOUR
        world.sweep()
        world.now = clock.now()
        plan()
        assert live() == []
    assert "1 reminder ended, since nothing of it is to come." in capsys.readouterr().out
