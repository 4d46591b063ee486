"""Slots of cron expressions: wall time, and what a gap and a fold mean to them.

- An expression for every hour of the day (`*` as its hours) goes on through both: what an hour shows, each hour
  that the zone's clock shows has once. So `*/15 * * * *` is every 15 minutes of elapsed time: in a fold both
  passes fire, in a gap there is no such hour, and nothing is doubled or lost, whatever the policies say.
- A step or `*` in the minutes of named hours (`*/10 1 * * *`) goes on through both passes of a fold. In a gap its
  times go by the gap policy.
- All others, also steps of hours (`0 */2 * * *`), are times of day, and go by the gap and fold policies as the
  rules of days do.

A day that a month does not have is left out (`L` is the last one of each); the leap policy says nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import lru_cache

from events.timing.cron_text import Cron
from events.timing.days import Kind, month_kind
from events.timing.periods import Slot
from events.timing.recurrence import Policies
from events.timing.refusing import refuse
from events.timing.walltime import Fold, Gap

# All kinds of months come within 400 years.
MOST_EMPTY_MONTHS = 4_800


def cron_policies(cron: Cron, policies: Policies) -> Policies:
    """Return the policies that the slots of an expression are resolved with."""
    if cron.is_every_hour:
        return replace(policies, gap=Gap.SKIP, fold=Fold.BOTH)
    return replace(policies, fold=Fold.BOTH) if cron.has_minute_rhythm else policies


def cron_slots(cron: Cron, start: datetime, end: datetime) -> Iterator[list[Slot]]:
    """Yield the slots from `start` to `end`, both included: sorted, unique, lazily, in lists of a day.

    Raises InvalidRecurrence (field "cron") where 400 years hold none.
    """
    times = _times(cron)
    for day in _days(cron, start.date(), end.date()):
        found = [(datetime.combine(day, clock), 0) for clock in times]
        if found[0][0] < start or found[-1][0] > end:
            found = [slot for slot in found if start <= slot[0] <= end]
        yield found


def _days(cron: Cron, first: date, last: date) -> Iterator[date]:
    empty = 0
    for index in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        start, kind = month_kind(index)
        days = _days_of_kind(cron, kind)
        empty = 0 if days else empty + 1
        if empty > MOST_EMPTY_MONTHS:
            refuse("the expression names a day that no month has", "Choose a day that there is", field="cron")
        for day in (date.fromordinal(start + n - 1) for n in days):
            if day >= first:
                yield day


@lru_cache(maxsize=4096)
def _times(cron: Cron) -> tuple[time, ...]:
    return tuple(time(hour, minute) for hour in cron.hours for minute in cron.minutes)


def _days_of_kind(cron: Cron, kind: Kind) -> tuple[int, ...]:
    """The days of a kind of month (its number, its length, the weekday of its first)."""
    held = cron.kept.get(kind)
    if held is None:
        month, length, first = kind
        found = (day for day in range(1, length + 1) if _is_named(cron, day, (first - 1) % 7, length))
        held = cron.kept[kind] = tuple(found) if month in cron.months else ()
    return held


def _is_named(cron: Cron, day: int, first: int, length: int) -> bool:
    by_month = _is_monthday(cron, day, first, length)
    weekday = (first + day - 1) % 7
    last = -1 if day > length - 7 else 0
    by_week = any((nth, weekday) in cron.weekdays for nth in (0, (day + 6) // 7, last))
    return by_month or by_week if cron.either_day else by_month and by_week


def _is_monthday(cron: Cron, day: int, first: int, length: int) -> bool:
    if day in cron.monthdays or (day == length and -1 in cron.monthdays):
        return True
    return any(_nearest(length if n == -1 else n, first, length) == day for n in cron.nearest if n <= length)


def _nearest(day: int, first: int, length: int) -> int:
    """The weekday that is nearest to a day of a month, in that month."""
    weekday = (first + day - 1) % 7
    if weekday == 5:
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < length else day - 2
    return day
