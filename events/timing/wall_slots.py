"""Slots of daily and larger frequencies: pure calendar arithmetic on wall time, no zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from itertools import chain, islice, takewhile
from typing import NoReturn

from events.timing.days import Day
from events.timing.periods import (
    LAST_PERIOD,
    Slot,
    at_positions,
    in_period,
    named_days,
    named_periods,
    plan_of,
    times_of,
    widened,
)
from events.timing.refusing import refuse
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule
from events.timing.walltime import LATEST, Leap

MOST_COUNTED = 10_000
# Slots are found in lists, at first of as many as are usually asked for, and one that may be over.
_USUAL_IN_LIST, _MOST_IN_LIST = 11, 512
_MOST_COUNTED_PERIODS = 25_000


def slots(
    rule: Rule, dtstart: datetime, leap: Leap, *, start: datetime, end: datetime
) -> Iterator[list[Slot]]:
    """Yield the slots of the recurrence set from `start` to `end`, both included: sorted, unique, lazily, in lists.

    A local UNTIL and COUNT end it (an UNTIL that is an instant is for the caller, who knows the zone).
    Raises InvalidRecurrence after too many empty periods in a row, or where COUNT counts too far.
    """
    wide = widened(rule)
    if wide is not rule:
        rule, leap = wide, Leap.OMIT
    if rule.until and rule.until.tzinfo is None:
        end = min(end, rule.until)
    if rule.count:
        end = min(end, _last_counted(rule, dtstart, leap))
    start = max(start, dtstart)
    if _overflows(rule, leap):
        return in_lists(_merged(_in_periods(rule, dtstart, leap, start, end, behind=1)), end)
    if rule.bysetpos:
        found = _in_periods(rule, dtstart, leap, start, end)
        return in_lists(chain.from_iterable(slots for _, slots in found), end)
    return _all_slots(rule, dtstart, leap, start, end)


def in_lists(found: Iterator[Slot], end: datetime) -> Iterator[list[Slot]]:
    """Yield the slots up to `end` one by one, each as a list: finding them takes longer than their lists."""
    return ([slot] for slot in takewhile(lambda slot: slot[0] <= end, found))


def _all_slots(
    rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime
) -> Iterator[list[Slot]]:
    times = times_of(rule, dtstart.time())
    combine, day_of = datetime.combine, date.fromordinal
    first, last = start.toordinal(), end.toordinal()
    size = max(1, _MOST_IN_LIST // len(times))
    for named in named_days(rule, dtstart, leap, start, end, max(1, _USUAL_IN_LIST // len(times))):
        is_within = first <= named[0][0] and named[-1][0] <= last
        days = named if is_within else [day for day in named if first <= day[0] <= last]
        for some in [days[n : n + size] for n in range(0, len(days), size)] if len(days) > size else [days]:
            found = [(combine(day_of(ordinal), clock), moved) for ordinal, moved in some for clock in times]
            if found and (found[0][0] < start or found[-1][0] > end):
                found = [slot for slot in found if start <= slot[0] <= end]
            yield found


def _in_periods(
    rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime, behind: int = 0
) -> Iterator[tuple[int, Iterator[Slot]]]:
    times = times_of(rule, dtstart.time())
    for period, days in named_periods(rule, dtstart, leap, start, end, behind):
        yield period, in_period(rule, days, times, start)


def _overflows(rule: Rule, leap: Leap) -> bool:
    """Whether a day that its month lacks becomes one of the next period."""
    return leap is Leap.FORWARD and rule.freq is Freq.MONTHLY


def _merged(periods: Iterator[tuple[int, Iterator[Slot]]]) -> Iterator[Slot]:
    """Months whose missing days moved forward: the first of the next month is there once, and in order."""
    late: dict[datetime, int] = {}
    for period, found in periods:
        year, month = divmod(period + 1, 12)
        both = sorted((late | dict(found)).items())
        late = {}
        for slot, moved in both:
            if (slot.year, slot.month - 1) < (year, month):
                yield slot, moved
            else:
                late[slot] = moved
    yield from late.items()


@lru_cache(maxsize=8192)
def _last_counted(rule: Rule, dtstart: datetime, leap: Leap) -> datetime:
    """The slot that COUNT ends with: found once, so that a counted rule can be entered anywhere too."""
    if _is_one_per_period(rule, dtstart, leap):
        plan = plan_of(rule, dtstart, leap)
        period = plan.number_of(dtstart) + (rule.count - 1) * rule.interval
        days = plan.days(period) if period <= LAST_PERIOD[rule.freq] else []
        return datetime.combine(date.fromordinal(days[0][0]), dtstart.time()) if days else LATEST
    if _overflows(rule, leap):
        return _last_merged(rule, dtstart, leap)
    counted, times = 0, times_of(rule, dtstart.time())
    first = plan_of(rule, dtstart, leap).number_of(dtstart)
    for period, days in named_periods(rule, dtstart, leap, dtstart, LATEST):
        found = in_period(rule, days, times, dtstart)
        # All of a later period counts, so it is enough to know how many there are.
        size = sum(1 for _ in islice(found, MOST_COUNTED)) if period == first else _size(rule, days, times)
        if counted + size >= rule.count:
            return next(islice(in_period(rule, days, times, dtstart), rule.count - counted - 1, None))[0]
        counted += size
        if counted >= MOST_COUNTED or period - first >= _MOST_COUNTED_PERIODS * rule.interval:
            _refuse_count(rule)
    return LATEST


def _last_merged(rule: Rule, dtstart: datetime, leap: Leap) -> datetime:
    """The same where days move into the next month, and two of them may be one slot."""
    found = _merged(_in_periods(rule, dtstart, leap, dtstart, LATEST, behind=1))
    for nth, (slot, _) in enumerate(found, start=1):
        if nth == rule.count:
            return slot
        if nth >= MOST_COUNTED:
            _refuse_count(rule)
    return LATEST


def _size(rule: Rule, days: list[Day], times: tuple[time, ...]) -> int:
    size = len(days) * len(times)
    return sum(1 for _ in at_positions(rule.bysetpos, days, times)) if rule.bysetpos else size


def _refuse_count(rule: Rule) -> NoReturn:
    refuse(
        f"COUNT={rule.count} takes too long to count out in such a rule",
        f"Keep it to {MOST_COUNTED:,} slots and {_MOST_COUNTED_PERIODS:,} periods, or use UNTIL",
    )


def _is_one_per_period(rule: Rule, dtstart: datetime, leap: Leap) -> bool:
    if not rule.is_plain:
        return False
    exists = dtstart.day <= 28 or leap is not Leap.OMIT
    return rule.freq >= Freq.WEEKLY or exists or (rule.freq is Freq.YEARLY and dtstart.month != 2)
