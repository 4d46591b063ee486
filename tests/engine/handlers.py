"""Handlers that do as a test bids them. Their effects are rows or list entries that a test can count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

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


PATHS = [f"{__name__}.{cls.__name__}" for cls in (Idempotent, NonIdempotent, Transactional)]
