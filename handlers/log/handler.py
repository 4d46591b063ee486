"""LogHandler: the simplest effect there is, a row in our own database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db import connections, router

from events.handling import Completed, Handler, HandlerContext, Kind
from handlers.log.models import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.handling import Outcome

# One statement whatever the number of rows: an array per column is planned once, a thousand VALUES are not.
INSERT = """
    INSERT INTO log_handler_delivery (
        idempotency_key, occurrence_id, rule_name, entity_kind, entity_external_id,
        slot, timezone, due_at, payload, attempt
    )
    SELECT * FROM unnest(
        %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::timestamptz[], %s::text[]::jsonb[], %s::int[]
    )
"""


class LogHandler(Handler):
    """Writes a Delivery for each occurrence, in the transaction that completes it. Any payload will do."""

    name = "log"
    kind = Kind.TRANSACTIONAL

    def handle(self, context: HandlerContext) -> Outcome:
        """Write one Delivery."""
        return self.handle_batch([context])[0]

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """Write a Delivery for each context, all in one statement; every outcome is Completed.

        Raises IntegrityError, and writes nothing, if any of the keys was delivered before.
        """
        if contexts:
            columns = [list(column) for column in zip(*map(_row, contexts), strict=True)]
            with connections[router.db_for_write(Delivery)].cursor() as cursor:
                cursor.execute(INSERT, columns)
        return [Completed() for _ in contexts]


def _row(context: HandlerContext) -> tuple[Any, ...]:
    return (
        context.idempotency_key,
        context.occurrence_id,
        context.rule_name,
        context.entity.kind,
        context.entity.external_id,
        context.slot.isoformat(),
        context.timezone,
        context.due_at,
        json.dumps(dict(context.payload)),
        context.attempt,
    )
