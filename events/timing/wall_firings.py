"""Slots of wall time -> firings of one zone: placed on business days, resolved, in order, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import groupby
from zoneinfo import ZoneInfo

from events.timing.business_days import BusinessDays
from events.timing.exclusions import Exclusions
from events.timing.periods import Slot
from events.timing.recurrence import Firing, Policies
from events.timing.refusing import refuse
from events.timing.walltime import EARLIEST, LATEST, Gap, OutOfRange, is_steady, plain_instant, resolve
from events.timing.word_parts import MONTHS

MOST_DROPPED = 5_000
# More than the longest gap or fold (a whole day, where the date line was crossed).
_MARGIN = timedelta(hours=26)

# The wall time that a slot is observed at, the slot, and the slot before the offset with the day it stands for.
Place = tuple[datetime, datetime, Slot]
Candidate = tuple[datetime, Firing]


@dataclass(frozen=True, slots=True)
class Source:
    """Slots between two wall times (both included, sorted), and how they are read.

    `until` is an instant after which no slot counts; a local UNTIL has ended `slots` already.
    """

    slots: Callable[[datetime, datetime], Iterator[Slot]]
    policies: Policies
    offset: timedelta = timedelta(0)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is left out of the slots of all sources, and where the others are observed."""

    excluded: Exclusions | None = None
    business: BusinessDays | None = None


def wall_firings(
    sources: Sequence[Source], sieve: Sieve, tz: ZoneInfo, *, after: datetime, before: datetime
) -> Iterator[Firing]:
    """Yield the firings of all sources with after <= due_at < before: by due_at, each instant once, lazily."""
    start, end = _wall(after, tz), _shifted(_wall(before, tz), _MARGIN)
    if not is_steady(start, tz):
        start = _shifted(start, -_MARGIN)
    found = [_candidates(source, sieve, tz, start, end) for source in sources]
    candidates = found[0] if len(found) == 1 else _unique(merge(*found, key=_place_of))
    holds_all = sieve.business is not None or any(one.policies.gap is Gap.PREVIOUS_VALID for one in sources)
    return _within(_once_in_order(candidates, holds_all=holds_all), after, before)


def _candidates(
    source: Source, sieve: Sieve, tz: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Candidate]:
    """The firings of all slots near the window, in the order of their wall times."""
    until = source.until
    if until:
        end = min(end, _shifted(_wall(until, tz), source.offset + _MARGIN))
    instants = sieve.excluded.instants if sieve.excluded else ()
    is_simple = not (until or instants)
    for wall, slot, (nominal, moved) in _placed(source, sieve, start, end):
        note = _note(wall, slot, nominal, moved) if moved or wall is not slot else ""
        plain = plain_instant(wall, tz)
        if plain and is_simple:
            yield wall, Firing(slot, 0, plain, note)
            continue
        for due_at, pass_, said in [(plain, 0, "")] if plain else _resolved(wall, tz, source.policies):
            if until and nominal.replace(tzinfo=tz, fold=pass_) > until:
                continue
            if due_at not in instants:
                yield wall, Firing(slot, pass_, due_at, "; ".join(filter(None, (note, said))))


def _resolved(wall: datetime, tz: ZoneInfo, policies: Policies) -> list[tuple[datetime, int, str]]:
    """The instants of a wall time, each with its pass and what the policies did."""
    try:
        found = resolve(wall, tz, gap=policies.gap, fold=policies.fold)
    except OutOfRange:
        return []
    return [(one.due_at, one.fold, one.note) for one in found]


def _placed(source: Source, sieve: Sieve, start: datetime, end: datetime) -> Iterator[Place]:
    """The slots that are observed from `start` to `end`, less what is left out, in the order of their wall times."""
    if not sieve.business:
        return _slots(source, sieve.excluded, start, end)
    first, last = sieve.business.reach(start.date(), end.date())
    start, end = datetime.combine(first, EARLIEST.time()), datetime.combine(last, LATEST.time())
    return _on_business_days(_slots(source, sieve.excluded, start, end), sieve.business)


def _slots(source: Source, excluded: Exclusions | None, start: datetime, end: datetime) -> Iterator[Place]:
    offset = source.offset
    if not offset:
        places = ((named[0], named[0], named) for named in source.slots(start, end))
    else:
        named_slots = source.slots(_shifted(start, -offset), _shifted(end, -offset))
        places = ((slot := named[0] + offset, slot, named) for named in named_slots)
    if excluded:
        return (place for place in places if not excluded.has_slot(place[1]))
    return places


def _on_business_days(places: Iterator[Place], business: BusinessDays) -> Iterator[Place]:
    # Slots that meet on one day come from days in a row, so only that day is put in order anew.
    for _, same_day in groupby(_observed(places, business), lambda place: place[0].date()):
        yield from sorted(same_day)


def _observed(places: Iterator[Place], business: BusinessDays) -> Iterator[Place]:
    dropped = 0
    for day, same_day in groupby(places, lambda place: place[1].date()):
        observed = business.observed(day)
        for _, slot, named in same_day:
            if observed:
                dropped = 0
                yield (slot if observed == day else datetime.combine(observed, slot.time())), slot, named
                continue
            dropped += 1
            if dropped > MOST_DROPPED:
                refuse(
                    f"{MOST_DROPPED:,} slots in a row are on closed days",
                    "Choose days that are open, or another weekend",
                    field="business_days",
                )


def _place_of(candidate: Candidate) -> tuple[datetime, datetime, int]:
    return candidate[0], candidate[1].slot, candidate[1].fold


def _unique(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """One candidate for each slot and pass: of those that several sources name, the first source's."""
    for _, same in groupby(candidates, _place_of):
        yield next(same)


def _note(wall: datetime, slot: datetime, nominal: datetime, moved: int) -> str:
    said = [_leap_note(nominal, moved)] if moved else []
    if wall != slot:
        said.append(f"closed: {slot.date()} is no business day, observed on {wall.date()}")
    return "; ".join(said)


def _leap_note(nominal: datetime, moved: int) -> str:
    observed = nominal.month - 1
    meant = observed if nominal.day > 1 else observed - 1
    return f"leap: {moved} {MONTHS[meant]} observed on {nominal.day} {MONTHS[observed]}"


def _once_in_order(candidates: Iterator[Candidate], *, holds_all: bool) -> Iterator[Firing]:
    """Sort by due_at and merge the slots of one instant, holding back what a later slot may overtake or meet.

    That is a slot in a gap or fold, until slots are a margin further on; PREVIOUS_VALID may meet any slot, and a
    slot that is observed on a business day meets those that are there.
    """
    held: list[tuple[datetime, datetime, datetime, Firing]] = []
    for wall, firing in candidates:
        while held and wall - held[0][2] > _MARGIN:
            yield _merged_first(held)
        if held or holds_all or firing.note:
            heappush(held, (firing.due_at, firing.slot, wall, firing))
        else:
            yield firing
    while held:
        yield _merged_first(held)


def _merged_first(held: list[tuple[datetime, datetime, datetime, Firing]]) -> Firing:
    due_at, *_, first = heappop(held)
    while held and held[0][0] == due_at:
        first = met(first, heappop(held)[3])
    return first


def met(one: Firing, other: Firing) -> Firing:
    """Return the firing of two slots that meet in one instant: the earlier's, with a note of the other."""
    if one.slot == other.slot:
        return one
    first, second = (one, other) if one.slot < other.slot else (other, one)
    others = [part for part in second.note.split("; ") if part.startswith("also ")]
    said = [first.note, f"also stands for {second.slot.isoformat(' ')}", *others]
    return first._replace(note="; ".join(filter(None, said)))


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
