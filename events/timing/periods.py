"""Periods of daily and larger frequencies, and what each of them holds.

A period is what FREQ counts: a year, a month, a week or a day, numbered so that the phase of INTERVAL is a
remainder. So any period is reached without walking to it, and what a period holds is kept per kind of year or
month, of which the Gregorian calendar has few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date, datetime, time
from functools import lru_cache
from operator import attrgetter
from typing import Any, NoReturn

from events.timing.days import (
    LAST_ORDINAL,
    Day,
    Days,
    Kind,
    day_passes,
    days_of_month,
    days_of_year,
    kind_size,
    month_kind,
    year_kind,
)
from events.timing.refusing import refuse
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule
from events.timing.walltime import Leap

# Years and months repeat after 400 years, so for them the bound refuses only what certainly never fires.
MOST_EMPTY_PERIODS = {Freq.YEARLY: 400, Freq.MONTHLY: 4_800, Freq.WEEKLY: 20_000, Freq.DAILY: 20_000}
LAST_PERIOD = {
    Freq.YEARLY: MAXYEAR,
    Freq.MONTHLY: MAXYEAR * 12 + 11,
    Freq.WEEKLY: LAST_ORDINAL // 7,
    Freq.DAILY: LAST_ORDINAL,
}

# So many periods are looked through in one go, so that one without days costs no more than one with many.
MOST_AT_ONCE = 512
_UNITS = {Freq.YEARLY: "years", Freq.MONTHLY: "months", Freq.WEEKLY: "weeks", Freq.DAILY: "days"}
_WHOLE_WEEK = tuple((0, weekday) for weekday in range(7))

# A slot, and the day of month that it stands for where that month has no such day, else 0.
Slot = tuple[datetime, int]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A rule with the days that it leaves to DTSTART filled in; `kept` is what each kind of period holds.

    `number_of` gives the number of the period that a day is in.
    """

    rule: Rule
    leap: Leap
    limited: bool
    kind_size: int
    number_of: Callable[[datetime], int]
    kept: dict[Kind, Days] = field(default_factory=dict)

    def days(self, period: int) -> list[Day]:
        """Return the days that the rule names in a period, as ordinals."""
        return self.take(range(period, period + 1), 1)[0]

    def take(self, periods: range, enough: int) -> tuple[list[Day], range]:
        """Return the days of the first periods, about so many of them, and the periods that are left."""
        match self.rule.freq:
            case Freq.YEARLY:
                return self._take_kinds(year_kind, periods, enough)
            case Freq.MONTHLY:
                return self._take_kinds(month_kind, periods, enough)
            case Freq.WEEKLY:
                return self._take_weeks(periods, enough)
        size = MOST_AT_ONCE if self.limited else enough
        some = periods[:size]
        return self._limited(some) if self.limited else [(day, 0) for day in some], periods[size:]

    def _take_kinds(
        self, kind_of: Callable[[int], tuple[int, Kind]], periods: range, enough: int
    ) -> tuple[list[Day], range]:
        found: list[Day] = []
        taken = 0
        for taken, period in enumerate(periods[:MOST_AT_ONCE], start=1):  # noqa: B007 - used after the loop
            first, kind = kind_of(period)
            kind = kind[: self.kind_size]
            held = self.kept.get(kind)
            if held is None:
                held = self.kept[kind] = self._days_of_kind(period)
            for offset, moved in held:
                found.append((first + offset, moved))
            if len(found) >= enough:
                break
        return found, periods[taken:]

    def _days_of_kind(self, period: int) -> Days:
        find = days_of_year if self.rule.freq is Freq.YEARLY else days_of_month
        return find(self.rule, self.leap, period)

    def _take_weeks(self, periods: range, enough: int) -> tuple[list[Day], range]:
        offsets = sorted((weekday - self.rule.wkst) % 7 for _, weekday in self.rule.byday)
        size = -(-enough // len(offsets))
        firsts = [7 * week + 1 + self.rule.wkst for week in periods[:size]]
        found = [(first + offset, 0) for first in firsts for offset in offsets]
        if self.rule.bymonth or firsts[0] < 1 or firsts[-1] > LAST_ORDINAL - 6:
            found = self._limited(ordinal for ordinal, _ in found)
        return found, periods[size:]

    def _limited(self, ordinals: Iterable[int]) -> list[Day]:
        return [
            (ordinal, 0)
            for ordinal in ordinals
            if 1 <= ordinal <= LAST_ORDINAL and day_passes(self.rule, date.fromordinal(ordinal))
        ]


@lru_cache(maxsize=8192)
def widened(rule: Rule) -> Rule:
    """Return the rule of the largest frequency that names the same days: "every day that is a Monday" is weekly.

    A day of its own is looked at for no other than those of INTERVAL and BYSETPOS, so that few days cost little.
    """
    is_filter = rule.freq is Freq.DAILY and rule.interval == 1 and not rule.bysetpos
    if is_filter and rule.bymonth:
        return replace(rule, freq=Freq.YEARLY, byday=rule.byday or (() if rule.bymonthday else _WHOLE_WEEK))
    if is_filter and rule.bymonthday:
        return replace(rule, freq=Freq.MONTHLY)
    return replace(rule, freq=Freq.WEEKLY) if is_filter and rule.byday else rule


def named_days(
    rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime, enough: int
) -> Iterator[list[Day]]:
    """Yield the days that the rule names in the periods from `start` to `end`, in lists of `enough`, then of more.

    Raises InvalidRecurrence after too many empty periods in a row.
    """
    plan = plan_of(rule, dtstart, leap)
    periods = _periods(plan, dtstart, start, end)
    empty, is_first = 0, True
    while periods:
        before = len(periods)
        days, periods = (_first_days if is_first else Plan.take)(plan, periods, enough)
        is_first, enough = False, min(2 * enough, MOST_AT_ONCE)
        if days:
            empty = 0
            yield days
            continue
        empty += before - len(periods)
        if empty > MOST_EMPTY_PERIODS[rule.freq]:
            _refuse_empty(rule)


def named_periods(
    rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime, behind: int = 0
) -> Iterator[tuple[int, list[Day]]]:
    """Yield the periods from `start` to `end` that hold a slot, and `behind` so many before them, with their days.

    Those hold as many slots as BYSETPOS needs. Raises InvalidRecurrence after too many empty ones in a row.
    """
    fewest = min((abs(n) for n in rule.bysetpos), default=1)
    times = len(times_of(rule, dtstart.time()))
    plan = plan_of(rule, dtstart, leap)
    empty = 0
    for period in _periods(plan, dtstart, start, end, behind):
        days = plan.days(period)
        if len(days) * times >= fewest:
            empty = 0
            yield period, days
            continue
        empty += 1
        if empty > MOST_EMPTY_PERIODS[rule.freq]:
            _refuse_empty(rule)


@lru_cache(maxsize=4096)
def _first_days(plan: Plan, periods: range, enough: int) -> tuple[list[Day], range]:
    """As the plan takes them: what one rule is asked for in each of many zones is the same days."""
    return plan.take(periods, enough)


def _periods(plan: Plan, dtstart: datetime, start: datetime, end: datetime, behind: int = 0) -> range:
    """The periods in phase with DTSTART's from `start` to `end`, and some before them."""
    number_of, interval = plan.number_of, plan.rule.interval
    first = number_of(dtstart)
    passed = max(0, (number_of(start) - first) // interval - behind)
    return range(first + passed * interval, number_of(end) + 1, interval)


def _refuse_empty(rule: Rule) -> NoReturn:
    refuse(
        f"the rule names no slot in {MOST_EMPTY_PERIODS[rule.freq]:,} of its {_UNITS[rule.freq]} in a row",
        "Choose BY parts that meet a day, and an INTERVAL that reaches it",
    )


def in_period(rule: Rule, days: Sequence[Day], times: tuple[time, ...], start: datetime) -> Iterator[Slot]:
    """Yield the slots of a period from `start` on: all times of its days, or those at BYSETPOS."""
    if rule.bysetpos:
        chosen = at_positions(rule.bysetpos, days, times)
    else:
        chosen = ((day, clock) for day in days for clock in times)
    for (ordinal, moved), clock in chosen:
        slot = datetime.combine(date.fromordinal(ordinal), clock)
        if slot >= start:
            yield slot, moved


def at_positions(
    positions: tuple[int, ...], days: Sequence[Day], times: tuple[time, ...]
) -> Iterator[tuple[Day, time]]:
    """Yield the days and times at the positions of BYSETPOS."""
    size = len(days) * len(times)
    chosen = {n - 1 if n > 0 else size + n for n in positions if abs(n) <= size}
    for index in sorted(chosen):
        yield days[index // len(times)], times[index % len(times)]


def times_of(rule: Rule, clock: time) -> tuple[time, ...]:
    """Return the times of day that a rule names; what it leaves open is DTSTART's."""
    if not (rule.byhour or rule.byminute or rule.bysecond):
        return (clock,)
    return _times_of(rule, clock)


@lru_cache(maxsize=8192)
def _times_of(rule: Rule, clock: time) -> tuple[time, ...]:
    return tuple(
        clock.replace(hour=hour, minute=minute, second=second)
        for hour in rule.byhour or (clock.hour,)
        for minute in rule.byminute or (clock.minute,)
        for second in rule.bysecond or (clock.second,)
    )


def plan_of(rule: Rule, dtstart: datetime, leap: Leap) -> Plan:
    """Return the plan of a rule: one object for all that DTSTART leaves alike."""
    named = rule.bymonthday or rule.byday or rule.byyearday
    if named or rule.freq is Freq.DAILY:
        return _plan(rule, leap, 0, 0, -1)
    if rule.freq is Freq.WEEKLY or rule.byweekno:
        return _plan(rule, leap, 0, 0, dtstart.weekday())
    by_month = rule.freq is Freq.YEARLY and not rule.bymonth
    return _plan(rule, leap, dtstart.month if by_month else 0, dtstart.day, -1)


@lru_cache(maxsize=8192)
def _plan(rule: Rule, leap: Leap, month: int, day: int, weekday: int) -> Plan:
    """What RFC 5545 takes from DTSTART (3.3.10: "information, not contained in the rule")."""
    taken: dict[str, Any] = {}
    if month:
        taken["bymonth"] = (month,)
    if day:
        taken["bymonthday"] = (day,)
    if weekday >= 0:
        taken["byday"] = ((0, weekday),)
    rule = replace(rule, **taken) if taken else rule
    limited = bool(rule.bymonth or rule.bymonthday or rule.byday)
    return Plan(rule, leap, limited, kind_size(rule), _numbering(rule))


def _numbering(rule: Rule) -> Callable[[datetime], int]:
    match rule.freq:
        case Freq.YEARLY:
            return attrgetter("year")
        case Freq.MONTHLY:
            return lambda day: day.year * 12 + day.month - 1
        case Freq.WEEKLY:
            return lambda day: (day.toordinal() - 1 - rule.wkst) // 7
        case _:
            return datetime.toordinal
