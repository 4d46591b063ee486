"""Periods of daily and larger frequencies, and what each of them holds.

A period is what FREQ counts: a year, a month, a week or a day, numbered so that the phase of INTERVAL is a
remainder. So any period is reached without walking to it, and what a period holds is kept per kind of year or
month, of which the Gregorian calendar has few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date, datetime, time
from functools import lru_cache

from events.timing.days import (
    LAST_ORDINAL,
    Days,
    Kind,
    day_passes,
    days_of_month,
    days_of_year,
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

# A slot, and the day of month that it stands for where that month has no such day, else 0.
Slot = tuple[datetime, int]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A rule with the days that it leaves to DTSTART filled in; `kept` is what each kind of period holds."""

    rule: Rule
    leap: Leap
    limited: bool
    kept: dict[Kind, Days] = field(default_factory=dict)

    def days(self, period: int) -> Days:
        """Return the days that the rule names in a period, as ordinals."""
        match self.rule.freq:
            case Freq.YEARLY:
                first, kind = year_kind(period)
            case Freq.MONTHLY:
                first, kind = month_kind(period)
            case Freq.WEEKLY:
                first = 7 * period + 1 + self.rule.wkst
                if self.rule.bymonth or not 1 <= first <= LAST_ORDINAL - 6:
                    return self._limited(range(first, first + 7))
                # All weeks are alike.
                kind = ()
            case _:
                return self._limited((period,)) if self.limited else ((period, 0),)
        held = self.kept.get(kind)
        if held is None:
            held = self.kept[kind] = self._days_of_kind(period, first)
        return tuple((first + offset, moved) for offset, moved in held)

    def _days_of_kind(self, period: int, first: int) -> Days:
        if self.rule.freq is Freq.WEEKLY:
            return tuple((ordinal - first, 0) for ordinal, _ in self._limited(range(first, first + 7)))
        find = days_of_year if self.rule.freq is Freq.YEARLY else days_of_month
        return find(self.rule, self.leap, period)

    def _limited(self, ordinals: range | tuple[int, ...]) -> Days:
        return tuple(
            (ordinal, 0)
            for ordinal in ordinals
            if 1 <= ordinal <= LAST_ORDINAL and day_passes(self.rule, date.fromordinal(ordinal))
        )


def named_periods(
    rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime, behind: int = 0
) -> Iterator[tuple[int, Days]]:
    """Yield the periods from `start` to `end` that hold a slot, and `behind` so many before them, with their days.

    Raises InvalidRecurrence after too many empty ones in a row.
    """
    fewest = min((abs(n) for n in rule.bysetpos), default=1)
    times = len(times_of(rule, dtstart.time()))
    plan, periods = plan_of(rule, dtstart, leap), _periods(rule, dtstart, start, end, behind)
    if rule.freq is Freq.DAILY and not (plan.limited or rule.bysetpos):
        return ((period, ((period, 0),)) for period in periods)
    return _filled(plan, periods, fewest, times)


def _periods(rule: Rule, dtstart: datetime, start: datetime, end: datetime, behind: int = 0) -> range:
    """The periods in phase with DTSTART's from `start` to `end`, and some before them."""
    first = period_of(rule, dtstart)
    passed = max(0, (period_of(rule, start) - first) // rule.interval - behind)
    return range(first + passed * rule.interval, period_of(rule, end) + 1, rule.interval)


def _filled(plan: Plan, periods: range, fewest: int, times: int) -> Iterator[tuple[int, Days]]:
    """The periods that hold as many slots as BYSETPOS needs, within the bound on how long we look for one."""
    most = MOST_EMPTY_PERIODS[plan.rule.freq]
    empty = 0
    for period in periods:
        days = plan.days(period)
        if len(days) * times >= fewest:
            empty = 0
            yield period, days
            continue
        empty += 1
        if empty > most:
            refuse(
                f"the rule names no slot in {most:,} periods of {plan.rule.freq.name} in a row",
                "Choose BY parts that meet a day, and an INTERVAL that reaches it",
            )


def in_period(rule: Rule, days: Days, times: tuple[time, ...], start: datetime) -> Iterator[Slot]:
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
    positions: tuple[int, ...], days: Days, times: tuple[time, ...]
) -> Iterator[tuple[tuple[int, int], time]]:
    """Yield the days and times at the positions of BYSETPOS."""
    size = len(days) * len(times)
    chosen = {n - 1 if n > 0 else size + n for n in positions if abs(n) <= size}
    for index in sorted(chosen):
        yield days[index // len(times)], times[index % len(times)]


@lru_cache(maxsize=8192)
def times_of(rule: Rule, clock: time) -> tuple[time, ...]:
    """Return the times of day that a rule names; what it leaves open is DTSTART's."""
    return tuple(
        clock.replace(hour=hour, minute=minute, second=second)
        for hour in rule.byhour or (clock.hour,)
        for minute in rule.byminute or (clock.minute,)
        for second in rule.bysecond or (clock.second,)
    )


def period_of(rule: Rule, day: datetime) -> int:
    """Return the number of the period that a day is in."""
    match rule.freq:
        case Freq.YEARLY:
            return day.year
        case Freq.MONTHLY:
            return day.year * 12 + day.month - 1
        case Freq.WEEKLY:
            return (day.toordinal() - 1 - rule.wkst) // 7
        case _:
            return day.toordinal()


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
    if month:
        rule = replace(rule, bymonth=(month,))
    if day:
        rule = replace(rule, bymonthday=(day,))
    if weekday >= 0:
        rule = replace(rule, byday=((0, weekday),))
    return Plan(rule, leap, limited=bool(rule.bymonth or rule.bymonthday or rule.byday))
