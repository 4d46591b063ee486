"""A function of one's own: it is told all the events that are due together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from handlers.log.handler import LogHandler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.handling import HandlerContext, Outcome

logger = logging.getLogger(__name__)


class SendPush(LogHandler):
    """`sendPush(eventids)`: says in the log which events it was called for, and keeps a delivery of each."""

    name = "sendPush"

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """One outcome for each event, in order."""
        event_ids = [context.entity.external_id for context in contexts]
        logger.info("sendPush(%s)", ", ".join(event_ids))
        return super().handle_batch(contexts)
