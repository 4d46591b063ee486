"""A DTSTART that is nearer, and means the same: what began decades ago is found as fast as what began last week.

It is also the same for many: all who were born on one day of the year share their yearly slots, and all that begins
on one day of the month its monthly ones.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from events.timing.recurrence import Recurrence
from events.timing.recurring import rules_of
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule


class Cycle(NamedTuple):
    """By how many years, or months, or days, DTSTART may be moved on and name the same slots from there."""

    years: int = 0
    months: int = 0
    days: int = 0

    def nearer(self, start: date, bound: date) -> date:
        """Return a day up to `bound` that means the same as a DTSTART on `start`, for all slots after the bound.

        Slots are meant before the offset in days, and before they move to business days. It is `start` itself where
        that is later, or where nothing else means the same.
        """
        if start >= bound:
            return start
        if self.days:
            return bound - timedelta(days=(bound - start).days % self.days)
        # The period in which it begins is over by the bound, so nothing is missing from those that count.
        if self.months:
            return _in_month(start, 12 * bound.year + bound.month - 2, self.months)
        return _in_month(start, 12 * bound.year - 1, 12 * self.years) if self.years else start


def cycle_of(recurrence: Recurrence) -> Cycle:
    """Return by how much the recurrence's DTSTART may be moved. Raises InvalidRecurrence."""
    if recurrence.cron:
        return Cycle(days=1)
    rules = rules_of(recurrence)
    if len(rules) != 1 or recurrence.dtstart.tzinfo or rules[0].freq.is_elapsed or _counts(rules[0]):
        return Cycle()
    interval = rules[0].interval
    match rules[0].freq:
        case Freq.DAILY:
            return Cycle(days=interval)
        case Freq.WEEKLY:
            return Cycle(days=7 * interval)
        case Freq.MONTHLY:
            return Cycle(months=interval)
    return Cycle(years=interval)


def _counts(rule: Rule) -> bool:
    """Whether it counts its slots from DTSTART, or its weeks of the year take their weekday from there."""
    return bool(rule.count or (rule.byweekno and not rule.byday))


def _in_month(start: date, latest: int, step: int) -> date:
    """The same day in the latest month that has it, a multiple of so many months later. Months count from the year 0,
    whose first is 0.
    """
    begun = 12 * start.year + start.month - 1
    for month in range(begun + (latest - begun) // step * step, begun, -step):
        year, number = month // 12, month % 12 + 1
        if start.day <= monthrange(year, number)[1]:
            return date(year, number, start.day)
    return start
