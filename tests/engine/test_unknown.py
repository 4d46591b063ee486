"""Nobody knows whether the call happened: the handler asks, or the rule's policy decides, or a person does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import handling, operations
from events.handling import Completed, Postpone, Retry, Unsure
from events.models import Entity, Occurrence, OneAttempt, Rule
from events.transitions.doubts import MOST_QUESTIONS
from tests.engine import handlers
from tests.engine.world import LEASE, World

if TYPE_CHECKING:
    from pytest_django import Settings

    from events.handling import Outcome

pytestmark = pytest.mark.django_db

BASE = timedelta(seconds=10)


def unknown(world: World, handler: str = "asking", **rule: Any) -> Occurrence:
    """One row whose call may have happened."""
    world.due(1, handler=handler, backoff_base=BASE, backoff_cap=timedelta(minutes=1), **rule)
    handlers.answer(Unsure("the connection broke"))
    (chunk,) = world.claim()
    world.run(chunk)
    handlers.answer(Completed())
    row = world.only()
    assert (row.state, row.reason, row.failures) == ("UNKNOWN", "outcome_unknown", 1)
    return row


def run_all(world: World) -> None:
    world.recover()
    world.sweep()


def settle_in_time(world: World, rounds: int = 30) -> None:
    """So many sweeps, each later than any backoff."""
    for _ in range(rounds):
        run_all(world)
        world.now += timedelta(minutes=2)


def stands(world: World) -> tuple[str, str]:
    row = world.only()
    return row.state, row.reason


def asked() -> int:
    return len(handlers.Asking.asked)


def called() -> int:
    return len(handlers.Bidden.calls)


def test_what_did_happen_is_completed_without_a_second_call(world: World) -> None:
    unknown(world)
    handlers.tell(Completed({"receipt": 7}))
    world.recover()
    assert stands(world) == ("RETRYING", "verifying")
    assert world.claim() == [], "asked after the backoff, not at once"
    world.now += BASE
    run_all(world)
    assert stands(world) == ("COMPLETED", "completed")
    assert (asked(), called()) == (1, 1)
    assert OneAttempt.objects.get(number=2).detail == {"receipt": 7}
    assert {each.idempotency_key for each in handlers.Asking.asked} == {world.only().idempotency_key}


def test_what_did_not_happen_is_called_once_more(world: World) -> None:
    unknown(world)
    handlers.tell(Retry("never heard of it"))
    settle_in_time(world, 3)
    assert stands(world) == ("COMPLETED", "completed")
    assert (asked(), called()) == (1, 2)


def test_what_did_not_happen_is_not_called_beyond_the_rules_attempts(world: World) -> None:
    unknown(world, max_attempts=1)
    handlers.tell(Retry("never heard of it"))
    settle_in_time(world, 3)
    assert stands(world) == ("FAILED", "rejected")
    assert (asked(), called()) == (1, 1)


def test_the_second_call_may_be_in_doubt_as_well_and_is_asked_about_again(world: World) -> None:
    unknown(world)
    handlers.answer(Unsure("broke again"))
    handlers.tell(Retry("never heard of it"))
    world.recover()
    world.now += BASE
    run_all(world)
    assert stands(world) == ("UNKNOWN", "outcome_unknown")
    handlers.tell(Completed())
    settle_in_time(world, 2)
    assert stands(world) == ("COMPLETED", "completed")
    assert (asked(), called()) == (2, 2)


def test_an_attempt_that_failed_for_certain_is_asked_about_by_nobody(world: World) -> None:
    world.due(1, handler="asking", backoff_base=BASE)
    handlers.answer(Retry("busy"))
    run_all(world)
    handlers.answer(Completed())
    world.now += BASE
    run_all(world)
    assert (stands(world), asked(), called()) == (("COMPLETED", "completed"), 0, 2)


@pytest.mark.parametrize(
    "word",
    [Unsure("they are checking"), RuntimeError("no route"), Postpone(until=None), None],  # type: ignore[arg-type]
    ids=["unsure", "raises", "postpones", "nothing"],
)
@pytest.mark.parametrize(
    ("policy", "end"), [("ask", "UNKNOWN"), ("complete", "COMPLETED"), ("cancel", "CANCELLED")]
)
def test_who_cannot_tell_is_asked_a_bounded_number_of_times_and_then_the_policy_decides(
    world: World, word: Outcome | Exception, policy: str, end: str
) -> None:
    unknown(world, max_attempts=2, when_unknown=policy)
    handlers.tell(word)
    settle_in_time(world)
    assert stands(world)[0] == end
    assert (asked(), called()) == (2 + MOST_QUESTIONS - 1, 1)
    if policy != "ask":
        told = world.only().moves.get(reason="resolved")
        assert (told.detail, told.actor) == ({"policy": policy}, "engine:test")


def test_the_time_between_two_questions_grows_up_to_the_cap(world: World) -> None:
    unknown(world)
    handlers.tell(Unsure("they are checking"))
    waits = []
    for _ in range(5):
        world.recover()
        waits.append((world.only().available_at - world.now).total_seconds())
        world.now = world.only().available_at
        run_all(world)
        world.only()
    assert waits == [10, 20, 40, 60, 60]


def test_a_worker_that_is_lost_while_it_asks_leaves_the_doubt_and_another_asks(world: World) -> None:
    unknown(world)
    world.recover()
    world.now += BASE
    (chunk,) = world.claim()
    assert len(chunk.ids) == 1
    world.lose(chunk)
    world.now += LEASE
    settle_in_time(world, 3)
    assert stands(world) == ("COMPLETED", "completed")
    assert (asked(), called()) == (1, 1)


def test_a_lost_call_is_asked_about_even_if_no_failure_was_counted(world: World) -> None:
    """Its worker was lost in company, which counts against nobody; the backoff begins with half of its base."""
    rows = world.due(2, handler="asking", backoff_base=BASE)
    chunk = world.claim_together()
    world.lose(chunk)
    world.now += LEASE
    world.recover()
    assert set(Occurrence.objects.values_list("state", "failures")) == {("RETRYING", 0)}
    world.now += BASE
    run_all(world)
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}
    assert (asked(), called()) == (len(rows), 0)


@pytest.mark.parametrize(
    ("policy", "end"), [("ask", "UNKNOWN"), ("complete", "COMPLETED"), ("cancel", "CANCELLED")]
)
def test_where_nobody_can_be_asked_the_policy_decides_at_once(world: World, policy: str, end: str) -> None:
    unknown(world, "non-idempotent", when_unknown=policy)
    run_all(world)
    assert stands(world)[0] == end
    assert (world.only().finished_at is None) == (end == "UNKNOWN")
    settle_in_time(world, 3)
    assert called() == 1


def test_a_paused_rules_doubts_wait_for_it(world: World) -> None:
    """Neither asked, since that is a call, nor settled by policy, since it can be asked later."""
    unknown(world, when_unknown="cancel")
    rule = Rule.objects.get()
    operations.pause_rule(rule, origin=world.origin())
    settle_in_time(world, 3)
    assert (stands(world)[0], asked()) == ("UNKNOWN", 0)
    operations.resume_rule(rule, origin=world.origin())
    settle_in_time(world, 3)
    assert stands(world) == ("COMPLETED", "completed")


def test_a_missing_handlers_doubts_wait_for_it(world: World, settings: Settings) -> None:
    """As during a deploy: whether it could be asked is not known here."""
    unknown(world, when_unknown="complete")
    paths = settings.PUNCTUAL_HANDLERS
    settings.PUNCTUAL_HANDLERS = [path for path in paths if "Asking" not in path]
    handling.installed.cache_clear()
    settle_in_time(world, 3)
    assert stands(world)[0] == "UNKNOWN"
    settings.PUNCTUAL_HANDLERS = paths
    handling.installed.cache_clear()
    handlers.tell(Retry("never heard of it"))
    settle_in_time(world, 3)
    assert (stands(world)[0], called()) == ("COMPLETED", 2)


def test_a_retired_rules_or_a_deleted_persons_doubts_are_settled_by_the_policy_alone(world: World) -> None:
    first = unknown(world, when_unknown="complete")
    operations.delete_entities([Entity.objects.get().pk], why="asked to be forgotten", origin=world.origin())
    run_all(world)
    first.refresh_from_db()
    assert (first.state, asked()) == ("COMPLETED", 0)


def test_what_is_past_its_expiry_is_not_asked_about_since_it_could_not_be_called(world: World) -> None:
    unknown(world, when_unknown="cancel", expires_after=timedelta(minutes=1))
    world.now += timedelta(minutes=1)
    run_all(world)
    assert (stands(world)[0], asked()) == ("CANCELLED", 0)


def test_a_row_that_is_to_be_asked_about_is_not_called_by_a_handler_that_cannot_ask(world: World) -> None:
    """The rule was given another handler meanwhile. It would be a second call."""
    unknown(world)
    world.recover()
    assert stands(world) == ("RETRYING", "verifying")
    rule = Rule.objects.get()
    rule.handler = "non-idempotent"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    settle_in_time(world, 3)
    assert stands(world)[0] == "UNKNOWN"
    assert called() == 1
    assert "cannot ask" in str(OneAttempt.objects.get(number=2).detail)


def test_a_person_who_replays_gets_a_call_where_nobody_can_be_asked(world: World) -> None:
    row = unknown(world, "non-idempotent")
    operations.replay([row.pk], why="they never got it", origin=world.origin())
    run_all(world)
    assert (stands(world)[0], called()) == ("COMPLETED", 2)


def test_a_person_who_replays_after_a_lost_worker_gets_a_call(world: World) -> None:
    world.due(1, handler="non-idempotent")
    (chunk,) = world.claim()
    world.lose(chunk)
    world.now += LEASE
    world.recover()
    operations.replay([world.only().pk], why="they never got it", origin=world.origin())
    run_all(world)
    assert (stands(world)[0], called()) == ("COMPLETED", 1)


def test_a_person_who_replays_gets_the_question_first_where_somebody_can_be_asked(world: World) -> None:
    row = unknown(world)
    operations.replay([row.pk], why="they say that they never got it", origin=world.origin())
    run_all(world)
    assert (stands(world)[0], asked(), called()) == ("COMPLETED", 1, 1)


def test_a_very_patient_rule_overflows_nothing(world: World) -> None:
    row = unknown(world, max_attempts=100)
    long = timedelta(days=900_000)
    Rule.objects.update(backoff_base=long, backoff_cap=long)
    Occurrence.objects.filter(pk=row.pk).update(attempt=60, failures=60)
    world.recover()
    assert world.only().available_at - world.now == timedelta(days=3650)


def test_a_doubt_that_was_amended_is_asked_about_with_its_own_payload(world: World) -> None:
    row = unknown(world)
    Occurrence.objects.filter(pk=row.pk).update(payload={"to": "+1 555 0100"})
    settle_in_time(world, 2)
    assert handlers.Asking.asked[0].payload == {"to": "+1 555 0100"}
