"""Which due rows are claimed now, and what becomes of those that must not be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from django.db import transaction

from events import grouping, handling, transitions
from events.dispatch.chunks import Chunk, pieces
from events.dispatch.due import lock_due, suspects
from events.dispatch.policies import Examination
from events.handling import Kind
from events.lifecycle import Hold, Reason, State
from events.models import RuleRole
from events.shards import WHOLE, Shard
from events.timing import Lane, lane

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from uuid import UUID

    from events.dispatch.due import DueRow
    from events.dispatch.policies import Obstacle
    from events.models import Rule
    from events.transitions import Origin


# Of messages in a chunk of groups, each as large as its type lets it become.
MOST_BYTES = 32 * 1024 * 1024
# Rows that share a transaction: a message of its own would cost more than waiting for so many others.
MOST_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is claimed at once (`batch` rows), published together (`chunk` ids, or `chunk_of_sets` where the handler
    takes sets), and for how long (`lease`). `breaker_window`: how often a destination whose breaker is open is tried.
    """

    batch: int
    chunk: int
    chunk_of_sets: int
    workers: int
    lease: timedelta
    breaker_window: timedelta = timedelta(seconds=30)


@dataclass(slots=True)
class Claimed:
    """What one claim found: chunks to publish, and how many rows it looked at (0: nothing is due)."""

    seen: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows the chunks carry."""
        return sum(len(chunk.ids) for chunk in self.chunks)


class Parcel(NamedTuple):
    """What the rows of one chunk share, and how many of them travel together at most."""

    handler: str
    destination: str
    lane: Lane
    size: int


@transaction.atomic
def claim_due(
    *, limits: Limits, origin: Origin, since: datetime | None = None, shard: Shard = WHOLE
) -> Claimed:
    """Claim up to a batch of what is due, oldest first; rows that another sweep holds are passed over.

    With `since`, only what became available no earlier: so that a backlog does not stand before what is due now. Of a
    shard, what is due of its entities; the batch is filled with these.

    1. Lock due rows.  2. Set aside those that must not fire, or not now: see dispatch.policies.
    3. Move the others to PENDING under one new token and lease.  4. Cut them into chunks that share a Parcel.
    """
    rows = lock_due(limits.batch, since=since, now=origin.now, shard=shard)
    if not rows:
        return Claimed()
    examination = Examination(rows, breaker_window=limits.breaker_window, origin=origin)
    packing = Packing(examination, limits, suspects(rows), now=origin.now)
    token = uuid4()
    claimed: dict[State, list[str]] = defaultdict(list)
    aside: dict[Obstacle, list[DueRow]] = defaultdict(list)
    for row in rows:
        obstacle = examination.obstacle(row)
        if obstacle is None:
            claimed[row.state].append(row.place)
            packing.add(row)
        else:
            aside[obstacle].append(row)
    _set_aside(aside, origin)
    lease_until = origin.now + limits.lease
    for state, places in claimed.items():
        transitions.claim(places, from_state=state, token=token, lease_until=lease_until, origin=origin)
    return Claimed(seen=len(rows), chunks=list(_chunks(packing.parcels, token, limits, origin)))


class Packing:
    """The rows of one claim by parcel, each parcel's in the order in which they are due."""

    def __init__(
        self, examination: Examination, limits: Limits, suspicious: dict[int, int], *, now: datetime
    ) -> None:
        self.parcels: dict[Parcel, list[int]] = {}
        self._examination, self._limits, self._suspicious, self._now = examination, limits, suspicious, now
        self._graces = {rule.pk: rule.grace for rule in examination.rules.values()}
        self._sizes = _sizes(examination.rules.values(), limits)
        self._alike: dict[tuple[int, Lane], list[int]] = {}

    def add(self, row: DueRow) -> None:
        """Put the row where it belongs: mostly where others of its rule and lane are already."""
        row_lane = lane(row.due_at, now=self._now, grace=self._graces[row.rule_id])
        ids = self._alike.get((row.rule_id, row_lane))
        if row.payload is not None or row.id in self._suspicious:
            ids = self._of(row, row_lane)
        elif ids is None:
            ids = self._alike[row.rule_id, row_lane] = self._of(row, row_lane)
        ids.append(row.id)

    def _of(self, row: DueRow, row_lane: Lane) -> list[int]:
        handler, destination = self._examination.destination(row)
        most = self._sizes[row.rule_id]
        size = min(most, self._suspicious.get(row.id, most))
        return self.parcels.setdefault(Parcel(handler, destination, row_lane, size), [])


def _sizes(rules: Collection[Rule], limits: Limits) -> dict[int, int]:
    """How many rows of each rule travel together; of groups no more than whose messages a worker may hold at once."""
    groups = [rule.pk for rule in rules if rule.role == RuleRole.GROUPS]
    largest = grouping.largest_of(groups) if groups else {}
    return {
        rule.pk: min(_most_of(rule, limits), max(1, MOST_BYTES // largest.get(rule.pk, 1))) for rule in rules
    }


def _most_of(rule: Rule, limits: Limits) -> int:
    handler = handling.installed().get(rule.handler)
    is_of_sets = handler is not None and handling.takes_sets(handler)
    return limits.chunk_of_sets if is_of_sets else limits.chunk


SKIPPED = {Reason.EXPIRED, Reason.MISSED, Reason.COALESCED, Reason.OVERLAPPED, Reason.ALREADY_SENT}


def _set_aside(aside: dict[Obstacle, list[DueRow]], origin: Origin) -> None:
    skipped: dict[Reason, dict[int, int | None]] = defaultdict(dict)
    for obstacle, rows in aside.items():
        ids, cause = [row.id for row in rows], obstacle.cause
        if isinstance(cause, Hold):
            transitions.hold(ids, cause=cause, destination=obstacle.destination, origin=origin)
        elif cause in SKIPPED:
            skipped[cause].update(dict.fromkeys(ids, obstacle.because_of))
        else:
            transitions.cancel(ids, reason=cause, origin=origin)
    for reason, because_of in skipped.items():
        transitions.skip(because_of, reason=reason, origin=origin)


def _chunks(parcels: dict[Parcel, list[int]], token: UUID, limits: Limits, origin: Origin) -> Iterable[Chunk]:
    for parcel, ids in parcels.items():
        handler = handling.get(parcel.handler)
        together = MOST_TOGETHER if handler.kind is Kind.TRANSACTIONAL else 1
        # A set is one call, and takes about as long as another; of single calls some take longer: two parts a worker.
        parts = limits.workers if handling.takes_sets(handler) else 2 * limits.workers
        for piece in pieces(ids, size=parcel.size, parts=parts, together=together):
            yield Chunk(
                token,
                origin.correlation_id,
                parcel.handler,
                parcel.lane,
                piece,
                destination=parcel.destination,
            )
