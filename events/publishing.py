"""The broker: handing chunks to workers, and reading the messages that do.

A message is a hint. Whatever happens to it, the claimed row is the truth: its lease runs out, and recovery returns it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import current_app
from kombu.exceptions import OperationalError

from events.errors import PunctualError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.dispatch import Chunk

logger = logging.getLogger(__name__)

EXECUTE = "punctual.execute"
ENVELOPE_VERSION = 1


class UnreadableEnvelope(PunctualError):
    """A message of version {version} is not readable here (this code reads version {known}): deploy workers first."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What travels: a version, the fence, and ids. Keyword arguments that a newer sender adds are ignored."""

    token: UUID
    correlation_id: UUID
    handler: str
    ids: tuple[int, ...]
    destination: str = ""

    def as_kwargs(self) -> dict[str, Any]:
        """The envelope as a task's keyword arguments: JSON alone."""
        return {
            "v": ENVELOPE_VERSION,
            "token": str(self.token),
            "correlation_id": str(self.correlation_id),
            "handler": self.handler,
            "ids": list(self.ids),
            "destination": self.destination,
        }

    @classmethod
    def from_kwargs(
        cls,
        *,
        v: int,
        token: str,
        correlation_id: str,
        handler: str,
        ids: list[int],
        destination: str = "",
        **_: Any,
    ) -> Envelope:
        """The envelope that a task was sent; raises UnreadableEnvelope for a version it does not know."""
        if v != ENVELOPE_VERSION:
            raise UnreadableEnvelope(version=v, known=ENVELOPE_VERSION)
        return cls(UUID(token), UUID(correlation_id), handler, tuple(ids), destination)


@dataclass(frozen=True, slots=True)
class Published:
    """How many chunks the broker confirmed, and those that were never offered to it after a failure."""

    confirmed: int
    unoffered: tuple[Chunk, ...] = ()
    failed: bool = False


def publish(chunks: Sequence[Chunk]) -> Published:
    """Hand chunks to the broker, each confirmed and routable, until one fails.

    The chunk that failed may or may not have arrived: its rows wait for their lease. Those behind it were not offered.
    """
    for position, chunk in enumerate(chunks):
        try:
            _send(chunk)
        except (OperationalError, OSError, *_broker_errors()) as error:
            logger.warning("the broker did not take a chunk of %d rows: %s", len(chunk.ids), error)
            return Published(position, tuple(chunks[position + 1 :]), failed=True)
    return Published(len(chunks))


def _send(chunk: Chunk) -> None:
    envelope = Envelope(chunk.token, chunk.correlation_id, chunk.handler, chunk.ids, chunk.destination)
    current_app.send_task(
        EXECUTE,
        kwargs=envelope.as_kwargs(),
        queue=chunk.lane.value,
        mandatory=True,
        retry=False,
    )


def _broker_errors() -> tuple[type[BaseException], ...]:
    connection = current_app.connection_for_write()
    return (*connection.connection_errors, *connection.channel_errors)
