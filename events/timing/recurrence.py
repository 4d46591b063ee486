"""Recurrence -> firings: every slot of a rule in one zone, as instants, in order and once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from typing import NoReturn
from zoneinfo import ZoneInfo

from events.timing.elapsed import instants
from events.timing.rule_text import Rule, parse, refuse
from events.timing.wall_slots import Slot, slots
from events.timing.walltime import (
    EARLIEST,
    LATEST,
    Fold,
    Gap,
    Leap,
    OutOfRange,
    resolve,
)
from events.timing.zones import zone

MOST_OFFSET_DAYS = 36_525
# More than the longest gap or fold (a whole day, where the date line was crossed).
_MARGIN = timedelta(hours=26)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """DTSTART as naive wall time, an RRULE value ("" is once), and whole days to add to each slot."""

    dtstart: datetime
    rrule: str = ""
    offset_days: int = 0


@dataclass(frozen=True, slots=True)
class Policies:
    """What happens where the calendar or the clock has no such time, or has it twice."""

    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST
    leap: Leap = Leap.OMIT


@dataclass(frozen=True, slots=True)
class Firing:
    """One slot as an instant.

    `slot` is the naive nominal wall time after leap policy and offset, `fold` the pass of it (0 or 1),
    `due_at` the instant in UTC, and `note` says why they differ from the plain reading, or is "".
    """

    slot: datetime
    fold: int
    due_at: datetime
    note: str


DEFAULT_POLICIES = Policies()


def firings(
    recurrence: Recurrence,
    tz: ZoneInfo,
    policies: Policies,
    *,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    """Return the firings with after <= due_at < before (aware): by due_at, each instant once, lazily.

    Daily and larger frequencies advance in wall time and are then resolved; hourly and smaller advance in
    elapsed time. Where two slots meet in one instant, the earlier is kept and its note names the other.
    Raises InvalidRecurrence at once for a malformed rule, and when met for one that names nothing too long.
    """
    rule = _parsed(recurrence)
    if rule and rule.freq.is_elapsed:
        return _elapsed(rule, recurrence.dtstart, tz, policies, after, before)
    candidates = _candidates(rule, recurrence, tz, policies, after, before)
    ordered = _once_in_order(candidates, holds_all=policies.gap is Gap.PREVIOUS_VALID)
    return _within(ordered, after, before)


def next_firings(
    recurrence: Recurrence,
    tz: ZoneInfo,
    policies: Policies,
    *,
    after: datetime,
    limit: int,
) -> list[Firing]:
    """Return the first `limit` firings with due_at >= after; fewer where the recurrence ends."""
    latest = datetime.max.replace(tzinfo=UTC)
    return list(islice(firings(recurrence, tz, policies, after=after, before=latest), max(limit, 0)))


def check(recurrence: Recurrence, policies: Policies = DEFAULT_POLICIES) -> None:
    """Refuse a recurrence that is malformed, never fires, or would take unbounded time.

    A rule of hours or less is tried in UTC.
    Raises InvalidRecurrence (field "rrule", "dtstart" or "offset_days").
    """
    if recurrence.dtstart.tzinfo is not None:
        refuse(
            f"{recurrence.dtstart.isoformat()} has an offset from UTC",
            "Give the wall time alone, and the zone in its own field",
            field="dtstart",
        )
    if abs(recurrence.offset_days) > MOST_OFFSET_DAYS:
        refuse(
            f"{recurrence.offset_days} days is out of range",
            f"Give whole days from -{MOST_OFFSET_DAYS} to {MOST_OFFSET_DAYS}",
            field="offset_days",
        )
    earliest = datetime.min.replace(tzinfo=UTC)
    if next_firings(recurrence, zone("UTC"), policies, after=earliest, limit=1):
        return
    _refuse_as_never(recurrence)


def _refuse_as_never(recurrence: Recurrence) -> NoReturn:
    rule = _parsed(recurrence)
    if rule and rule.until and rule.until.replace(tzinfo=None) < recurrence.dtstart:
        refuse(
            f"UNTIL is before DTSTART, {recurrence.dtstart.isoformat(' ')}",
            "Give an UNTIL after it",
        )
    refuse(
        f"{recurrence.rrule[:60] or 'the rule'!r} never fires from {recurrence.dtstart.isoformat(' ')} on",
        "Choose a day that its months have, and an INTERVAL that reaches it",
    )


def _parsed(recurrence: Recurrence) -> Rule | None:
    rule = parse(recurrence.rrule) if recurrence.rrule else None
    if rule and rule.freq.is_elapsed and recurrence.offset_days:
        refuse(
            f"an offset in days does not go with FREQ={rule.freq.name}",
            "Use FREQ=DAILY or larger, or no offset",
            field="offset_days",
        )
    return rule


def _elapsed(
    rule: Rule,
    dtstart: datetime,
    tz: ZoneInfo,
    policies: Policies,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    # The phase of INTERVAL hangs on DTSTART, so a DTSTART in a gap keeps it whatever the gap policy.
    fold = Fold.FIRST if policies.fold is Fold.BOTH else policies.fold
    base = resolve(dtstart, tz, gap=Gap.SHIFT, fold=fold)[0].due_at
    for due_at in instants(rule, base, tz, start=after.astimezone(UTC), end=before):
        try:
            local = due_at.astimezone(tz)
        except OverflowError:
            return
        if rule.until and due_at > _as_instant(rule.until, tz, policies.fold):
            return
        yield Firing(local.replace(tzinfo=None, fold=0), local.fold, due_at, "")


def _as_instant(until: datetime, tz: ZoneInfo, fold: Fold) -> datetime:
    """An UNTIL to compare instants with; a local one in a fold is the pass that the policy takes."""
    return until if until.tzinfo else until.replace(tzinfo=tz, fold=int(fold is not Fold.FIRST))


def _candidates(
    rule: Rule | None,
    recurrence: Recurrence,
    tz: ZoneInfo,
    policies: Policies,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    """The firings of all slots near the window, in the order of their slots."""
    offset = timedelta(days=recurrence.offset_days)
    until = rule.until if rule and rule.until and rule.until.tzinfo else None
    start = _shifted(_wall(after, tz), -_MARGIN - offset)
    end = _shifted(_wall(before, tz), _MARGIN - offset)
    if until:
        end = min(end, _shifted(_wall(until, tz), _MARGIN))
    for nominal, moved in _nominal(rule, recurrence.dtstart, policies.leap, start, end):
        try:
            slot = nominal + offset if offset else nominal
            resolved = resolve(slot, tz, gap=policies.gap, fold=policies.fold)
        except (OverflowError, OutOfRange):
            continue
        for one in resolved:
            if until and nominal.replace(tzinfo=tz, fold=one.fold) > until:
                continue
            note = _leap_note(nominal, moved, one.note) if moved else one.note
            yield Firing(slot, one.fold, one.due_at, note)


def _nominal(
    rule: Rule | None, dtstart: datetime, leap: Leap, start: datetime, end: datetime
) -> Iterator[Slot]:
    if rule:
        return slots(rule, dtstart, leap, start=start, end=end)
    return iter([(dtstart, 0)] if start <= dtstart <= end else [])


def _leap_note(nominal: datetime, moved: int, note: str) -> str:
    observed = nominal.month - 1
    meant = observed if nominal.day > 1 else observed - 1
    leap = f"leap: {moved} {_MONTHS[meant]} observed on {nominal.day} {_MONTHS[observed]}"
    return f"{leap}; {note}" if note else leap


def _once_in_order(candidates: Iterator[Firing], *, holds_all: bool) -> Iterator[Firing]:
    """Sort by due_at and merge the slots of one instant, holding back what a later slot may overtake or meet.

    That is a slot in a gap or fold, until slots are a margin further on; PREVIOUS_VALID may meet any slot.
    """
    held: list[tuple[datetime, datetime, Firing]] = []
    for firing in candidates:
        while held and held[0][1] + _MARGIN < firing.slot:
            yield _merged_first(held)
        if held or holds_all or "gap: " in firing.note or "fold: " in firing.note:
            heappush(held, (firing.due_at, firing.slot, firing))
        else:
            yield firing
    while held:
        yield _merged_first(held)


def _merged_first(held: list[tuple[datetime, datetime, Firing]]) -> Firing:
    due_at, _, first = heappop(held)
    note = first.note
    while held and held[0][0] == due_at:
        also = heappop(held)[1].isoformat(" ")
        note = f"{note}; also stands for {also}" if note else f"also stands for {also}"
    return first if note == first.note else replace(first, note=note)


def _within(ordered: Iterator[Firing], after: datetime, before: datetime) -> Iterator[Firing]:
    for firing in ordered:
        if firing.due_at >= before:
            return
        if firing.due_at >= after:
            yield firing


def _wall(instant: datetime, tz: ZoneInfo) -> datetime:
    try:
        return instant.astimezone(tz).replace(tzinfo=None, fold=0)
    except OverflowError:
        return instant.replace(tzinfo=None)


def _shifted(wall: datetime, delta: timedelta) -> datetime:
    try:
        return wall + delta
    except OverflowError:
        return EARLIEST if delta < timedelta(0) else LATEST
