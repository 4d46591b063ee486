"""Which due rows are claimed now, and what becomes of those that must not be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from django.db import transaction

from events import grouping, transitions
from events.dispatch.chunks import Chunk, pieces
from events.dispatch.due import lock_due, suspects
from events.dispatch.policies import Examination
from events.lifecycle import Hold, Reason, State
from events.models import RuleRole
from events.shards import WHOLE, Shard
from events.timing import Lane, lane

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from events.dispatch.due import DueRow
    from events.dispatch.policies import Obstacle
    from events.models import Rule
    from events.transitions import Origin


# Of messages in a chunk of groups, each as large as its type lets it become.
MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is claimed at once (`batch` rows), published together (`chunk` ids), and for how long (`lease`).

    `breaker_window`: how often a destination whose breaker is open is tried.
    """

    batch: int
    chunk: int
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
    examination = Examination(rows, breaker_window=limits.breaker_window, origin=origin)
    suspicious = suspects(rows)
    sizes = _sizes(examination.rules.values(), limits)
    token = uuid4()
    parcels: dict[Parcel, list[int]] = defaultdict(list)
    claimed: dict[State, list[str]] = defaultdict(list)
    aside: dict[Obstacle, list[DueRow]] = defaultdict(list)
    for row in rows:
        obstacle = examination.obstacle(row)
        if obstacle is not None:
            aside[obstacle].append(row)
            continue
        claimed[row.state].append(row.place)
        handler, destination = examination.destination(row)
        row_lane = lane(row.due_at, now=origin.now, grace=examination.rules[row.rule_id].grace)
        size = 1 if row.id in suspicious else sizes.get(row.rule_id, limits.chunk)
        parcels[Parcel(handler, destination, row_lane, size)].append(row.id)
    _set_aside(aside, origin)
    lease_until = origin.now + limits.lease
    for state, places in claimed.items():
        transitions.claim(places, from_state=state, token=token, lease_until=lease_until, origin=origin)
    return Claimed(seen=len(rows), chunks=list(_chunks(parcels, token, limits, origin)))


def _sizes(rules: Iterable[Rule], limits: Limits) -> dict[int, int]:
    """How many groups of a rule travel together, since a worker may hold the messages of all of them at once."""
    largest = grouping.largest_of(rule.pk for rule in rules if rule.role == RuleRole.GROUPS)
    return {rule: min(limits.chunk, max(1, MOST_BYTES // size)) for rule, size in largest.items()}


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
        for piece in pieces(ids, size=parcel.size, workers=limits.workers):
            yield Chunk(
                token,
                origin.correlation_id,
                parcel.handler,
                parcel.lane,
                piece,
                destination=parcel.destination,
            )
