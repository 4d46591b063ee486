"""Handlers that cost nothing, so that what is measured is Punctual."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from events.handling import Completed, Handler, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.handling import HandlerContext, Outcome

DONE = Completed()
WAIT_SECONDS = 0.02


class NoopBatch(Handler):
    """Transactional, a set at a time."""

    name = "noop-batch"
    kind = Kind.TRANSACTIONAL

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """Done, all of them."""
        return [DONE] * len(contexts)


class NoopSingle(Handler):
    """Transactional, a row at a time."""

    name = "noop-single"
    kind = Kind.TRANSACTIONAL

    def handle(self, context: HandlerContext) -> Outcome:  # noqa: ARG002 - it does nothing
        """Done."""
        return DONE


class Waiting(Handler):
    """Idempotent, and as slow as a receiver that is near; so many calls at once as the webhook makes."""

    name = "waiting"
    kind = Kind.IDEMPOTENT
    concurrency = 16

    def handle(self, context: HandlerContext) -> Outcome:  # noqa: ARG002 - it only waits
        """Done, after a while."""
        time.sleep(WAIT_SECONDS)
        return DONE
