"""Which due rows are claimed now, and what becomes of those that must not be."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Func, Min, TextField

from events import handling, transitions
from events.dispatch.chunks import Chunk, pieces
from events.lifecycle import CLAIMABLE, IN_FLIGHT, LOST_ATTEMPT, Hold, Reason, State
from events.models import Attempt, Occurrence, Rule, RuleState
from events.timing import Lane, lane

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta
    from uuid import UUID

    from django.db.models import QuerySet

    from events.transitions import Origin


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is claimed at once (`batch` rows), published together (`chunk` ids), and for how long (`lease`)."""

    batch: int
    chunk: int
    workers: int
    lease: timedelta


@dataclass(slots=True)
class Claimed:
    """What one claim found: chunks to publish, and how many rows it looked at (0: nothing is due)."""

    seen: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows the chunks carry."""
        return sum(len(chunk.ids) for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class DueRow:
    """One locked row that is due; `place` is where it lies (its ctid) while it is locked."""

    place: str
    id: int
    state: State
    rule_id: int
    due_at: datetime
    deleted_at: datetime | None


DUE_COLUMNS = ("place", "id", "state", "rule_id", "due_at", "entity__deleted_at")
PLACE = Func(template='"events_occurrence"."ctid"::text', output_field=TextField())


@transaction.atomic
def claim_due(*, limits: Limits, origin: Origin, since: datetime | None = None) -> Claimed:
    """Claim up to a batch of what is due, oldest first; rows that another sweep holds are passed over.

    With `since`, only what became available no earlier: so that a backlog does not stand before what is due now.

    1. Lock due rows.  2. Set aside those that must not fire: expired, of a paused or retired rule, of a
    deleted entity, without a handler.
    3. Move the others to PENDING under one new token and lease.  4. Cut them into chunks by handler and lane.
    """
    rows = _lock_due(limits.batch, since, origin.now)
    rules = Rule.objects.in_bulk({row.rule_id for row in rows})
    suspects = _suspects(rows)
    token = uuid4()
    parcels: dict[tuple[str, Lane, bool], list[int]] = defaultdict(list)
    claimed: dict[State, list[str]] = defaultdict(list)
    aside: dict[Hold | Reason, list[int]] = defaultdict(list)
    for row in rows:
        rule = rules[row.rule_id]
        obstacle = _obstacle(rule, row, origin.now)
        if obstacle:
            aside[obstacle].append(row.id)
            continue
        claimed[row.state].append(row.place)
        row_lane = lane(row.due_at, now=origin.now, grace=rule.grace)
        parcels[rule.handler, row_lane, row.id in suspects].append(row.id)
    _set_aside(aside, origin)
    lease_until = origin.now + limits.lease
    for state, places in claimed.items():
        transitions.claim(places, from_state=state, token=token, lease_until=lease_until, origin=origin)
    return Claimed(seen=len(rows), chunks=list(_chunks(parcels, token, limits, origin)))


def next_due() -> datetime | None:
    """The earliest instant at which a row can be claimed, past or future; None if no row waits."""
    earliest: datetime | None = _waiting().aggregate(earliest=Min("available_at"))["earliest"]
    return earliest


def is_due(now: datetime) -> bool:
    """Whether any row could be claimed."""
    return _waiting().filter(available_at__lte=now).exists()


def in_flight() -> int:
    """How many rows are claimed and not yet settled."""
    return _flying().count()


def late_in_flight(since: datetime) -> int:
    """How many of them were available before an instant: the backlog's share."""
    return _flying().filter(available_at__lt=since).count()


def _flying() -> QuerySet[Occurrence]:
    return Occurrence.objects.filter(state__in=sorted(IN_FLIGHT))


def _waiting() -> QuerySet[Occurrence]:
    return Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="")


def _lock_due(batch: int, since: datetime | None, now: datetime) -> list[DueRow]:
    due = _waiting().filter(available_at__lte=now).annotate(place=PLACE).order_by("available_at", "id")
    if since is not None:
        due = due.filter(available_at__gte=since)
    locked = due.select_for_update(skip_locked=True, of=("self",)).values_list(*DUE_COLUMNS)[:batch]
    return [DueRow(*row) for row in locked]


def _obstacle(rule: Rule, row: DueRow, now: datetime) -> Hold | Reason | None:
    if rule.state == RuleState.RETIRED:
        return Reason.RULE_RETIRED
    if row.deleted_at is not None:
        return Reason.ENTITY_DELETED
    if rule.expires_after is not None and row.due_at + rule.expires_after <= now:
        return Reason.EXPIRED
    if rule.state == RuleState.PAUSED:
        return Hold.RULE_PAUSED
    if rule.handler not in handling.installed():
        return Hold.HANDLER_MISSING
    return None


def _suspects(rows: list[DueRow]) -> set[int]:
    """Rows whose last worker was lost, and may be what killed it: they travel alone and so can hurt no neighbour."""
    tried = [row.id for row in rows if row.state == State.RETRYING]
    lost = Attempt.objects.filter(occurrence__in=tried, outcome=LOST_ATTEMPT, number=F("occurrence__attempt"))
    return set(lost.values_list("occurrence_id", flat=True)) if tried else set()


def _set_aside(aside: dict[Hold | Reason, list[int]], origin: Origin) -> None:
    for obstacle, ids in aside.items():
        if isinstance(obstacle, Hold):
            transitions.hold(ids, cause=obstacle, origin=origin)
        elif obstacle is Reason.EXPIRED:
            transitions.skip(ids, reason=obstacle, origin=origin)
        else:
            transitions.cancel(ids, reason=obstacle, origin=origin)


def _chunks(
    parcels: dict[tuple[str, Lane, bool], list[int]],
    token: UUID,
    limits: Limits,
    origin: Origin,
) -> Iterable[Chunk]:
    for (handler, row_lane, suspect), ids in parcels.items():
        for piece in pieces(ids, size=1 if suspect else limits.chunk, workers=limits.workers):
            yield Chunk(token, origin.correlation_id, handler, row_lane, piece)
