"""One is due while the entity's previous one is still at work: both run, this one is skipped, or it waits."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from events import dispatch, operations, planning, transitions
from events.handling import Completed, Retry
from events.lifecycle import Reason, State
from events.models import Entity, LoggedMove, Occurrence, OneAttempt, Rule
from tests.engine import handlers
from tests.engine.world import LEASE, World

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    """The last half minute of a February without a 29th; the siblings are due on the hours from midnight."""
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))


def hourly(world: World, **rule: Any) -> Rule:
    """An hourly rule for Alice, from midnight."""
    if not Entity.objects.exists():
        world.person("alice", "UTC")
    values: dict[str, Any] = {
        "rrule": "FREQ=HOURLY;COUNT=6", "start_date": date(2027, 3, 1), "local_time": time(0),
        "handler": "idempotent", "grace": timedelta(days=2), "backoff_base": timedelta(minutes=10),
    }  # fmt: skip
    return world.rule(**{**values, **rule})


def row(hour: int) -> Occurrence:
    return Occurrence.objects.get(slot=datetime(2027, 3, 1, hour))


def states() -> list[str]:
    rows = Occurrence.objects.order_by("due_at")
    return [row.hold or row.state for row in rows]


def at(world: World, hour: int, minute: int = 0) -> None:
    world.now = datetime(2027, 3, 1, hour, minute, tzinfo=UTC)


def started(world: World) -> dispatch.Chunk:
    """The one row that is due, claimed and at work."""
    (chunk,) = world.claim()
    transitions.start(
        chunk.ids, token=chunk.token, handler="idempotent", kind="idempotent", task_id="task",
        lease_until=world.now + timedelta(days=1), origin=world.origin("worker:slow"),
    )  # fmt: skip
    return chunk


def finish(world: World, chunk: dispatch.Chunk) -> None:
    done = dict.fromkeys(
        chunk.ids, transitions.Settlement(State.COMPLETED, Reason.COMPLETED, "completed")
    )  # fmt: skip
    assert transitions.settle(done, token=chunk.token, origin=world.origin("worker:slow")) == set(chunk.ids)


def run_all(world: World) -> None:
    world.recover()
    planning.replan_edited(origin=world.origin())
    world.sweep()


def order_of_calls() -> list[int]:
    return [call.slot.hour for call in handlers.Bidden.calls]


def test_by_default_both_run(world: World) -> None:
    hourly(world)
    at(world, 0)
    started(world)
    at(world, 1)
    assert len(world.claim()) == 1


@pytest.mark.parametrize("is_started", [True, False], ids=["at work", "on its way"])
def test_with_skip_the_one_that_is_due_meanwhile_is_skipped_and_says_because_of_which(
    world: World, is_started: bool
) -> None:
    hourly(world, overlap="skip")
    at(world, 0)
    if is_started:
        started(world)
    else:
        world.claim()
    at(world, 1)
    assert world.claim() == []
    assert (row(1).state, row(1).reason) == ("SKIPPED", "overlapped")
    assert LoggedMove.objects.get(reason="overlapped").detail == {"because_of": row(0).pk}


def test_with_skip_one_that_waits_for_its_next_attempt_is_at_work_too(world: World) -> None:
    hourly(world, overlap="skip")
    handlers.answer(Retry("busy", after=HOUR * 2))
    at(world, 0)
    run_all(world)
    at(world, 1)
    run_all(world)
    assert states()[:2] == ["RETRYING", "SKIPPED"]


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED", "UNKNOWN"])
@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_what_has_ended_is_in_nobodys_way(world: World, overlap: str, end: str) -> None:
    hourly(world, overlap=overlap)
    first = row(0)
    for state in {"CANCELLED": ("CANCELLED",)}.get(end, ("PENDING", "PROCESSING", end)):
        in_flight = {"claim_token": "12345678123456781234567812345678", "lease_expires_at": world.now}
        final = {"claim_token": None, "lease_expires_at": None, "finished_at": world.now}
        values = in_flight if state in {"PENDING", "PROCESSING"} else final
        if state == "UNKNOWN":
            values = {**final, "finished_at": None}
        Occurrence.objects.filter(pk=first.pk).update(state=state, **values)
    at(world, 1)
    assert [chunk.ids for chunk in world.claim()] == [(row(1).pk,)]


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_others_and_their_rules_are_in_nobodys_way(world: World, overlap: str) -> None:
    world.person("bob", "UTC")
    world.person("alice", "UTC")
    hourly(world, overlap=overlap)
    hourly(world, overlap=overlap)
    at(world, 0)
    assert sum(len(chunk.ids) for chunk in world.claim()) == 4


def test_with_skip_only_the_first_of_a_backlog_goes(world: World) -> None:
    hourly(world, overlap="skip")
    at(world, 3)
    run_all(world)
    assert states()[:4] == ["COMPLETED", "SKIPPED", "SKIPPED", "SKIPPED"]
    assert set(
        LoggedMove.objects.filter(reason="overlapped").values_list("detail__because_of", flat=True)
    ) == {row(0).pk}


def test_with_queue_it_waits_visibly_and_goes_when_the_other_has_ended(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 0)
    chunk = started(world)
    at(world, 1)
    run_all(world)
    assert (row(1).state, row(1).hold, row(1).attempt) == ("SCHEDULED", "overlapping", 0)
    logged = LoggedMove.objects.count()
    for _ in range(5):
        run_all(world)
    assert LoggedMove.objects.count() == logged, "who waits is not let go and held again"
    finish(world, chunk)
    run_all(world)
    assert states()[:2] == ["COMPLETED", "COMPLETED"]


def test_five_that_wait_behind_one_that_is_tried_again_go_in_their_order_one_at_a_time(world: World) -> None:
    hourly(world, overlap="queue")
    handlers.answer(Retry("busy", after=HOUR * 6))
    at(world, 0)
    run_all(world)
    at(world, 5)
    run_all(world)
    assert states() == ["RETRYING", *["overlapping"] * 5]
    handlers.answer(Completed())
    handlers.Bidden.calls.clear()
    at(world, 6)
    for _ in range(7):
        world.recover()
        for chunk in world.claim():
            assert len(chunk.ids) == 1
            assert Occurrence.objects.filter(state="PENDING").count() == 1
            world.run(chunk)
    assert order_of_calls() == [0, 1, 2, 3, 4, 5]
    assert set(states()) == {"COMPLETED"}


def test_a_backlog_of_a_queue_keeps_its_order_though_what_is_due_now_is_claimed_first(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 3)
    limits = dispatch.Limits(batch=10, chunk=10, chunk_of_sets=10, workers=1, lease=LEASE)
    for _ in range(6):
        world.recover()
        fresh = world.now - timedelta(minutes=5)
        chunks = [
            chunk
            for since in (fresh, None)
            for chunk in dispatch.claim_due(limits=limits, origin=world.origin(), since=since).chunks
        ]
        for chunk in chunks:
            world.run(chunk)
    assert order_of_calls() == [0, 1, 2, 3]


def test_one_of_a_queue_that_is_fired_by_hand_before_its_time_waits_for_no_later_one(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 0)
    operations.fire_now([row(4).pk], why="the client waits", origin=world.origin())
    run_all(world)
    run_all(world)
    assert states()[:5] == ["COMPLETED", "SCHEDULED", "SCHEDULED", "SCHEDULED", "COMPLETED"]


def test_a_lost_worker_keeps_the_queue_waiting_only_until_its_lease_ends(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 0)
    started(world)
    at(world, 1)
    run_all(world)
    world.now += timedelta(days=1)
    for _ in range(8):
        run_all(world)
    assert set(states()) == {"COMPLETED"}
    assert order_of_calls() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("overlap", ["skip", "queue"])
def test_a_replayed_one_waits_for_what_is_at_work_and_is_not_skipped(world: World, overlap: str) -> None:
    """A person asked for it. While it waits nothing is moved to and fro, which would wake the sweep for ever."""
    hourly(world, overlap=overlap, max_attempts=1)
    handlers.answer(Retry("busy"))
    at(world, 0)
    run_all(world)
    handlers.answer(Completed())
    at(world, 1)
    chunk = started(world)
    operations.replay([row(0).pk], why="they are back", origin=world.origin())
    run_all(world)
    assert (row(0).state, row(0).hold) == ("RETRYING", "overlapping")
    logged = LoggedMove.objects.count()
    for _ in range(5):
        run_all(world)
    assert LoggedMove.objects.count() == logged
    finish(world, chunk)
    run_all(world)
    assert states()[:2] == ["COMPLETED", "COMPLETED"]


@pytest.mark.parametrize(
    ("to", "ends"),
    [
        ("allow", ["PROCESSING", "COMPLETED", "COMPLETED", "COMPLETED"]),
        ("skip", ["PROCESSING", "overlapping", "overlapping", "SKIPPED"]),
    ],
)
def test_nobody_waits_where_overlaps_are_allowed_now_and_who_waits_is_not_skipped(
    world: World, to: str, ends: list[str]
) -> None:
    rule = hourly(world, overlap="queue")
    at(world, 0)
    started(world)
    at(world, 2)
    run_all(world)
    assert states()[:3] == ["PROCESSING", "overlapping", "overlapping"]
    rule.refresh_from_db()
    rule.overlap = to
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    at(world, 3)
    run_all(world)
    run_all(world)
    assert states()[:4] == ends


def test_cancelling_the_one_at_the_head_lets_the_next_go(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 1)
    (head,) = world.claim()
    assert head.ids == (row(0).pk,)
    operations.cancel([row(0).pk], why="not this one", origin=world.origin())
    run_all(world)
    assert states()[:3] == ["CANCELLED", "COMPLETED", "SCHEDULED"]


def test_a_paused_queue_goes_on_in_its_order(world: World) -> None:
    rule = hourly(world, overlap="queue")
    at(world, 0)
    started(world)
    at(world, 1)
    run_all(world)
    operations.pause_rule(rule, origin=world.origin())
    at(world, 3)
    run_all(world)
    assert states()[:4] == ["PROCESSING", "overlapping", "rule_paused", "rule_paused"]
    operations.resume_rule(rule, origin=world.origin())
    world.now += timedelta(days=2)
    for _ in range(9):
        run_all(world)
    assert set(states()) == {"COMPLETED"}
    assert order_of_calls() == [0, 1, 2, 3, 4, 5]


def test_a_deleted_persons_queue_ends(world: World) -> None:
    hourly(world, overlap="queue")
    at(world, 0)
    started(world)
    at(world, 1)
    run_all(world)
    operations.delete_entities([Entity.objects.get().pk], why="asked to be forgotten", origin=world.origin())
    assert states() == ["PROCESSING", *["CANCELLED"] * 5]
    assert OneAttempt.objects.count() == 1
