"""What a handler answers decides where its row goes, and what stays of its effect."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events.handling import Completed, Decline, Postpone, Reject, Retry, Unsure
from events.models import LoggedMove, Occurrence, OneAttempt
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from datetime import datetime

    from events.handling import HandlerContext, Outcome

pytestmark = pytest.mark.django_db

KINDS = {
    "transactional": handlers.Transactional,
    "idempotent": handlers.Idempotent,
    "non-idempotent": handlers.NonIdempotent,
}


def answer(outcome: Outcome | Exception) -> None:
    def bidden(_: HandlerContext) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    for cls in KINDS.values():
        cls.answer = staticmethod(bidden)


def run_one(world: World, **rule: object) -> Occurrence:
    if not Occurrence.objects.exists():
        world.due(1, **rule)
    (chunk,) = world.claim()
    world.run(chunk)
    return world.only()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("outcome", "state", "reason", "failures"),
    [
        (Completed({"status": 200}), "COMPLETED", "completed", 0),
        (Decline("not on holidays"), "SKIPPED", "declined", 0),
        (Reject("gone for good"), "FAILED", "rejected", 1),
        (Retry("busy"), "RETRYING", "attempt_failed", 1),
    ],
)
def test_each_outcome_leads_to_its_state(
    world: World, kind: str, outcome: Outcome, state: str, reason: str, failures: int
) -> None:
    answer(outcome)
    row = run_one(world, handler=kind)
    assert (row.state, row.reason, row.failures, row.attempt) == (state, reason, failures, 1)
    assert (row.finished_at is not None) == (state != "RETRYING")
    assert OneAttempt.objects.get().outcome != ""


@pytest.mark.parametrize("outcome", [Retry("busy"), Decline("no"), Reject("never"), ValueError("broken")])
def test_a_transactional_effect_stays_only_with_its_completion(
    world: World, outcome: Outcome | Exception
) -> None:
    answer(outcome)
    run_one(world, handler="transactional")
    assert not Delivery.objects.exists()


def test_one_row_that_fails_among_many_takes_no_other_with_it(world: World) -> None:
    rows = world.due(5, handler="transactional")
    bad = rows[2].pk

    def bidden(context: HandlerContext) -> Outcome:
        if context.occurrence_id == bad:
            raise ValueError("this one")
        return Completed()

    handlers.Transactional.answer = staticmethod(bidden)
    chunk = world.claim_together()
    assert world.run(chunk).outcomes == {"completed": 4, "failed": 1}
    assert Delivery.objects.count() == 4
    assert not Delivery.objects.filter(occurrence_id=bad).exists()
    assert OneAttempt.objects.get(occurrence=bad).detail == {"why": "ValueError: this one"}


def test_an_exception_is_a_retry(world: World) -> None:
    answer(RuntimeError("no network"))
    row = run_one(world, handler="idempotent")
    assert (row.state, row.failures) == ("RETRYING", 1)
    assert OneAttempt.objects.get().detail == {"why": "RuntimeError: no network"}


def test_an_exception_where_a_second_call_would_be_a_second_effect_waits_for_a_person(world: World) -> None:
    answer(RuntimeError("connection lost after sending"))
    row = run_one(world, handler="non-idempotent")
    assert (row.state, row.reason, row.finished_at) == ("UNKNOWN", "outcome_unknown", None)


def test_being_unsure_is_a_retry_where_the_receiver_honours_the_key(world: World) -> None:
    answer(Unsure("no reply"))
    assert run_one(world, handler="idempotent").state == "RETRYING"


def test_a_retry_comes_after_the_time_that_the_handler_names(world: World) -> None:
    answer(Retry("too many requests", after=timedelta(seconds=120)))
    assert run_one(world, handler="idempotent").available_at == world.now + timedelta(seconds=120)


def test_a_retry_comes_within_the_rules_backoff(world: World) -> None:
    answer(Retry("busy"))
    row = run_one(
        world, handler="idempotent", backoff_base=timedelta(seconds=8), backoff_cap=timedelta(seconds=10)
    )
    assert timedelta(0) <= row.available_at - world.now <= timedelta(seconds=10)


def test_attempts_keep_the_idempotency_key_until_they_are_spent(world: World) -> None:
    answer(Retry("busy", after=timedelta(0)))
    for _ in range(3):
        row = run_one(world, handler="idempotent", max_attempts=3)
    assert (row.state, row.reason, row.attempt, row.failures) == ("FAILED", "attempts_spent", 3, 3)
    assert {call.idempotency_key for call in handlers.Bidden.calls} == {row.idempotency_key}
    assert [call.attempt for call in handlers.Bidden.calls] == [1, 2, 3]
    assert world.claim() == []


def test_no_retry_is_planned_past_the_expiry(world: World) -> None:
    answer(Retry("busy", after=timedelta(minutes=10)))
    row = run_one(world, handler="idempotent", expires_after=timedelta(minutes=10))
    assert (row.state, row.reason) == ("FAILED", "deadline_spent")


def test_postponing_costs_no_attempt_of_the_limit(world: World) -> None:
    later = world.now + timedelta(hours=8)
    answer(Postpone(until=later, why="quiet hours"))
    row = run_one(world, handler="idempotent", max_attempts=1)
    assert (row.state, row.reason, row.failures, row.available_at) == ("RETRYING", "postponed", 0, later)
    world.now = later
    answer(Completed())
    assert run_one(world).state == "COMPLETED"


def test_postponing_past_the_expiry_ends_it(world: World) -> None:
    answer(Postpone(until=world.now + timedelta(hours=8)))
    row = run_one(world, handler="idempotent", expires_after=timedelta(hours=1))
    assert (row.state, row.reason) == ("FAILED", "deadline_spent")


def test_a_worker_that_lost_its_lease_settles_nothing_and_its_late_answer_is_logged(world: World) -> None:
    world.due(1, handler="idempotent")
    (chunk,) = world.claim()
    clock = world.clock

    def the_lease_is_lost_just_before_settling() -> datetime:
        if Occurrence.objects.filter(state="PROCESSING").exists():
            world.now += timedelta(minutes=10)
            world.recover()
        return clock()

    world.clock = the_lease_is_lost_just_before_settling  # type: ignore[method-assign]
    summary = world.run(chunk)

    assert (world.only().state, world.only().reason) == ("RETRYING", "worker_lost")
    assert summary.outcomes == {"late": 1}
    late = LoggedMove.objects.filter(reason="late_answer")
    assert [(each.from_state, each.to_state) for each in late] == [("RETRYING", "RETRYING")]
