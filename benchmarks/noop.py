"""The handler that costs nothing, so that what is measured is Punctual."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.handling import Completed, Handler, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.handling import HandlerContext, Outcome

DONE = Completed()


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
