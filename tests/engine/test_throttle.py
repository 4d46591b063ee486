"""How fast a backlog is claimed, by all sweeps together; and what is due now goes before it, unthrottled."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.conf import settings as project
from django.db.models import Count, Min

from events import dispatch, operations, sweeping
from events.dispatch import Chunk
from events.models import Occurrence, Rule, Watermark
from events.pace import LONGEST, Pace
from events.shards import WHOLE
from events.timing import Lane
from scheduler_project import filebroker
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def _broker() -> Iterator[None]:
    """The broker of files, whose messages nobody takes."""
    folder = Path(project.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).parent
    filebroker.prepare(folder)
    yield
    shutil.rmtree(folder)


def one_pass(world: World) -> sweeping.Pass:
    return sweeping.one_pass(clock=world.clock, sweeper="test")


def a_backlog(world: World, count: int) -> list[int]:
    """So many rows of yesterday."""
    rows = [row.pk for row in world.due(count)]
    yesterday = world.now - DAY
    for number, row in enumerate(rows):
        at = yesterday + timedelta(seconds=number)
        Occurrence.objects.filter(pk=row).update(due_at=at, available_at=at)
    return rows


def claimed() -> list[int]:
    return list(Occurrence.objects.filter(state="PENDING").order_by("pk").values_list("pk", flat=True))


def test_a_second_of_rest_allows_a_seconds_worth_and_no_more_however_long_the_rest(world: World) -> None:
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 10
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 0
    world.now += DAY
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 10


@pytest.mark.parametrize("per_second", [1, 3, 7, 1000])
def test_over_a_while_it_is_the_rate_that_was_set(world: World, per_second: int) -> None:
    """Asked eight times a second, in steps that do not divide the rate."""
    taken = 0
    for _ in range(80):
        taken += dispatch.take_allowance(10**6, per_second=per_second, now=world.now)
        world.now += timedelta(milliseconds=123)
    seconds = 79 * 0.123
    assert seconds * per_second - 1 <= taken <= (seconds + 1) * per_second


def test_who_wants_less_leaves_the_rest_to_others(world: World) -> None:
    assert dispatch.take_allowance(3, per_second=10, now=world.now) == 3
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 7


def test_what_was_not_used_is_given_back_and_not_twice_saved(world: World) -> None:
    dispatch.take_allowance(10, per_second=10, now=world.now)
    dispatch.give_allowance_back(4, per_second=10)
    dispatch.give_allowance_back(0, per_second=10)
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 4
    dispatch.give_allowance_back(10**6, per_second=10)
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 10


def test_a_clock_that_was_set_back_allows_nothing_and_breaks_nothing(world: World) -> None:
    dispatch.take_allowance(10, per_second=10, now=world.now)
    assert dispatch.take_allowance(10, per_second=10, now=world.now - timedelta(hours=1)) == 0


@pytest.mark.usefixtures("_broker")
def test_a_backlog_is_claimed_oldest_first_at_the_rate_that_was_set(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 5
    rows = a_backlog(world, 12)
    for expected, drained in ((5, False), (7, False), (10, False), (12, False), (12, True)):
        assert one_pass(world).drained == drained
        assert claimed() == rows[:expected]
        world.now += SECOND / 2


@pytest.mark.usefixtures("_broker")
def test_a_throttled_backlog_delays_nothing_that_is_due_now(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 1
    late = a_backlog(world, 20)
    now = [row.pk for row in world.due(20)]
    one_pass(world)
    assert claimed() == [*late[:1], *now]


@pytest.mark.usefixtures("_broker")
def test_without_a_throttle_all_of_it_goes_at_once(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 0
    rows = a_backlog(world, 30)
    one_pass(world)
    assert claimed() == rows
    assert Watermark.objects.get().catch_up_at == Watermark.LONG_AGO


@pytest.mark.usefixtures("_broker")
def test_what_is_set_aside_costs_no_allowance(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 5
    a_backlog(world, 5)
    operations.pause_rule(Rule.objects.get(), origin=world.origin())
    live = a_backlog(world, 5)
    paused = Occurrence.objects.filter(rule__state="paused")
    paused.update(available_at=world.now - 2 * DAY)
    one_pass(world)
    assert paused.filter(hold="rule_paused").count() == 5
    one_pass(world)
    assert claimed() == live


@pytest.mark.usefixtures("_broker")
def test_with_nothing_late_the_pass_is_done_and_takes_nothing(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 5
    assert one_pass(world).drained
    assert dispatch.take_allowance(100, per_second=5, now=world.now) == 5


@pytest.mark.usefixtures("_broker")
def test_a_sweep_with_no_allowance_left_knows_that_something_waits(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 1
    a_backlog(world, 3)
    assert [one_pass(world).drained for _ in range(2)] == [False, False]


@pytest.mark.usefixtures("_broker")
def test_a_pass_claims_few_at_first_and_then_ever_more(world: World, settings: Settings) -> None:
    """Workers begin while the sweep goes on, and what a claim costs is shared by the more rows the more there are."""
    settings.PUNCTUAL_CHUNK, settings.PUNCTUAL_CLAIM_BATCH = 1, 16
    world.due(50)
    assert one_pass(world).claimed == 50
    claims = (
        Occurrence.objects.values("claim_token").annotate(rows=Count("id"), first=Min("id")).order_by("first")
    )
    assert [claim["rows"] for claim in claims] == [4, 8, 16, 16, 6]


@pytest.mark.usefixtures("_broker")
def test_no_more_of_a_backlog_is_claimed_than_is_worked_off_before_its_lease_ends(
    world: World, settings: Settings
) -> None:
    """Else it would lapse and be claimed again, and again, while the workers are at the first of it."""
    settings.PUNCTUAL_CHUNK, settings.PUNCTUAL_WORKERS, settings.PUNCTUAL_CLAIM_BATCH = 5, 1, 200
    settings.PUNCTUAL_CLAIM_LEASE = timedelta(seconds=120)
    a_backlog(world, 100)
    pace = Pace()
    assert sweeping.one_pass(clock=world.clock, sweeper="test", pace=pace).claimed == 10
    for _ in range(3):  # one row a second is worked off: forty in a third of a lease
        world.now += SECOND
        row = Occurrence.objects.filter(state="PENDING").earliest("id")
        assert row.claim_token is not None
        world.run(Chunk(row.claim_token, uuid4(), "log", Lane.CATCHUP, (row.pk,)))
        sweeping.one_pass(clock=world.clock, sweeper="test", pace=pace)
    assert len(claimed()) == 40


@pytest.mark.usefixtures("_broker")
def test_where_claims_lapse_no_more_is_claimed_than_is_worked_off_in_time(
    world: World, settings: Settings
) -> None:
    """Workers that hang must not make the log grow by two rows for every waiting row and lease."""
    settings.PUNCTUAL_CLAIM_LEASE, settings.PUNCTUAL_WORKERS = timedelta(seconds=10), 1
    world.due(3 * sweeping.LEAST_AT_WORK)
    pace = Pace()
    assert sweeping.one_pass(clock=world.clock, sweeper="test", pace=pace).claimed == 150
    world.now += timedelta(seconds=10)
    done = sweeping.one_pass(clock=world.clock, sweeper="test", pace=pace)
    assert (done.recovered, done.claimed) == (150, sweeping.LEAST_AT_WORK)
    world.now += LONGEST + SECOND
    assert sweeping.one_pass(clock=world.clock, sweeper="test", pace=pace).recovered == 50
    world.now += SECOND
    assert len(claimed()) == sweeping.LEAST_AT_WORK


@pytest.mark.usefixtures("_broker")
def test_with_nothing_to_look_after_a_sweep_sleeps_longer(world: World) -> None:
    def is_idle(*, is_brief: bool = False) -> bool:
        return sweeping.one_pass(clock=world.clock, sweeper="test", is_brief=is_brief).idle

    assert is_idle()
    assert not is_idle(is_brief=True)  # it did not look
    (row,) = world.due(1)
    assert not is_idle()  # it claimed one
    assert not is_idle()  # which is in flight
    operations.cancel([row.pk], why="done with", origin=world.origin())
    assert is_idle()
    (row,) = world.due(1)
    operations.pause_rule(row.rule, origin=world.origin())
    assert not is_idle()  # it held one
    assert not is_idle()  # which waits for its rule

    now = world.now
    naps = [
        sweeping._pause(sweeping.Pass(drained=True, idle=idle), now, now + DAY, full=SECOND, shard=WHOLE)
        for idle in (False, True)
    ]
    assert naps == [5 * SECOND, 15 * SECOND]
