"""Slots of wall time -> firings of one zone: placed on business days, resolved, in order, and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush, merge
from itertools import chain, groupby, repeat
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from events.timing.business_days import BusinessDays
from events.timing.exclusions import Exclusions
from events.timing.periods import Slot
from events.timing.recurrence import LONGEST_NOTE, Firing, Policies
from events.timing.refusing import refuse
from events.timing.walltime import (
    EARLIEST,
    LATEST,
    Gap,
    OutOfRange,
    is_steady,
    plain_instant,
    plain_instants,
    resolve,
    shifted,
    wall_of,
)
from events.timing.word_parts import MONTHS

MOST_DROPPED = 5_000
_ALSO = "also stands for "
# More than the longest gap or fold (a whole day, where the date line was crossed).
_MARGIN = timedelta(hours=26)
# An instant is a margin from its wall time at most, on either side: what comes later in wall time is no earlier.
_HELD = 2 * _MARGIN
_FAR = datetime(9999, 12, 28, tzinfo=UTC)

# The wall time that a slot is observed at, the slot, and the slot before the offset with the day it stands for.
Place = tuple[datetime, datetime, Slot]
Candidate = tuple[datetime, Firing]

# As `Firing(slot, fold, due_at, note)` of each, in a fraction of its time.
_firing_of: Callable[[tuple[datetime, int, datetime, str]], Firing] = partial(tuple.__new__, Firing)
_note_of = itemgetter(3)


class Source(NamedTuple):
    """Slots between two wall times (both included, sorted, in lists), and how they are read.

    `until` is an instant after which no slot counts; a local UNTIL has ended `slots` already.
    """

    slots: Callable[[datetime, datetime], Iterator[list[Slot]]]
    policies: Policies
    offset: timedelta = timedelta(0)
    until: datetime | None = None


class Sieve(NamedTuple):
    """What is left out of the slots of all sources, and where the others are observed."""

    excluded: Exclusions | None = None
    business: BusinessDays | None = None


NO_SIEVE = Sieve()


def wall_firings(
    sources: Sequence[Source], sieve: Sieve, tz: ZoneInfo, *, after: datetime, before: datetime
) -> Iterator[Firing]:
    """Return the firings of all sources with after <= due_at < before: by due_at, each instant once, lazily.

    They go in lists from their slots to here, so that what nobody has anything to say about costs little.
    """
    start, end = wall_of(after, tz), end_of(before, tz)
    if not is_steady(start, tz):
        start = shifted(start, -_MARGIN)
    if len(sources) == 1:
        found = _found(sources[0], sieve, tz, start, end)
    else:
        found = _unique([_candidates(source, sieve, tz, start, end) for source in sources])
    gaps = [one.policies.gap for one in sources]
    holds_all = sieve.business is not None or Gap.PREVIOUS_VALID in gaps
    return chain.from_iterable(_within(_once_in_order(found, holds_all=holds_all), after, before))


def end_of(before: datetime, tz: ZoneInfo) -> datetime:
    """Return a wall time after all whose instants are before that one."""
    return LATEST if before >= _FAR else shifted(wall_of(before, tz), _MARGIN)


def _found(
    source: Source, sieve: Sieve, tz: ZoneInfo, start: datetime, end: datetime
) -> Iterator[list[Firing]]:
    """The firings of one source near the window, in the order of their wall times, in lists."""
    if source.offset or source.until or sieve is not NO_SIEVE:
        return ([firing] for _, firing in _candidates(source, sieve, tz, start, end))
    return (_swiftly(slots, source, tz) for slots in source.slots(start, end))


def _swiftly(slots: list[Slot], source: Source, tz: ZoneInfo) -> list[Firing]:
    """The firings of slots of which nothing but their zone says anything, and mostly the same of a whole list."""
    walls, moved = zip(*slots, strict=True) if slots else ((), ())
    instants = None if any(moved) else plain_instants(walls, tz)
    if instants is not None:
        return list(map(_firing_of, zip(walls, repeat(0), instants, repeat(""))))
    places = ((named[0], named[0], named) for named in slots)
    return [firing for place in places for _, firing in _examined(place, source, NO_SIEVE, tz)]


def _candidates(
    source: Source, sieve: Sieve, tz: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Candidate]:
    """The firings of one source near the window, with their wall times and in their order."""
    if source.until:
        end = min(end, shifted(wall_of(source.until, tz), source.offset + _MARGIN))
    for place in _placed(source, sieve, start, end):
        yield from _examined(place, source, sieve, tz)


def _examined(place: Place, source: Source, sieve: Sieve, tz: ZoneInfo) -> Iterator[Candidate]:
    """The firings of one slot: one, unless it is in a gap or fold, or left out."""
    wall, slot, (nominal, moved) = place
    until = source.until
    instants = sieve.excluded.instants if sieve.excluded else ()
    note = _note(wall, slot, nominal, moved) if moved or wall is not slot else ""
    plain = plain_instant(wall, tz)
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
    lists = source.slots(shifted(start, -offset), shifted(end, -offset))
    places = ((slot := named[0] + offset, slot, named) for named in chain.from_iterable(lists))
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


def _unique(found: Sequence[Iterator[Candidate]]) -> Iterator[list[Firing]]:
    """One firing for each slot and pass: of those that several sources name, the first source's."""
    for _, same in groupby(merge(*found, key=_place_of), _place_of):
        yield [next(same)[1]]


def _note(wall: datetime, slot: datetime, nominal: datetime, moved: int) -> str:
    said = [_leap_note(nominal, moved)] if moved else []
    if wall != slot:
        said.append(f"closed: {slot.date()} is no business day, observed on {wall.date()}")
    return "; ".join(said)


def _leap_note(nominal: datetime, moved: int) -> str:
    observed = nominal.month - 1
    meant = observed if nominal.day > 1 else observed - 1
    return f"leap: {moved} {MONTHS[meant]} observed on {nominal.day} {MONTHS[observed]}"


def _once_in_order(found: Iterator[list[Firing]], *, holds_all: bool) -> Iterator[list[Firing]]:
    """Sort by due_at and merge the slots of one instant, holding back what a later slot may overtake or meet.

    That is a slot in a gap or fold, until slots are a margin further on; PREVIOUS_VALID may meet any slot, and a
    slot that is observed on a business day meets those that are there. All others go through in their lists.
    """
    held: list[tuple[datetime, datetime, int, Firing]] = []
    for some in found:
        if held or holds_all or any(map(_note_of, some)):
            yield list(_held_back(some, held, holds_all=holds_all))
        else:
            yield some
    while held:
        yield [_merged_first(held)]


def _held_back(
    some: list[Firing], held: list[tuple[datetime, datetime, int, Firing]], *, holds_all: bool
) -> Iterator[Firing]:
    for firing in some:
        slot, fold, due_at, note = firing
        while held and due_at - held[0][0] > _HELD:
            yield _merged_first(held)
        if held or holds_all or note:
            heappush(held, (due_at, slot, fold, firing))
        else:
            yield firing


def _merged_first(held: list[tuple[datetime, datetime, int, Firing]]) -> Firing:
    due_at, *_, first = heappop(held)
    while held and held[0][0] == due_at:
        first = met(first, heappop(held)[3])
    return first


def met(one: Firing, other: Firing) -> Firing:
    """Return the firing of two slots that meet in one instant: the earlier's, with a note of the other.

    The note has LONGEST_NOTE characters at most: of many that meet the last ones are counted.
    """
    if one.slot == other.slot:
        return one
    first, second = (one, other) if one.slot < other.slot else (other, one)
    own, also, more = _read_note(first.note)
    _, others, many = _read_note(second.note)
    also += [f"{_ALSO}{second.slot.isoformat(' ')}", *others]
    more += many
    while len(note := _written(own, also, more)) > LONGEST_NOTE and also:
        also.pop()
        more += 1
    return first._replace(note=note[:LONGEST_NOTE])


def _written(own: list[str], also: list[str], more: int) -> str:
    return "; ".join([*own, *also, *([f"{_ALSO}{more} more"] if more else [])])


def _read_note(note: str) -> tuple[list[str], list[str], int]:
    """What a note says of the slot itself, for whom else it stands, and for how many more."""
    parts = note.split("; ") if note else []
    also = [part for part in parts if part.startswith(_ALSO)]
    more = sum(int(part.split()[-2]) for part in also if part.endswith(" more"))
    return (
        [part for part in parts if not part.startswith(_ALSO)],
        [part for part in also if not part.endswith(" more")],
        more,
    )


def _within(ordered: Iterator[list[Firing]], after: datetime, before: datetime) -> Iterator[list[Firing]]:
    for some in ordered:
        if some and after <= some[0].due_at and some[-1].due_at < before:
            yield some
            continue
        yield [one for one in some if after <= one.due_at < before]
        if some and some[-1].due_at >= before:
            return
