"""Spans in which nobody swept, and what became of all that came due in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q

from events.lifecycle import CLAIMABLE, IN_FLIGHT, Reason, State
from events.models import Downtime, Occurrence, Watermark
from events.queries.occurrences import MOST_COUNTED
from events.queries.words import length_in_words, moment_in_words
from events.timing import Lane

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

# A downtime that was caught up is news for so long.
REMEMBERED = timedelta(days=7)
BY_POLICY = (Reason.MISSED.value, Reason.COALESCED.value)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What became of the occurrences that came due in a downtime. The counts below `due` add up to it.

    `fired_before`: already before its end, as what an operator let go ahead of its moment. `skipped`: by their rules'
    catch-up policy. `waiting`: still to be fired, or at work. `held`: they wait for another cause to end.
    """

    due: int
    fired_late: int
    fired_before: int
    skipped: int
    expired: int
    otherwise_skipped: int
    cancelled: int
    dead_letters: int
    held: int
    waiting: int

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to catch up."""
        return not self.waiting


@dataclass(frozen=True, slots=True)
class Told:
    """A downtime, what became of it, and both in one sentence."""

    downtime: Downtime
    aftermath: Aftermath
    says: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows are due, not held and not yet claimed, by the lane that will take them.

    `late`, for the lane `catchup`: later than their rules' grace, the oldest of them due at `oldest`. `in_time`, for
    the lane `live`: the others. A count of MOST_COUNTED + 1 means more than MOST_COUNTED.
    """

    late: int
    oldest: datetime | None
    in_time: int


def latest(*, now: datetime) -> Told | None:
    """The latest downtime, if it ended lately enough to be news; or None."""
    found = Downtime.objects.filter(ended_at__gte=now - REMEMBERED).order_by("-ended_at").first()
    return told(found, now=now) if found else None


def told(downtime: Downtime, *, now: datetime) -> Told:
    """The downtime, with what became of it by now."""
    aftermath = aftermath_of(downtime)
    return Told(downtime, aftermath, in_words(downtime, aftermath, now=now))


def aftermath_of(downtime: Downtime) -> Aftermath:
    """Counted in one look at the rows that were due from its start on, and before its end."""
    fired, skipped = Q(state=State.COMPLETED), Q(state=State.SKIPPED)
    in_time = Q(started_at__lt=downtime.ended_at)
    parts = {
        "fired_late": fired & ~in_time,
        "fired_before": fired & in_time,
        "skipped": skipped & Q(reason__in=BY_POLICY),
        "expired": skipped & Q(reason=Reason.EXPIRED),
        "otherwise_skipped": skipped & ~Q(reason__in=(*BY_POLICY, Reason.EXPIRED)),
        "cancelled": Q(state=State.CANCELLED),
        "dead_letters": Q(state__in=(State.FAILED, State.UNKNOWN)),
        "held": Q(state__in=sorted(CLAIMABLE)) & ~Q(hold=""),
        "waiting": Q(state__in=sorted(CLAIMABLE), hold="") | Q(state__in=sorted(IN_FLIGHT)),
    }
    counts = {name: Count("id", filter=part) for name, part in parts.items()}
    return Aftermath(**_due_in(downtime).aggregate(due=Count("id"), **counts))


def swept_until() -> datetime | None:
    """The latest moment at which a sweep looked for what is due; None if none ever did."""
    return Watermark.objects.values_list("swept_until", flat=True).first()


def waiting(*, now: datetime) -> Waiting:
    """What waits in each lane: any that is late means that Punctual is catching up."""
    due = Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="", available_at__lte=now)
    is_late = Q(due_at__lt=now - F("rule__grace"))
    late, in_time = due.filter(is_late), due.exclude(is_late)
    oldest = late.order_by("available_at", "id").values_list("due_at", flat=True).first()
    return Waiting(_count(late), oldest, _count(in_time))


def waiting_in_words(waiting: Waiting, *, now: datetime) -> str:
    """What is being caught up, in which lane; "" where nothing is."""
    if waiting.oldest is None:
        return ""
    late = f"{_at_most(waiting.late)} {'row later than its' if waiting.late == 1 else 'rows later than their'} grace"
    since = moment_in_words(waiting.oldest, now=now)
    in_time = f"; {_at_most(waiting.in_time)} in time {_wait(waiting.in_time)} in the lane {Lane.LIVE}"
    live = in_time if waiting.in_time else ""
    late = f"{late} {_wait(waiting.late)} in the lane {Lane.CATCHUP}, the oldest due since {since} UTC"
    return f"Catching up: {late}{live}."


def in_words(downtime: Downtime, aftermath: Aftermath, *, now: datetime) -> str:
    """One sentence that an operator reads. Times are UTC, with their date where that is not today's."""
    start, end = downtime.started_at, downtime.ended_at
    length = length_in_words(timedelta(seconds=round((end - start).total_seconds())))
    # The end's date only where it is not the start's.
    span = f"from {moment_in_words(start, now=now)} to {moment_in_words(end, now=start)} UTC ({length})"
    return f"Nothing swept {span}: {what_became(aftermath)}."


def what_became(aftermath: Aftermath) -> str:
    """How many came due, and what became of them."""
    due, parts = aftermath.due, _parts(aftermath)
    if not parts:
        return "nothing came due"
    if len(parts) == 1:
        whole = {1: "it", 2: "both"}.get(due, f"all {due:,}")
        return f"{due:,} came due, {whole} {parts[0][1]}"
    return f"{due:,} came due: {', '.join(f'{count:,} {what}' for count, what in parts)}"


def _parts(a: Aftermath) -> list[tuple[int, str]]:
    parts = [
        (a.fired_late, "fired late"),
        (a.fired_before, "fired before"),
        (a.skipped, f"{_were(a.skipped)} skipped by {_their(a.skipped)} catch-up policy"),
        (a.expired, f"{_were(a.expired)} past {_their(a.expired)} expiry"),
        (a.otherwise_skipped, f"{_were(a.otherwise_skipped)} skipped for another reason"),
        (a.cancelled, f"{_were(a.cancelled)} cancelled"),
        (a.dead_letters, f"{_wait(a.dead_letters)} for a person"),
        (a.held, f"{'is' if a.held == 1 else 'are'} held"),
        (a.waiting, f"still {_wait(a.waiting)}"),
    ]
    return [(count, what) for count, what in parts if count]


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _their(count: int) -> str:
    return "its rule's" if count == 1 else "their rules'"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


def _at_most(count: int) -> str:
    return f"over {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"


def _count(rows: QuerySet[Occurrence]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()


def _due_in(downtime: Downtime) -> QuerySet[Occurrence]:
    return Occurrence.objects.filter(due_at__gte=downtime.started_at, due_at__lt=downtime.ended_at)
