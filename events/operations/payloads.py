"""Payloads before they are kept: what the handler says of them, and edits of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events import handling
from events.operations.errors import Refusal, storable

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_payload(handler_name: str, payload: Any) -> None:
    """Raise InvalidField, naming the field, if the handler is not installed or could never succeed with the payload."""
    try:
        handler = handling.get(handler_name)
    except handling.UnknownHandler as error:
        raise Refusal(
            field="handler",
            problem=f"no handler called {handler_name!r} is installed",
            remedy=f"Installed: {error.facts['installed']}.",
        ) from error
    check_object("payload", payload)
    handler.validate(payload)


def check_object(field: str, value: Any) -> None:
    """Raise InvalidField if the value is not a JSON object that PostgreSQL can keep."""
    if not isinstance(value, dict) or not storable(value):
        raise Refusal(
            field=field,
            problem="it is not a JSON object that PostgreSQL can keep",
            remedy='Write it as {"key": "value"}, without NUL characters.',
        )


def merged(payload: Any, patch: Any) -> Any:
    """The payload with a JSON merge patch applied (RFC 7396): what the patch says null of is taken out."""
    if not isinstance(patch, dict):
        return patch
    kept: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    put = {name: merged(kept.get(name), part) for name, part in patch.items() if part is not None}
    return {name: value for name, value in kept.items() if name not in patch} | put
