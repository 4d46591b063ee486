"""One handler's odd answer concerns its own row and no neighbour."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import handling
from events.handling import Completed, Decline, Handler, HandlerContext, Kind, Outcome, Postpone, Retry
from events.models import Attempt, Occurrence, OneAttempt
from handlers.log.handler import LogHandler
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

ODD: dict[str, Callable[[], Any]] = {
    "a NUL in the reason": lambda: Retry("the reply was b'\x00'"),
    "a lone surrogate in the reason": lambda: Retry("\ud800"),
    "a NUL in the result": lambda: Completed({"body": "\x00"}),
    "a result that is no JSON": lambda: Completed({"at": datetime(2027, 1, 1, tzinfo=UTC)}),
    "a result that nobody wants to keep": lambda: Completed({"body": "x" * 5000}),
    "not a number": lambda: Completed({"ratio": float("nan")}),
    "nothing": lambda: None,
    "something else": lambda: True,
    "a wait beyond the calendar": lambda: Retry("much later", after=timedelta.max),
    "a naive moment": lambda: Postpone(until=datetime(2099, 1, 1)),
}


@pytest.mark.parametrize("kind", ["transactional", "idempotent", "non-idempotent"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_answer_leaves_the_neighbours_alone_and_ends_or_retries_its_own_row(
    world: World, kind: str, odd: str
) -> None:
    rows = world.due(3, handler=kind, expires_after=timedelta(days=3650))
    bad = rows[1].pk

    def bidden(context: HandlerContext) -> Any:
        return ODD[odd]() if context.occurrence_id == bad else Completed()

    for cls in (handlers.Transactional, handlers.Idempotent, handlers.NonIdempotent):
        cls.answer = staticmethod(bidden)
    chunk = world.claim_together()
    try:
        world.run(chunk)
    except Exception as error:
        raised: Exception | None = error
    else:
        raised = None
    assert raised is None, repr(raised)
    assert set(Occurrence.objects.exclude(pk=bad).values_list("state", flat=True)) == {"COMPLETED"}
    assert Occurrence.objects.get(pk=bad).state != "PROCESSING"


def test_a_handler_that_ends_its_process_takes_no_neighbours_answer_with_it(world: World) -> None:
    rows = world.due(4, handler="idempotent")
    bad = rows[0].pk

    def bidden(context: HandlerContext) -> Outcome:
        if context.occurrence_id == bad:
            raise SystemExit(2)
        return Completed()

    handlers.Idempotent.answer = staticmethod(bidden)
    chunk = world.claim_together()
    with suppress(SystemExit):
        world.run(chunk)
    assert set(Occurrence.objects.exclude(pk=bad).values_list("state", flat=True)) == {"COMPLETED"}


class BatchOnly(Handler):
    """Implements handle_batch alone, as the port allows."""

    name = "batch-only"
    kind = Kind.TRANSACTIONAL
    declined: int | None = None

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        LogHandler().handle_batch(contexts)
        return [
            Decline("not today") if context.occurrence_id == type(self).declined else Completed()
            for context in contexts
        ]


def test_a_handler_that_knows_only_batches_may_decline_one_of_them(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, f"{__name__}.BatchOnly"]
    handling.installed.cache_clear()
    rows = world.due(3, handler="batch-only")
    BatchOnly.declined = rows[1].pk
    summary = world.run(world.claim_together())
    assert summary.outcomes == {"completed": 2, "declined": 1}
    assert Delivery.objects.count() == 2


def test_a_row_that_was_postponed_very_often_can_still_start(world: World) -> None:
    (row, _) = world.due(2, handler="idempotent")
    Occurrence.objects.filter(pk=row.pk).update(attempt=32767)
    Attempt.objects.create(
        occurrence=row,
        number=32767,
        handler_kind="idempotent",
        worker="w",
        started_at=world.now,
        finished_at=world.now,
        outcome="postponed",
    )
    world.run(world.claim_together())
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}


def test_what_a_rule_sends_is_what_it_said_when_the_row_started(world: World) -> None:
    """The payload is edited while a chunk is under way: rows that start later must see the edit."""
    from events.models import Rule

    world.due(8, handler="idempotent", payload={"text": "before"})
    chunk = world.claim_together()
    at_edit: list[int] = []
    clock = world.clock

    def edited_meanwhile() -> datetime:
        if handlers.Bidden.calls and not at_edit:
            at_edit.append(OneAttempt.objects.count())
            Rule.objects.update(payload={"text": "after"})
        return clock()

    world.clock = edited_meanwhile  # type: ignore[method-assign]
    world.run(chunk)
    texts = [call.payload["text"] for call in sorted(handlers.Bidden.calls, key=lambda c: c.occurrence_id)]
    assert at_edit[0] < 8
    assert texts[at_edit[0] :] == ["after"] * (8 - at_edit[0])


@pytest.mark.parametrize("kind", ["idempotent", "non-idempotent"])
def test_who_stood_still_until_the_lease_ended_does_not_call(world: World, kind: str) -> None:
    """The row may be another's by then: a frozen process that goes on must make no second call."""
    world.due(handler=kind)
    (chunk,) = world.claim()
    world.run(chunk, lease_margin=timedelta(seconds=-11))
    row = world.only()
    assert (row.state, row.reason, row.attempt) == ("RETRYING", "attempt_failed", 1)
    assert handlers.Bidden.calls == []
