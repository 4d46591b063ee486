"""The port: all that a handler sees of Punctual, and all that Punctual asks of a handler."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from events.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from events.handling.outcomes import Outcome


class Kind(StrEnum):
    """What may happen when a call is repeated; decides what a lost worker means.

    transactional: the effect is in our database and commits with COMPLETED, or not at all.
    idempotent: the receiver honours the idempotency key, so a repeated call has one effect.
    non_idempotent: a repeated call would be a second effect, so there is at most one call.
    """

    TRANSACTIONAL = "transactional"
    IDEMPOTENT = "idempotent"
    NON_IDEMPOTENT = "non_idempotent"


class EntityView(NamedTuple):
    """The entity as a handler sees it: plain values, read when the attempt started (or from the snapshot)."""

    kind: str
    external_id: str
    name: str
    timezone: str
    attributes: Mapping[str, Any]


class HandlerContext(NamedTuple):
    """One attempt at one occurrence. No ORM and no clock: everything a handler needs is a value here.

    A named tuple, because a chunk makes hundreds of them.
    """

    occurrence_id: int
    idempotency_key: UUID
    correlation_id: UUID
    attempt: int
    rule_id: int
    rule_name: str
    entity: EntityView
    slot: datetime
    timezone: str
    due_at: datetime
    deadline: datetime
    payload: Mapping[str, Any]


LONGEST_DESTINATION = 255


class InvalidPayload(InvalidField):
    """{field}: {problem}. {remedy}"""


class Handler:
    """The base of every handler: name it, say its kind, and implement `handle`.

    A transactional handler may implement `handle_batch` instead, and so make many effects with one statement.

    `concurrency` calls run at once in one worker, in threads, where it is above 1 (for I/O-bound handlers;
    a transactional handler always runs in the settling transaction's own thread). `timeout` bounds one call: the
    handler keeps to it, and the lease outlives it.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    concurrency: ClassVar[int] = 1
    timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def validate(self, payload: Mapping[str, Any]) -> None:
        """Raise InvalidPayload, naming the field, if a rule with this payload could never succeed."""

    def destination(self, payload: Mapping[str, Any]) -> str:  # noqa: ARG002 - for those who have one
        """Whom a call with this payload would reach, such as a host; "" where nobody outside is reached.

        Destinations that fail are given a rest: a circuit breaker each, which holds their occurrences back meanwhile.
        """
        return ""

    def verify(self, context: HandlerContext) -> Outcome:
        """Ask the receiver whether the effect of an earlier attempt of this occurrence happened.

        Completed: it did. Retry: it did not, so `handle` is called now. Anything else: nobody knows yet. Only asked of
        a non-idempotent handler that implements it.
        """
        raise NotImplementedError(f"handler {self.name!r} cannot verify")

    def handle(self, context: HandlerContext) -> Outcome:
        """Make the effect happen once and say how it went."""
        raise NotImplementedError(f"handler {self.name!r} implements neither handle nor handle_batch")

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """Make many effects happen; one outcome for each context, in order.

        Only a transactional handler's override is called: for the other kinds one lost call must concern one row.
        """
        return [self.handle(context) for context in contexts]


def verifies(handler: Handler) -> bool:
    """Whether the handler can ask its receiver what became of an attempt."""
    return type(handler).verify is not Handler.verify


def has_destinations(handler: Handler) -> bool:
    """Whether any call of the handler reaches somebody outside, whom it names."""
    return type(handler).destination is not Handler.destination


def takes_sets(handler: Handler) -> bool:
    """Whether the handler makes the effects of many rows at once, as a transactional one may."""
    return handler.kind is Kind.TRANSACTIONAL and type(handler).handle_batch is not Handler.handle_batch


def destination_of(handler: Handler, payload: Mapping[str, Any]) -> str:
    """Whom the handler would reach with this payload; "" where it names nobody, or cannot make sense of it."""
    try:
        return str(handler.destination(payload))[:LONGEST_DESTINATION]
    except Exception:  # noqa: BLE001 - a payload of long ago may be anything; the call itself will say what is wrong
        return ""
