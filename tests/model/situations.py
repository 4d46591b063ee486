"""What is known at one moment of the game: the row, what workers and broker remember, and what may come next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from events.lifecycle import FINAL, State

if TYPE_CHECKING:
    from events.dispatch import Chunk
    from events.execution import ChunkOrder
    from events.handling import Outcome
    from events.transitions import Started
    from events.transitions.chunk_runs import Run


class Broken(StrEnum):
    """What must never be."""

    EFFECTS = "effects are not one where it completed and none where it did not"
    SECOND_CALL = "a non-idempotent handler is called again after a call that may have had its effect"
    NO_CALL = "it is COMPLETED and no call completed"
    OTHER_KEY = "a call has another key than the row"
    STALE_MOVE = "a worker that had lost its claim moved the row"
    UNTOLD = "a late answer is not in the log"
    LOG = "the log does not lead to where the row stands"
    REFUSED = "the database refused what a statement tried"
    STUCK = "nothing that the product does leads to an end"


class Violation(Exception):
    """A step broke an invariant."""

    def __init__(self, broken: Broken, detail: object = "") -> None:
        super().__init__(broken, detail)
        self.broken, self.detail = broken, str(detail)


@dataclass(frozen=True, slots=True)
class Row:
    """The row and what is around it, as one query sees them. `whole` is all of its columns.

    `taken_until`: the lease of the chunk with which a worker has taken it up, to start and end it in one transaction.
    """

    whole: str
    state: State
    attempt: int
    failures: int
    hold: str
    token: UUID | None
    key: UUID
    available_at: datetime
    lease_expires_at: datetime | None
    moves: int
    effects: int
    taken_until: datetime | None

    @property
    def is_at_an_end(self) -> bool:
        """The machine is done with it, unless a person wants more."""
        return self.state in FINAL or self.state == State.UNKNOWN

    def has_lapsed(self, now: datetime) -> bool:
        """Whether its lease has run out, or its chunk's where it has been taken up."""
        lease = self.taken_until or self.lease_expires_at
        return lease is not None and lease <= now


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker remembers: its message, the chunk that it took up (or has `left`, to start its row apart), the row
    that it started, and the answer once its handler was called.
    """

    order: ChunkOrder
    run: Run | None = None
    left: Run | None = None
    row: Started | None = None
    answer: Outcome | None = None

    def has_lost(self, row: Row) -> bool:
        """Whether the row is another's by now, or nobody's."""
        return self.order.token != row.token

    def stage(self, row: Row) -> tuple[bool, bool, str]:
        """How far it is: the same for two workers of which the same can be expected."""
        return self.has_lost(row), self.run is None, type(self.answer).__name__


@dataclass(frozen=True, slots=True)
class Situation:
    """What is remembered outside of the database. `happened`: a call that was made completed, or may have."""

    now: datetime
    messages: tuple[Chunk, ...] = ()
    workers: tuple[Work | None, ...] = (None, None)
    happened: bool = False

    def with_work(self, number: int, work: Work | None) -> Situation:
        """The same with one worker's memory replaced."""
        return replace(self, workers=(*self.workers[:number], work, *self.workers[number + 1 :]))

    def without(self, message: Chunk) -> Situation:
        """The same with all copies of a message lost."""
        return replace(self, messages=tuple(other for other in self.messages if other != message))

    def simplest(self, row: Row) -> Situation:
        """The same with one stale message for all of them."""
        stale = [message for message in self.messages if message.token != row.token]
        fresh = [message for message in self.messages if message.token == row.token]
        return replace(self, messages=(*stale[-1:], *fresh))

    def key(self, row: Row) -> tuple[object, ...]:
        """The same for situations from which the same can happen."""
        return (
            str(row.state), row.attempt, row.failures, row.hold, row.effects, row.available_at <= self.now,
            row.has_lapsed(self.now), row.taken_until is None,
            tuple(message.token == row.token for message in self.messages),
            tuple(sorted(str(work and work.stage(row)) for work in self.workers)), self.happened,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """`act` does it and returns the next situation. `helps`: the product's own work, with nothing going wrong."""

    says: str
    act: Callable[[], Situation]
    helps: bool = False
