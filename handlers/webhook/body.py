"""The default body: an occurrence as JSON."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from events.handling import HandlerContext


def default_body(context: HandlerContext, data: Any) -> bytes:
    """Return the occurrence as README.md describes it, with `data` from the rule's payload."""
    entity = context.entity
    local = context.due_at.astimezone(ZoneInfo(context.timezone))
    occurrence = {
        "rule": context.rule_name,
        "entity": {
            "kind": entity.kind,
            "external_id": entity.external_id,
            "name": entity.name,
            "timezone": entity.timezone,
            "attributes": dict(entity.attributes),
        },
        "slot": context.slot.isoformat(),
        "timezone": context.timezone,
        "due_at": context.due_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "local_time": local.isoformat(),
        "attempt": context.attempt,
        "data": data,
    }
    return json.dumps(occurrence).encode()
