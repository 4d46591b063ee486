"""Intervals that count from the end of the one before: one row to come for each member, whatever that end was."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import operations, sweeping
from events.handling import Completed, Decline, Outcome, Reject, Retry, Unsure
from events.lifecycle import State
from events.models import Entity, Occurrence, Rule
from events.queries.audit import audit_log
from tests.engine import handlers
from tests.engine.repeating import (
    DAY,
    HOUR,
    MIDNIGHT,
    MINUTE,
    dues,
    edit,
    go_on,
    pass_time,
    repeat,
    run_first,
    to_come,
)
from tests.engine.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("every", "start", "first"),
    [
        ("PT30M", datetime(2027, 3, 1, 0, 0), MIDNIGHT),
        ("PT30M", datetime(2027, 3, 9, 8, 0), datetime(2027, 3, 9, 8, tzinfo=UTC)),
        ("PT30M", datetime(2020, 1, 1, 0, 7), MIDNIGHT + 7 * MINUTE),
        ("P1D", datetime(2020, 1, 1, 9, 0), MIDNIGHT + 9 * HOUR),
        ("P1M", datetime(2020, 1, 31, 9, 0), datetime(2027, 3, 31, 9, tzinfo=UTC)),
        ("P1Y", datetime(2020, 3, 1, 0, 0), MIDNIGHT),
    ],
)
def test_the_first_is_the_first_moment_of_the_interval_wherever_it_lies(
    world: World, every: str, start: datetime, first: datetime
) -> None:
    world.person("alice", "UTC")
    repeat(world, every, start_date=start.date(), local_time=start.time())
    assert to_come() == [first]
    assert (world.plan(), go_on(world)) == (0, 0)


def test_the_next_is_one_interval_after_the_end_and_only_one_is_planned(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world)
    pass_time(world, MIDNIGHT + 3 * HOUR + 40 * MINUTE, step=7 * MINUTE)
    done = list(Occurrence.objects.filter(state="COMPLETED").order_by("due_at"))
    assert len(done) >= 5
    for before, after in pairwise(done):
        assert before.finished_at is not None
        assert after.due_at == before.finished_at.replace(microsecond=0) + 30 * MINUTE
    assert len(to_come()) == 1
    assert audit_log().total == 0


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Completed(), "COMPLETED"), (Reject("no such address"), "FAILED"), (Decline("not today"), "SKIPPED")],
)
def test_every_answer_that_ends_it_lets_the_next_one_come(world: World, answer: Outcome, state: str) -> None:
    world.person("alice", "UTC")
    repeat(world)
    handlers.answer(answer)
    world.now += HOUR
    row = Occurrence.objects.get()
    world.sweep()
    row.refresh_from_db()
    assert row.state == state
    assert go_on(world) == 1
    assert to_come() == [world.now + 30 * MINUTE]
    assert go_on(world) == 0


@pytest.mark.parametrize(
    ("fields", "reason"), [({"expires_after": HOUR}, "expired"), ({"catch_up": "skip"}, "missed")]
)
def test_what_a_policy_skips_has_ended_too(world: World, fields: dict[str, Any], reason: str) -> None:
    world.person("alice", "UTC")
    repeat(world, **fields)
    world.now = MIDNIGHT + 5 * HOUR
    assert world.sweep() == 0
    assert Occurrence.objects.get().reason == reason
    assert go_on(world) == 1
    assert to_come() == [world.now + 30 * MINUTE]


def test_a_person_who_cancels_one_cancels_no_other(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world)
    row = run_first(world)
    go_on(world)
    world.now += 10 * MINUTE
    (coming,) = Occurrence.objects.filter(state="SCHEDULED")
    operations.cancel([coming.pk], why="not now", origin=world.origin())
    assert go_on(world) == 1
    assert to_come() == [world.now + 30 * MINUTE]
    assert row.due_at < coming.due_at < to_come()[0]


@pytest.mark.parametrize("every", ["PT30M", "P1D", "P1M"])
def test_one_that_is_cancelled_in_the_second_in_which_it_was_planned_does_not_end_the_series(
    world: World, every: str
) -> None:
    world.person("alice", "UTC")
    repeat(world, every)
    run_first(world)
    go_on(world)
    (cancelled,) = Occurrence.objects.filter(state="SCHEDULED")
    operations.cancel([cancelled.pk], why="not now", origin=world.origin())
    assert go_on(world) == 1
    assert min(to_come()) > cancelled.due_at
    assert go_on(world) == 0


def test_the_first_that_is_cancelled_before_the_start_brings_nothing_before_it(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world, start_date=date(2027, 3, 9))
    operations.cancel([Occurrence.objects.get().pk], why="not now", origin=world.origin())
    assert go_on(world) == 1
    assert to_come() == [datetime(2027, 3, 9, 0, 30, tzinfo=UTC)]


def test_one_that_is_fired_early_counts_from_its_end(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world, "P1D")
    run_first(world)
    go_on(world)
    for hours in (3, 0, 0):  # the last two within the same second
        world.now += hours * HOUR
        (coming,) = Occurrence.objects.filter(state="SCHEDULED")
        operations.fire_now([coming.pk], why="the client waits", origin=world.origin())
        assert world.sweep() == 1
        assert go_on(world) == 1
        assert min(to_come()) > coming.due_at
    assert Counter(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED": 4, "SCHEDULED": 1}


def test_unknown_is_no_end_until_somebody_settles_it(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world, handler="non-idempotent")
    handlers.answer(Unsure("the connection broke"))
    row = run_first(world)
    assert row.state == "UNKNOWN"
    world.now += 5 * HOUR
    assert (go_on(world), world.plan(), to_come()) == (0, 0, [])
    operations.resolve([row.pk], to_state=State.COMPLETED, why="they have it", origin=world.origin())
    assert go_on(world) == 1
    assert to_come() == [world.now + 30 * MINUTE]


def test_between_two_attempts_nothing_is_planned(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world)
    handlers.answer(Retry("busy", after=2 * HOUR))
    row = run_first(world)
    assert row.state == "RETRYING"
    world.now += HOUR
    assert (go_on(world), world.plan()) == (0, 0)
    world.now += HOUR
    handlers.answer(Completed())
    world.sweep()
    assert go_on(world) == 1
    assert to_come() == [MIDNIGHT + 2 * HOUR + 30 * MINUTE]


def test_a_dead_letter_that_is_replayed_runs_beside_the_series_and_adds_nothing_to_it(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world, "PT1H")
    handlers.answer(Reject("no such address"))
    dead = run_first(world)
    go_on(world)
    coming = to_come()
    handlers.answer(Completed())
    operations.replay([dead.pk], why="the address is right now", origin=world.origin())
    assert (go_on(world), to_come()) == (0, coming)
    world.sweep()
    dead.refresh_from_db()
    assert dead.state == "COMPLETED"
    assert (go_on(world), to_come()) == (0, coming)
    assert edit(world, rule, payload={"text": "new"}) == 0
    assert to_come() == coming


def test_newcomers_begin_with_the_next_moment_of_the_interval(world: World) -> None:
    world.person("alice", "UTC")
    repeat(world, "PT1H")
    world.now = MIDNIGHT + 4 * HOUR + 10 * MINUTE
    Entity.objects.create(kind="person", external_id="bob", timezone="UTC", created_at=world.now)
    assert go_on(world) == 1
    assert dues(entity__external_id="bob") == [MIDNIGHT + 5 * HOUR]


@pytest.mark.parametrize(
    ("every", "begin", "timezone", "nexts"),
    [
        ("P1D", "2027-03-13T02:30-05:00", "America/New_York", ["2027-03-14T03:30-04:00", "2027-03-15T03:30-04:00"]),
        ("P1D", "2027-11-06T01:30-04:00", "America/New_York", ["2027-11-07T01:30-04:00", "2027-11-08T01:30-05:00"]),
        ("PT24H", "2027-03-13T12:00-05:00", "America/New_York", ["2027-03-14T13:00-04:00", "2027-03-15T13:00-04:00"]),
        ("PT1H", "2027-11-07T00:30-04:00", "America/New_York", ["2027-11-07T01:30-04:00", "2027-11-07T01:30-05:00"]),
        ("PT30M", "2027-10-03T01:45+10:30", "Australia/Lord_Howe", ["2027-10-03T02:45+11:00"]),
        ("P1M", "2027-01-31T09:00+00:00", "UTC", ["2027-03-31T09:00+00:00", "2027-05-31T09:00+00:00"]),
        ("P1Y", "2028-02-29T09:00+00:00", "UTC", ["2032-02-29T09:00+00:00", "2036-02-29T09:00+00:00"]),
    ],
)  # fmt: skip
def test_days_and_months_count_on_the_wall_and_hours_in_time_that_has_passed(
    world: World, every: str, begin: str, timezone: str, nexts: list[str]
) -> None:
    first = datetime.fromisoformat(begin)
    world.now = first.astimezone(UTC) - HOUR
    world.person("alice", timezone)
    repeat(world, every, start_date=first.date(), local_time=first.time())
    for moment in (begin, *nexts):
        assert to_come() == [datetime.fromisoformat(moment)]
        run_first(world)
        go_on(world)


def test_nothing_is_lost_where_all_stop_between_the_end_and_the_plan(world: World) -> None:
    world.people({f"p{number}": "UTC" for number in range(5)})
    repeat(world)
    world.now = MIDNIGHT
    world.sweep()
    assert to_come() == []
    world.now += 3 * DAY
    sweeping.plan_if_behind(clock=world.clock, sweeper="test")  # its horizon has passed as well
    go_on(world)
    assert to_come() == [MIDNIGHT + 30 * MINUTE] * 5
    assert world.sweep() == 5
    go_on(world)
    assert to_come() == [world.now + 30 * MINUTE] * 5


def test_two_thousand_members_cost_a_few_statements(world: World) -> None:
    world.people({f"p{number}": ("UTC", "Asia/Kathmandu")[number % 2] for number in range(2_000)})
    repeat(world, timezone="UTC")
    world.now = MIDNIGHT
    world.sweep()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert go_on(world) == 2_000
    assert len(asked) < 25
    with CaptureQueriesContext(connection) as asked:
        assert go_on(world) == 0
    assert len(asked) < 15
    assert set(to_come()) == {MIDNIGHT + 30 * MINUTE}


@pytest.mark.parametrize(
    "broken",
    [
        {"every": "now and then"},
        {"timezone": "Atlantis/Capital"},
        {"every": "P9999Y"},
        {"every": "PT999999999S"},
    ],
)
def test_a_rule_that_cannot_be_planned_stops_no_other(world: World, broken: dict[str, str]) -> None:
    world.person("alice", "UTC")
    worse = repeat(world, name="a broken one")
    repeat(world, name="b sound one")
    world.now = MIDNIGHT
    assert world.sweep() == 2
    Rule.objects.filter(pk=worse.pk).update(**broken)
    go_on(world)
    assert dues(rule__name="b sound one", state="SCHEDULED") == [MIDNIGHT + 30 * MINUTE]


def test_there_is_nothing_to_backfill(world: World) -> None:
    world.person("alice", "UTC")
    rule = repeat(world)
    with pytest.raises(operations.NothingToBackfill):
        operations.backfill(
            rule, after=MIDNIGHT - 9 * DAY, before=MIDNIGHT, why="test", origin=world.origin(), dry_run=False
        )
    assert Occurrence.objects.count() == 1
