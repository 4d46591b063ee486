"""Which days of a year or month a rule names: RFC 5545's BYMONTH to BYDAY, and RFC 7529's moved days."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, date, timedelta
from functools import lru_cache

from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule
from events.timing.walltime import Leap

LAST_ORDINAL = date.max.toordinal()

# A day by number, and the day of month that it stands for where the month lacks it, or 0.
Day = tuple[int, int]
Days = tuple[Day, ...]
Kind = tuple[int, ...]


@lru_cache(maxsize=MAXYEAR)
def year_kind(year: int) -> tuple[int, Kind]:
    """Return the ordinal of 1 January, and all that the days of a year depend on: its kind.

    By dates they depend on its length alone; by weekdays also on its first day; by numbers of weeks also on its
    neighbours' lengths, since it shares weeks with them.
    """
    first = date(year, 1, 1).toordinal()
    edge = year if year in {1, MAXYEAR} else 0
    return first, (isleap(year), first % 7, isleap(year - 1), isleap(year + 1), edge)


@lru_cache(maxsize=4096)
def month_kind(index: int) -> tuple[int, Kind]:
    """Return the ordinal of the first day of month `index` (12 * year + month - 1), and the month's kind.

    By dates its days depend on the month and its length alone, by weekdays also on its first day.
    """
    year, month = divmod(index, 12)
    first = date(year, month + 1, 1).toordinal()
    return first, (month + 1, monthrange(year, month + 1)[1], first % 7)


def kind_size(rule: Rule) -> int:
    """Return how much of a year's or month's kind the days of a rule depend on: so many of its numbers."""
    if rule.byweekno:
        return 5
    return (1 if rule.freq is Freq.YEARLY else 2) + bool(rule.byday)


def days_of_year(rule: Rule, leap: Leap, year: int) -> Days:
    """Return the days that a YEARLY rule names in a year."""
    return _relative(_named(rule, leap, year, rule.bymonth or range(1, 13)), year_kind(year)[0])


def days_of_month(rule: Rule, leap: Leap, index: int) -> Days:
    """Return the days that a MONTHLY rule names in a month; a moved one may be the 1st of the next month."""
    year, month = divmod(index, 12)
    if rule.bymonth and month + 1 not in rule.bymonth:
        return ()
    return _relative(_named(rule, leap, year, (month + 1,)), month_kind(index)[0])


def day_passes(rule: Rule, day: date) -> bool:
    """Return whether the day is in BYMONTH, BYDAY, BYMONTHDAY and BYYEARDAY, where they only limit."""
    if rule.bymonth and day.month not in rule.bymonth:
        return False
    if rule.byday and (0, day.weekday()) not in rule.byday:
        return False
    if rule.bymonthday:
        length = monthrange(day.year, day.month)[1]
        if day.day not in rule.bymonthday and day.day - length - 1 not in rule.bymonthday:
            return False
    return not rule.byyearday or _in_yeardays(rule, day.toordinal())


def day_after(rule: Rule, day: date) -> date:
    """Return the day after one that does not pass, past all the rest of a month that is not in BYMONTH."""
    if rule.bymonth and day.month not in rule.bymonth:
        day = day.replace(day=monthrange(day.year, day.month)[1])
    return day + timedelta(days=1)


def _relative(named: dict[int, int], first: int) -> Days:
    return tuple((ordinal - first, moved) for ordinal, moved in sorted(named.items()))


def _named(rule: Rule, leap: Leap, year: int, months: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for first, length in _spans(rule, year, months):
        for ordinal, moved in _days_of_span(rule, leap, first, length):
            found[ordinal] = found.get(ordinal, moved) and moved
    return {ordinal: moved for ordinal, moved in found.items() if _limits(rule, ordinal)}


def _spans(rule: Rule, year: int, months: Iterable[int]) -> Iterable[tuple[int, int]]:
    """The first days and the lengths of those months, or of their year where weekdays are counted in it."""
    if rule.byday and not rule.bymonthday and not _counts_in_months(rule):
        return (_year_span(year),)
    return [_month_span(year, month) for month in months]


def _days_of_span(rule: Rule, leap: Leap, first: int, length: int) -> Iterable[Day]:
    """The days that BYMONTHDAY names, else BYDAY, else all of them."""
    if not rule.bymonthday:
        named = _weekdays(rule.byday, first, length) if rule.byday else range(first, first + length)
        return [(ordinal, 0) for ordinal in named]
    exist = [(first + (n - 1 if n > 0 else length + n), 0) for n in rule.bymonthday if -length <= n <= length]
    if leap is Leap.OMIT:
        return exist
    observed = first + length - (leap is Leap.BACKWARD)
    return [*exist, *((observed, n) for n in rule.bymonthday if n > length)]


def _weekdays(byday: Iterable[tuple[int, int]], first: int, length: int) -> Iterator[int]:
    """The days of a span that BYDAY names: every such weekday, or the nth from its beginning or end."""
    for nth, weekday in byday:
        # Ordinal 1 was a Monday.
        all_ = range(first + (weekday + 1 - first) % 7, first + length, 7)
        if not nth:
            yield from all_
        elif abs(nth) <= len(all_):
            yield all_[nth - 1 if nth > 0 else nth]


def _counts_in_months(rule: Rule) -> bool:
    return rule.freq is Freq.MONTHLY or bool(rule.bymonth)


def _month_span(year: int, month: int) -> tuple[int, int]:
    first, (_, length, _) = month_kind(12 * year + month - 1)
    return first, length


def _year_span(year: int) -> tuple[int, int]:
    first, (is_leap, *_) = year_kind(year)
    return first, 365 + is_leap


def _limits(rule: Rule, ordinal: int) -> bool:
    return (
        (not rule.byyearday or _in_yeardays(rule, ordinal))
        and (not rule.byweekno or _in_weeks(rule, ordinal))
        and (not rule.byday or not rule.bymonthday or _in_weekdays(rule, ordinal))
    )


def _in_yeardays(rule: Rule, ordinal: int) -> bool:
    year = date.fromordinal(ordinal).year
    nth = ordinal - date(year, 1, 1).toordinal() + 1
    return nth in rule.byyearday or nth - 366 - isleap(year) in rule.byyearday


def _in_weeks(rule: Rule, ordinal: int) -> bool:
    # A week belongs to the year that has its fourth day (ISO 8601; RFC 5545 lets WKST move its first).
    fourth = ordinal - (ordinal - 1 - rule.wkst) % 7 + 3
    fourth = min(max(fourth, 1), LAST_ORDINAL)
    year = date.fromordinal(fourth).year
    nth = (fourth - date(year, 1, 1).toordinal()) // 7 + 1
    from_end = -((date(year, 12, 31).toordinal() - fourth) // 7 + 1)
    return nth in rule.byweekno or from_end in rule.byweekno


def _in_weekdays(rule: Rule, ordinal: int) -> bool:
    day = date.fromordinal(ordinal)
    span = _month_span(day.year, day.month) if _counts_in_months(rule) else _year_span(day.year)
    return ordinal in _weekdays(rule.byday, *span)
