"""One handler of each kind, whose effects a model can count and whose answers it chooses."""

from __future__ import annotations

from typing import ClassVar

from django.db import connection

from events.handling import Completed, Handler, HandlerContext, Kind, Outcome


class Chosen(Handler):
    """Answers what was chosen beforehand."""

    answer: ClassVar[Outcome] = Completed()

    def handle(self, context: HandlerContext) -> Outcome:
        return Chosen.answer


class IdempotentModel(Chosen):
    name = "model-idempotent"
    kind = Kind.IDEMPOTENT


class NonIdempotentModel(Chosen):
    name = "model-non-idempotent"
    kind = Kind.NON_IDEMPOTENT


class TransactionalModel(Chosen):
    """Its effect is a row of a table that refuses nothing, so that a second one would be seen."""

    name = "model-transactional"
    kind = Kind.TRANSACTIONAL

    def handle(self, context: HandlerContext) -> Outcome:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO model_effect VALUES (%s)", [context.occurrence_id])
        return super().handle(context)


HANDLERS: tuple[type[Chosen], ...] = (TransactionalModel, IdempotentModel, NonIdempotentModel)
PATHS = [f"{__name__}.{cls.__name__}" for cls in HANDLERS]
