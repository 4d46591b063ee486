"""A chunk: the rows that one message hands to one worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.timing import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Chunk:
    """Claimed rows that share token, handler, lane and destination, and the correlation id of their claim."""

    token: UUID
    correlation_id: UUID
    handler: str
    lane: Lane
    ids: tuple[int, ...]
    destination: str = ""


def pieces(ids: Sequence[int], *, size: int, parts: int, together: int = 1) -> Iterator[tuple[int, ...]]:
    """The ids in order, in pieces: of `size` at most, and smaller where a small burst is shared in so many parts.

    So many as are called `together` are not shared.
    """
    shared = max(together, -(-len(ids) // parts))
    step = max(1, min(size, shared))
    return (tuple(ids[start : start + step]) for start in range(0, len(ids), step))
