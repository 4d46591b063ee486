"""The plugin port: what a handler is, what it sees, what it may answer, and which ones are installed."""

from events.handling.outcomes import (
    Completed,
    Decline,
    Outcome,
    Postpone,
    Reject,
    Retry,
    Unsure,
)
from events.handling.port import (
    EntityView,
    Handler,
    HandlerContext,
    InvalidPayload,
    Kind,
    destination_of,
    has_destinations,
    takes_sets,
    verifies,
)
from events.handling.registry import (
    BrokenHandler,
    DuplicateHandler,
    UnknownHandler,
    get,
    installed,
)

__all__ = [
    "BrokenHandler",
    "Completed",
    "Decline",
    "DuplicateHandler",
    "EntityView",
    "Handler",
    "HandlerContext",
    "InvalidPayload",
    "Kind",
    "Outcome",
    "Postpone",
    "Reject",
    "Retry",
    "UnknownHandler",
    "Unsure",
    "destination_of",
    "get",
    "has_destinations",
    "installed",
    "takes_sets",
    "verifies",
]
