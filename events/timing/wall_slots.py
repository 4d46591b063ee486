"""Slots of daily and larger frequencies: pure calendar arithmetic on wall time, no zone.

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
from events.timing.rule_text import Freq, Rule, refuse
from events.timing.walltime import LATEST, Leap

# Years and months repeat after 400 years, so for them the bound refuses only what certainly never fires.
MOST_EMPTY_PERIODS = {Freq.YEARLY: 400, Freq.MONTHLY: 4_800, Freq.WEEKLY: 20_000, Freq.DAILY: 20_000}
MOST_COUNTED = 10_000
_MOST_COUNTED_PERIODS = 50_000
_LAST_PERIOD = {
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
                return self._limited(range(7 * period + 1 + self.rule.wkst, 7 * period + 8 + self.rule.wkst))
            case _:
                return self._limited((period,)) if self.limited else ((period, 0),)
        held = self.kept.get(kind)
        if held is None:
            find = days_of_year if self.rule.freq is Freq.YEARLY else days_of_month
            held = self.kept[kind] = find(self.rule, self.leap, period)
        return tuple((first + offset, moved) for offset, moved in held)

    def _limited(self, ordinals: range | tuple[int, ...]) -> Days:
        return tuple(
            (ordinal, 0)
            for ordinal in ordinals
            if 1 <= ordinal <= LAST_ORDINAL and day_passes(self.rule, date.fromordinal(ordinal))
        )


def slots(rule: Rule, dtstart: datetime, leap: Leap, *, start: datetime, end: datetime) -> Iterator[Slot]:
    """Yield the slots of the recurrence set from `start` to `end`, both included: sorted, unique, lazily.

    A local UNTIL and COUNT end it (an UNTIL that is an instant is for the caller, who knows the zone).
    Raises InvalidRecurrence after too many empty periods in a row, or where COUNT counts too far.
    """
    if rule.until and rule.until.tzinfo is None:
        end = min(end, rule.until)
    if rule.count:
        end = min(end, _last_counted(rule, dtstart, leap))
    for slot in _slots_from(rule, dtstart, leap, max(start, dtstart), end):
        if slot[0] > end:
            return
        yield slot


def _slots_from(rule: Rule, dtstart: datetime, leap: Leap, start: datetime, end: datetime) -> Iterator[Slot]:
    plan = _plan_of(rule, dtstart, leap)
    first = _period_of(rule, dtstart)
    step = rule.interval
    overflows = leap is Leap.FORWARD and rule.freq is Freq.MONTHLY
    behind = max(0, (_period_of(rule, start) - first) // step - overflows)
    times = _times(rule, dtstart.time())
    fewest = min((abs(n) for n in rule.bysetpos), default=1)
    periods = _filled(
        plan,
        range(first + behind * step, _period_of(rule, end) + 1, step),
        fewest,
        len(times),
    )
    if overflows:
        yield from _merged((period, _in_period(rule, days, times, start)) for period, days in periods)
        return
    for _, days in periods:
        yield from _in_period(rule, days, times, start)


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


def _in_period(rule: Rule, days: Days, times: tuple[time, ...], start: datetime) -> Iterator[Slot]:
    if rule.bysetpos:
        days_and_times = _at_positions(rule.bysetpos, days, times)
    else:
        earliest = start.toordinal()
        days_and_times = ((day, clock) for day in days if day[0] >= earliest for clock in times)
    for (ordinal, moved), clock in days_and_times:
        slot = datetime.combine(date.fromordinal(ordinal), clock)
        if slot >= start:
            yield slot, moved


def _at_positions(
    positions: tuple[int, ...], days: Days, times: tuple[time, ...]
) -> Iterator[tuple[tuple[int, int], time]]:
    size = len(days) * len(times)
    chosen = {n - 1 if n > 0 else size + n for n in positions if abs(n) <= size}
    for index in sorted(chosen):
        yield days[index // len(times)], times[index % len(times)]


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


def _period_of(rule: Rule, day: datetime) -> int:
    match rule.freq:
        case Freq.YEARLY:
            return day.year
        case Freq.MONTHLY:
            return day.year * 12 + day.month - 1
        case Freq.WEEKLY:
            return (day.toordinal() - 1 - rule.wkst) // 7
        case _:
            return day.toordinal()


def _plan_of(rule: Rule, dtstart: datetime, leap: Leap) -> Plan:
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


@lru_cache(maxsize=8192)
def _times(rule: Rule, clock: time) -> tuple[time, ...]:
    return tuple(
        clock.replace(hour=hour, minute=minute, second=second)
        for hour in rule.byhour or (clock.hour,)
        for minute in rule.byminute or (clock.minute,)
        for second in rule.bysecond or (clock.second,)
    )


@lru_cache(maxsize=8192)
def _last_counted(rule: Rule, dtstart: datetime, leap: Leap) -> datetime:
    """The slot that COUNT ends with: found once, so that a counted rule can be entered anywhere too."""
    if _is_one_per_period(rule, dtstart, leap):
        period = _period_of(rule, dtstart) + (rule.count - 1) * rule.interval
        days = _plan_of(rule, dtstart, leap).days(period) if period <= _LAST_PERIOD[rule.freq] else ()
        return datetime.combine(date.fromordinal(days[0][0]), dtstart.time()) if days else LATEST
    furthest = _period_of(rule, dtstart) + _MOST_COUNTED_PERIODS * rule.interval
    for nth, (slot, _) in enumerate(_slots_from(rule, dtstart, leap, dtstart, LATEST), start=1):
        if nth > MOST_COUNTED or _period_of(rule, slot) > furthest:
            refuse(
                f"COUNT={rule.count} takes too long to count out in such a rule",
                f"Keep it to {MOST_COUNTED:,} slots and {_MOST_COUNTED_PERIODS:,} periods, or use UNTIL",
            )
        if nth == rule.count:
            return slot
    return LATEST


def _is_one_per_period(rule: Rule, dtstart: datetime, leap: Leap) -> bool:
    if not rule.is_plain:
        return False
    exists = dtstart.day <= 28 or leap is not Leap.OMIT
    return rule.freq >= Freq.WEEKLY or exists or (rule.freq is Freq.YEARLY and dtstart.month != 2)
