"""A DTSTART that is nearer, and means the same: what began decades ago is found as fast as what began last week.

It is also the same for many: all who were born on one day of the year share their yearly slots.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta
from typing import NamedTuple

from events.timing.recurrence import Recurrence
from events.timing.recurring import rules_of
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule


class Cycle(NamedTuple):
    """By how many years, or else by how many days, DTSTART may be moved on and name the same slots from there."""

    years: int = 0
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
        return _in_year(start, bound.year - 1, self.years) if self.years else start


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
    return Cycle(years=interval)  # of months too: so many years are twelve times as many months


def _counts(rule: Rule) -> bool:
    """Whether it counts its slots from DTSTART, or its weeks of the year take their weekday from there."""
    return bool(rule.count or (rule.byweekno and not rule.byday))


def _in_year(start: date, latest: int, step: int) -> date:
    """The same day of the year in the latest year that has it, a multiple of so many years later."""
    year = start.year + (latest - start.year) // step * step
    while year > start.year:
        if (start.month, start.day) != (2, 29) or isleap(year):
            return start.replace(year=year)
        year -= step
    return start
