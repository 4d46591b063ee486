"""A rule may be stricter than its handler: never a second call, though the receiver would know it by its key."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import operations
from events.handling import Completed, Decline, Postpone, Reject, Retry, Unsure
from events.models import Occurrence, OneAttempt, Rule
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from events.handling import Outcome

pytestmark = pytest.mark.django_db


def run_once(world: World, outcome: Outcome | Exception | None, **rule: Any) -> Occurrence:
    handlers.answer(outcome)  # type: ignore[arg-type]
    world.due(
        1, **{"handler": "idempotent", "at_most_once": True, "backoff_base": timedelta(seconds=1), **rule}
    )
    for chunk in world.claim():
        world.run(chunk)
    return world.only()


def lose_a_worker(world: World, **rule: Any) -> None:
    """A row that a worker took up as an execution would, and did not live to settle."""
    world.due(1, **{"handler": "idempotent", "backoff_base": timedelta(seconds=1), **rule})
    (chunk,) = world.claim()
    world.lose(chunk)


def much_later(world: World) -> None:
    handlers.answer(Completed())
    for _ in range(4):
        world.now += timedelta(hours=1)
        world.recover()
        world.sweep()


@pytest.mark.parametrize(
    "outcome",
    [
        Retry("503"),
        Retry("429", after=timedelta(seconds=1)),
        Unsure("?"),
        RuntimeError("reset"),
        SystemExit(1),
        None,
    ],
    ids=["retry", "retry after", "unsure", "exception", "exit", "nothing"],
)
def test_whatever_is_not_certain_is_unknown_and_never_called_again(
    world: World, outcome: Outcome | Exception | None
) -> None:
    row = run_once(world, outcome)
    assert (row.state, row.reason) == ("UNKNOWN", "outcome_unknown")
    much_later(world)
    assert world.only().state == "UNKNOWN"
    assert len(handlers.Bidden.calls) == 1


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Completed(), "COMPLETED"), (Decline("not today"), "SKIPPED"), (Reject("gone"), "FAILED")],
)
def test_what_is_certain_is_what_it_is(world: World, outcome: Outcome, state: str) -> None:
    assert run_once(world, outcome).state == state


def test_who_postpones_has_not_called(world: World) -> None:
    assert run_once(world, Postpone(until=world.now + timedelta(minutes=1))).state == "RETRYING"
    much_later(world)
    assert world.only().state == "COMPLETED"


def test_a_lost_worker_leaves_a_doubt_and_not_a_second_call(world: World) -> None:
    lose_a_worker(world, at_most_once=True)
    assert OneAttempt.objects.get().handler_kind == "non_idempotent"
    much_later(world)
    assert (world.only().state, world.only().reason) == ("UNKNOWN", "worker_lost")
    assert handlers.Bidden.calls == []


def test_without_it_the_same_are_called_again(world: World) -> None:
    assert run_once(world, Retry("503"), at_most_once=False).state == "RETRYING"
    much_later(world)
    assert (world.only().state, len(handlers.Bidden.calls)) == ("COMPLETED", 2)


def test_it_makes_no_handler_laxer(world: World) -> None:
    """An effect that is rolled back was none; and a handler that knows no keys is what it was."""
    row = run_once(world, Retry("busy"), handler="transactional")
    assert (row.state, Delivery.objects.count()) == ("RETRYING", 0)
    much_later(world)
    assert (world.only().state, Delivery.objects.count()) == ("COMPLETED", 1)


def test_a_non_idempotent_handler_stays_so_without_it(world: World) -> None:
    assert (
        run_once(world, RuntimeError("reset"), handler="non-idempotent", at_most_once=False).state
        == "UNKNOWN"
    )


def make_strict() -> None:
    Rule.objects.update(at_most_once=True)


def test_a_row_that_waits_for_its_second_attempt_when_its_rule_becomes_strict_gets_none(world: World) -> None:
    run_once(world, Retry("no answer within 10 s"), at_most_once=False)
    make_strict()
    much_later(world)
    assert world.only().state == "UNKNOWN"
    assert len(handlers.Bidden.calls) == 1


def test_nor_does_one_whose_worker_was_lost_before_its_rule_became_strict(world: World) -> None:
    lose_a_worker(world, at_most_once=False)
    make_strict()
    much_later(world)
    assert world.only().state == "UNKNOWN"
    assert handlers.Bidden.calls == []


def test_a_person_may_want_the_call_all_the_same(world: World) -> None:
    row = run_once(world, Retry("503"))
    operations.replay([row.pk], why="they have looked: it never came", origin=world.origin())
    much_later(world)
    assert (world.only().state, len(handlers.Bidden.calls)) == ("COMPLETED", 2)


def test_a_handler_with_keys_that_can_ask_is_asked(world: World) -> None:
    run_once(world, Retry("no answer"), handler="asking-idempotent")
    handlers.tell(Retry("never heard of it"))
    much_later(world)
    assert world.only().state == "COMPLETED"
    assert (len(handlers.Asking.asked), len(handlers.Bidden.calls)) == (1, 2)
