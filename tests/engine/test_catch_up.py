"""Nobody looked for a while: all of what was missed fires, or the latest for each entity, or none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import breakers, dispatch, operations, sweeping
from events.breakers import Destination, Tolerance
from events.handling import Retry
from events.models import Entity, LoggedMove, Occurrence, Rule
from tests.engine import handlers
from tests.engine.world import LEASE, World

if TYPE_CHECKING:
    from pytest_django import Settings

    from events.dispatch import Chunk

pytestmark = pytest.mark.django_db

ZONES = {"apia": "Pacific/Apia", "kathmandu": "Asia/Kathmandu", "st-johns": "America/St_Johns"}
DAY = timedelta(days=1)


@pytest.fixture
def world(db: None) -> World:
    """Half an hour before the clocks of New York go forward, at the minute at which hourly rules are not due."""
    return World(datetime(2027, 3, 14, 6, 29, tzinfo=UTC))


def hourly(world: World, **rule: Any) -> Rule:
    """Every hour for three people in zones of whole, half and quarter hours, from the beginning of the month."""
    if not Entity.objects.exists():
        world.people(ZONES)
    values = {
        "rrule": "FREQ=HOURLY",
        "start_date": date(2027, 3, 1),
        "local_time": time(0),
        "handler": "idempotent",
    }
    return world.rule(**{**values, **rule})


def down_for(world: World, span: timedelta) -> None:
    """Nobody plans and nobody sweeps."""
    world.now += span


def run_all(world: World) -> None:
    world.recover()
    world.sweep()


def ends() -> Counter[tuple[str, str]]:
    return Counter(Occurrence.objects.exclude(state="SCHEDULED").values_list("state", "reason"))


def latest_of_each(world: World) -> set[int]:
    due = Occurrence.objects.filter(due_at__lte=world.now)
    return {
        due.filter(entity=entity).latest("due_at").pk
        for entity in Entity.objects.values_list("pk", flat=True)
    }


def test_all_fire_each_once_oldest_first_and_through_the_lane_for_what_is_late(world: World) -> None:
    hourly(world, catch_up="all")
    down_for(world, DAY)
    chunks = world.claim(chunk=1)
    assert Counter(chunk.lane for chunk in chunks) == {"catchup": 72}
    order = [Occurrence.objects.get(pk=chunk.ids[0]).due_at for chunk in chunks]
    assert order == sorted(order)
    for chunk in chunks:
        world.run(chunk)
    assert ends() == {("COMPLETED", "completed"): 72}


@pytest.mark.parametrize("batch", [1000, 7], ids=["in one claim", "in many small claims"])
def test_latest_fires_the_last_for_each_person_and_the_others_say_because_of_which(
    world: World, batch: int
) -> None:
    hourly(world, catch_up="latest")
    down_for(world, DAY)
    claimed: list[Chunk] = []
    while chunks := world.claim(batch=batch):
        claimed += chunks
    while dispatch.standing().is_due(world.now):
        claimed += world.claim(batch=batch)
    wanted = latest_of_each(world)
    assert sorted(row for chunk in claimed for row in chunk.ids) == sorted(wanted)
    assert ends() == {("PENDING", "claimed"): 3, ("SKIPPED", "coalesced"): 69}
    pairs = LoggedMove.objects.filter(reason="coalesced").values_list(
        "occurrence__entity", "detail__because_of"
    )
    assert {(Occurrence.objects.get(pk=because).entity_id, because) for _, because in pairs} == set(pairs)
    assert {because for _, because in pairs} == wanted


def test_skip_fires_none_of_what_is_late_and_all_that_is_not(world: World) -> None:
    hourly(world, catch_up="skip", grace=timedelta(minutes=45))
    down_for(world, DAY)
    late = Occurrence.objects.filter(due_at__lt=world.now - timedelta(minutes=45)).count()
    on_time = Occurrence.objects.filter(due_at__lte=world.now).count() - late
    assert on_time > 0
    run_all(world)
    assert ends() == {("SKIPPED", "missed"): late, ("COMPLETED", "completed"): on_time}


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_what_is_within_its_grace_to_the_very_instant_is_not_missed(world: World, policy: str) -> None:
    (exact,) = world.due(1, catch_up=policy, grace=timedelta(minutes=5))
    world.now = exact.due_at + timedelta(minutes=5)
    assert len(world.claim()) == 1
    (over,) = world.due(1, catch_up="skip", grace=timedelta(minutes=5), entity=exact.entity, audience_kind="")
    world.now = over.due_at + timedelta(minutes=5, microseconds=1)
    assert world.claim() == []
    over.refresh_from_db()
    assert (over.state, over.reason) == ("SKIPPED", "missed")


def test_missed_slots_that_were_never_planned_become_rows_and_end_by_the_policy(world: World) -> None:
    hourly(world, catch_up="skip")
    down_for(world, 4 * DAY)
    world.tick()
    assert ends()["SKIPPED", "missed"] == Occurrence.objects.filter(due_at__lte=world.now).count() == 4 * 72


def test_latest_looks_at_no_other_person_and_no_other_rule(world: World) -> None:
    (alice,) = world.due(1, catch_up="latest", grace=timedelta(0))
    world.now += timedelta(minutes=1)
    world.due(2, catch_up="latest", grace=timedelta(0))
    world.now += timedelta(minutes=1)
    run_all(world)
    assert ends() == {("COMPLETED", "completed"): 3}
    assert alice.pk in Occurrence.objects.filter(state="COMPLETED").values_list("pk", flat=True)


def test_latest_waits_for_none_that_was_withdrawn(world: World) -> None:
    hourly(world, catch_up="latest")
    down_for(world, timedelta(hours=3))
    gone = latest_of_each(world)
    operations.cancel(sorted(gone), why="not these", origin=world.origin())
    run_all(world)
    assert ends() == {
        ("COMPLETED", "completed"): 3,
        ("CANCELLED", "cancelled"): 3,
        ("SKIPPED", "coalesced"): 3,
    }


def test_one_that_fired_on_time_makes_those_before_it_superfluous(world: World) -> None:
    """They were held back, by a pause as here or by a breaker, while a later one went."""
    hourly(world, catch_up="latest")
    down_for(world, timedelta(hours=2, minutes=45))
    on_time = latest_of_each(world)
    Occurrence.objects.filter(due_at__lte=world.now).exclude(pk__in=on_time).update(hold="rule_paused")
    world.sweep()
    assert ends()["COMPLETED", "completed"] == 3
    run_all(world)
    assert ends()["SKIPPED", "coalesced"] == Occurrence.objects.filter(due_at__lte=world.now).count() - 3 > 3


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_a_late_one_whose_message_was_lost_is_examined_again(world: World, policy: str) -> None:
    """Claimed in time, its message lost: by now it is late, and its rule says what that means."""
    (row,) = world.due(1, catch_up=policy, grace=timedelta(minutes=1))
    assert len(world.claim()) == 1
    world.now += LEASE
    run_all(world)
    row.refresh_from_db()
    assert row.state == {"latest": "COMPLETED", "skip": "SKIPPED"}[policy]


def test_the_latest_whose_message_was_lost_gives_way_to_one_that_has_come_due_since(world: World) -> None:
    hourly(world, catch_up="latest")
    down_for(world, timedelta(hours=2))
    first = {row for chunk in world.claim() for row in chunk.ids}
    down_for(world, timedelta(hours=1))
    run_all(world)
    rows = Occurrence.objects.filter(pk__in=first)
    assert set(rows.values_list("state", "reason")) == {("SKIPPED", "coalesced")}
    assert ends()["COMPLETED", "completed"] == 3


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_what_is_tried_again_was_not_missed(world: World, policy: str) -> None:
    handlers.answer(Retry("busy", after=timedelta(hours=2)))
    hourly(world, catch_up=policy)
    world.now = Occurrence.objects.earliest("due_at").due_at
    world.sweep()
    tried = set(Occurrence.objects.filter(state="RETRYING").values_list("pk", flat=True))
    assert tried
    handlers.forget()
    world.now += timedelta(hours=3)
    run_all(world)
    assert set(Occurrence.objects.filter(pk__in=tried).values_list("state", flat=True)) == {"COMPLETED"}


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_what_a_person_backfills_fires_whatever_the_policy(world: World, policy: str) -> None:
    rule = hourly(world, catch_up=policy)
    after = world.now - timedelta(hours=5)
    written = operations.backfill(
        rule, after=after, before=world.now, why="they ask for it", origin=world.origin(), dry_run=False
    )
    assert written.rows == 15
    run_all(world)
    assert ends() == {("COMPLETED", "completed"): 15}


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_what_a_backfill_reinstates_fires_and_what_an_edit_reinstates_is_judged(
    world: World, policy: str
) -> None:
    rule = hourly(world, catch_up=policy, rrule="FREQ=HOURLY;UNTIL=20270314T235959Z")
    rule.rrule = "FREQ=MONTHLY"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    rule.rrule = "FREQ=HOURLY;UNTIL=20270314T235959Z"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    by_edit = Occurrence.objects.filter(reason="reinstated").count()
    assert by_edit > 6
    rule.rrule = "FREQ=MONTHLY"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    down_for(world, timedelta(hours=2))
    rule.rrule = "FREQ=HOURLY;UNTIL=20270314T235959Z"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    span = {"after": world.now - timedelta(hours=2), "before": world.now}
    again = operations.backfill(rule, **span, why="do", origin=world.origin(), dry_run=False)
    assert again.rows == 6
    run_all(world)
    assert ends()["COMPLETED", "completed"] == 6


@pytest.mark.parametrize("policy", ["latest", "skip"])
def test_what_a_person_fires_fires_though_nobody_looked_for_a_day(world: World, policy: str) -> None:
    hourly(world, catch_up=policy)
    chosen = Occurrence.objects.earliest("due_at")
    operations.fire_now([chosen.pk], why="the client waits", origin=world.origin())
    down_for(world, DAY)
    run_all(world)
    chosen.refresh_from_db()
    assert chosen.state == "COMPLETED"
    assert ends()["COMPLETED", "completed"] == {"latest": 4, "skip": 1}[policy]


@pytest.mark.parametrize(("policy", "fired"), [("all", 72), ("latest", 3), ("skip", 0)])
def test_a_rule_that_is_resumed_after_a_day_does_what_its_policy_says(
    world: World, policy: str, fired: int
) -> None:
    rule = hourly(world, catch_up=policy)
    operations.pause_rule(rule, origin=world.origin())
    world.pass_time(world.now + DAY, step=timedelta(hours=1))
    assert Occurrence.objects.filter(hold="rule_paused").count() >= 69
    operations.resume_rule(rule, origin=world.origin())
    run_all(world)
    assert ends()["COMPLETED", "completed"] == fired
    assert sum(ends().values()) == 72


@pytest.mark.parametrize(("policy", "fired"), [("all", 9), ("latest", 3), ("skip", 0)])
def test_what_a_breaker_held_past_its_grace_is_judged_when_it_is_let_go(
    world: World, policy: str, fired: int
) -> None:
    hourly(world, catch_up=policy, handler="reaching", payload={"to": "dead.example"})
    dead = Destination("reaching", "dead.example")
    breakers.force_open(dead, until=world.now + DAY, why="moving house", now=world.now)
    world.pass_time(world.now + timedelta(hours=3), step=timedelta(minutes=1))
    assert Occurrence.objects.filter(hold="breaker_open").count() == 9
    world.now = Occurrence.objects.filter(hold="breaker_open").latest("due_at").due_at + timedelta(minutes=6)
    breakers.close(dead, now=world.now)
    run_all(world)
    assert ends()["COMPLETED", "completed"] == fired
    assert sum(ends().values()) == 9


def test_an_open_breaker_whose_rows_were_all_missed_asks_again_with_the_next_that_is_due(
    world: World,
) -> None:
    hourly(world, catch_up="skip", handler="reaching", payload={"to": "dead.example"})
    dead = Destination("reaching", "dead.example")
    breakers.failed(dead, [0], why="x", tolerance=Tolerance(1, timedelta(hours=2)), now=world.now)
    world.pass_time(world.now + timedelta(hours=5), step=timedelta(minutes=1))
    assert handlers.Bidden.calls
    assert breakers.standing(dead) is None


def test_a_replayed_dead_letter_of_long_ago_fires(world: World) -> None:
    handlers.answer(Retry("busy"))
    (row,) = world.due(1, handler="idempotent", catch_up="skip", max_attempts=1)
    run_all(world)
    handlers.forget()
    down_for(world, 30 * DAY)
    operations.replay([row.pk], why="they are back", origin=world.origin())
    run_all(world)
    row.refresh_from_db()
    assert row.state == "COMPLETED"


def test_expiry_goes_before_every_policy(world: World) -> None:
    for policy in ("all", "latest", "skip"):
        hourly(world, catch_up=policy, expires_after=timedelta(minutes=1))
    down_for(world, DAY)
    run_all(world)
    assert ends() == {("SKIPPED", "expired"): 3 * 72}


def test_after_a_downtime_longer_than_the_horizon_the_latest_is_the_latest_of_all_not_of_what_was_planned(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PUNCTUAL_HORIZON = world.horizon
    rule = hourly(world, catch_up="latest", grace=timedelta(minutes=5))
    broken = hourly(world, name="broken", catch_up="latest")
    world.now += 5 * DAY
    Rule.objects.filter(pk=broken.pk).update(rrule="FREQ=NEVER")

    sweeping.plan_if_behind(clock=world.clock, sweeper="one")
    assert "could not be planned" in caplog.text
    while world.sweep():
        continue
    fired = Occurrence.objects.filter(rule=rule, state="COMPLETED")
    assert {row.due_at > world.now - timedelta(hours=1) for row in fired} == {True}
    assert fired.count() == len(ZONES)
    caplog.clear()
    Rule.objects.filter(pk=broken.pk).update(state="retired")
    sweeping.plan_if_behind(clock=world.clock, sweeper="one")
    assert caplog.text == ""
