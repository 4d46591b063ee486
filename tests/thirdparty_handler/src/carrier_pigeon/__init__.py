"""A handler from outside: all that it needs of Punctual is the port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.handling import Completed, Handler, InvalidPayload, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.handling import HandlerContext, Outcome


class PigeonHandler(Handler):
    """Sends a pigeon, which cannot be called back and does not know whether it was here before."""

    name = "pigeon"
    kind = Kind.NON_IDEMPOTENT

    def validate(self, payload: Mapping[str, Any]) -> None:
        """Refuse a pigeon without a message."""
        if not payload.get("message"):
            raise InvalidPayload(
                field="payload.message", problem="it is missing", remedy="Write what it should carry."
            )

    def handle(self, context: HandlerContext) -> Outcome:
        """Send it off."""
        return Completed({"carried": context.payload["message"], "to": context.entity.external_id})
