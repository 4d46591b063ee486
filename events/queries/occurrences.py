"""Occurrences as operators ask for them: how late, what waits, what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import F, OuterRef, Q, Subquery

from events.lifecycle import CLAIMABLE, DEAD_LETTERS, IN_FLIGHT, UNSENT, Hold
from events.models import Occurrence, Sweep

if TYPE_CHECKING:
    from django.db.models import QuerySet

SOON = timedelta(hours=1)
MOST_COUNTED = 10_000


class Lateness(StrEnum):
    """How a start, or a wait, stands to the promised moment and the rule's grace."""

    AHEAD = "ahead"
    ON_TIME = "on time"
    LATE = "late"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the machine stands at one instant. A count of MOST_COUNTED + 1 means more than MOST_COUNTED."""

    due_soon: int
    waiting: int
    held: int
    in_flight: int
    dead_letters: int
    last_sweep: timedelta | None


def delay_of(occurrence: Occurrence, *, now: datetime) -> timedelta | None:
    """How long after its due moment it started, or has been waiting; negative: before it; None: it never started."""
    if occurrence.started_at is not None:
        return occurrence.started_at - occurrence.due_at
    return now - occurrence.due_at if occurrence.state in UNSENT else None


def lateness_of(occurrence: Occurrence, *, now: datetime) -> Lateness | None:
    """The bucket of its delay; None where it ended without ever being started."""
    delay = delay_of(occurrence, now=now)
    if delay is None:
        return None
    if delay < timedelta(0):
        return Lateness.EARLY if occurrence.started_at else Lateness.AHEAD
    return Lateness.LATE if delay > occurrence.rule.grace else Lateness.ON_TIME


def with_lateness(rows: QuerySet[Occurrence], bucket: Lateness, *, now: datetime) -> QuerySet[Occurrence]:
    """The rows in that bucket, as `lateness_of` would say."""
    end_of_grace = F("due_at") + F("rule__grace")
    waiting = Q(started_at=None, state__in=sorted(UNSENT))
    match bucket:
        case Lateness.AHEAD:
            return rows.filter(waiting, due_at__gt=now)
        case Lateness.EARLY:
            return rows.filter(started_at__lt=F("due_at"))
        case Lateness.LATE:
            overdue = waiting & Q(due_at__lt=now - F("rule__grace"))
            return rows.filter(Q(started_at__gt=end_of_grace) | overdue)
        case Lateness.ON_TIME:
            in_grace = waiting & Q(due_at__lte=now, due_at__gte=now - F("rule__grace"))
            started = Q(started_at__gte=F("due_at"), started_at__lte=end_of_grace)
            return rows.filter(started | in_grace)


def next_at(reference: str) -> Subquery:
    """For annotate(): when the outer row's next occurrence, by its `rule` or `entity`, may be claimed."""
    claimable = Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="", **{reference: OuterRef("pk")})
    return Subquery(claimable.order_by("available_at").values("available_at")[:1])


def standing(*, now: datetime) -> Standing:
    """The dashboard's numbers, each from one partial index."""
    claimable = Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="")
    seen_at = Sweep.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return Standing(
        due_soon=_count(claimable.filter(available_at__gt=now, available_at__lte=now + SOON)),
        waiting=_count(claimable.filter(available_at__lte=now)),
        held=_count(Occurrence.objects.filter(hold__in=list(Hold))),
        in_flight=_count(Occurrence.objects.filter(state__in=sorted(IN_FLIGHT))),
        dead_letters=_count(dead_letters()),
        last_sweep=None if seen_at is None else now - seen_at,
    )


def dead_letters() -> QuerySet[Occurrence]:
    """What waits for a person, the latest first."""
    return Occurrence.objects.filter(state__in=sorted(DEAD_LETTERS)).select_related("rule", "entity")


def coming_up(*, now: datetime) -> QuerySet[Occurrence]:
    """What fires next, the nearest first."""
    claimable = Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="", available_at__gte=now)
    return claimable.select_related("rule", "entity").order_by("available_at", "id")


def _count(rows: QuerySet[Occurrence]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()
