"""Handlers that do as a test bids them. Their effects are rows or list entries that a test can count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from events.handling import Completed, Handler, HandlerContext, Kind, Outcome
from handlers.log.handler import LogHandler

Answer = Callable[[HandlerContext], Outcome]


def completed(_: HandlerContext) -> Outcome:
    return Completed()


class Bidden(Handler):
    """Calls are kept in `calls`; `answer` decides the outcome."""

    calls: ClassVar[list[HandlerContext]] = []
    answer: ClassVar[Answer] = staticmethod(completed)

    def handle(self, context: HandlerContext) -> Outcome:
        type(self).calls.append(context)
        return type(self).answer(context)


class Idempotent(Bidden):
    name = "idempotent"
    kind = Kind.IDEMPOTENT
    concurrency = 4
    timeout = timedelta(seconds=10)


class NonIdempotent(Bidden):
    name = "non-idempotent"
    kind = Kind.NON_IDEMPOTENT
    timeout = timedelta(seconds=10)


class Transactional(Bidden):
    """Writes a Delivery first and answers as bidden then, so that a rolled back effect can be seen to be gone."""

    name = "transactional"
    kind = Kind.TRANSACTIONAL

    def handle(self, context: HandlerContext) -> Outcome:
        LogHandler().handle(context)
        return super().handle(context)


class Reaching(Bidden):
    """Reaches whom its payload names, one call after another."""

    name = "reaching"
    kind = Kind.IDEMPOTENT
    timeout = timedelta(seconds=10)

    def destination(self, payload: Mapping[str, Any]) -> str:
        return str(payload["to"])


class ReachingTogether(Reaching):
    name = "reaching-together"
    concurrency = 8


class Asking(Bidden):
    """Can ask what became of a call: `word` decides what it hears. Questions are kept in `asked`."""

    name = "asking"
    kind = Kind.NON_IDEMPOTENT
    timeout = timedelta(seconds=10)
    asked: ClassVar[list[HandlerContext]] = []
    word: ClassVar[Answer] = staticmethod(completed)

    def verify(self, context: HandlerContext) -> Outcome:
        Asking.asked.append(context)
        return Asking.word(context)


class AskingIdempotent(Asking):
    name = "asking-idempotent"
    kind = Kind.IDEMPOTENT


ALL = (Idempotent, NonIdempotent, Transactional, Reaching, ReachingTogether, Asking, AskingIdempotent)
PATHS = [f"{__name__}.{cls.__name__}" for cls in ALL]


def answer(outcome: Outcome | Exception) -> None:
    """Bid every handler to answer so, or to raise it."""
    for cls in ALL:
        cls.answer = staticmethod(_bidden(outcome))


def tell(outcome: Outcome | Exception) -> None:
    """Bid whoever can ask to hear this, or to raise it."""
    Asking.word = staticmethod(_bidden(outcome))


def forget() -> None:
    """As if no test had been before."""
    answer(Completed())
    tell(Completed())
    Bidden.calls.clear()
    Asking.asked.clear()


def _bidden(outcome: Outcome | Exception) -> Answer:
    def bidden(_: HandlerContext) -> Outcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return bidden
