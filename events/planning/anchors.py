"""Which anchor dates may fire within a span: so that of a million birthdays those of a few days are looked at."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from events.planning.recurrences import LONGEST_EXCESS, recurrence_of
from events.timing.recurring import rules_of
from events.timing.rule_parts import Freq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from events.models import Rule

# Local days of a moment, and how far a slot in a gap is shifted: two days on either side hold them all.
MARGIN = timedelta(days=2)
MOST_DAYS = 100

# What stands behind the year tells the day. One comparison, for more of them make PostgreSQL expect most of the table.
LIKELY = " AND substr(e.attributes ->> %(rule_anchor)s, 6, 5) = ANY(%(likely_days)s)"
# Whatever a year may be like, in the order of its days and weeks, one of these is.
ALL_KINDS_OF_YEARS = range(2000, 2028)


def anchor_date(text: str) -> date | None:
    """The date that an attribute names, or None where it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def likely_days(rule: Rule, *, after: datetime, before: datetime) -> list[str] | None:
    """What every anchor that fires with after <= due_at < before has behind its year, however the date is written.

    None where that says little, or nobody can tell: then any may. Raises InvalidRecurrence.
    """
    if not rule.anchor or rule.cron or rule.calendar_id or rule.rdates:
        return None
    rules = rules_of(recurrence_of(rule, date.max))
    if len(rules) > 1 or any(each.freq > Freq.MONTHLY or not each.is_plain for each in rules):
        return None
    days = _days(rule, after, before)
    if days is None:
        return None
    named = {(day.month, day.day) for day in days}
    if not named.isdisjoint({(2, 28), (3, 1)}):
        named.add((2, 29))
    if rules and rules[0].freq is Freq.MONTHLY:
        missing = {29, 30, 31} if any(day >= 28 or day == 1 for _, day in named) else set()
        named = {(month, day) for month in range(1, 13) for day in {day for _, day in named} | missing}
    return sorted({text for month, day in named for text in _written(month, day)})


def _days(rule: Rule, after: datetime, before: datetime) -> list[date] | None:
    """The days that slots may have before the rule's offset; None if they are too many."""
    offset = timedelta(days=rule.anchor_offset_days)
    try:
        first = after - (rule.window + LONGEST_EXCESS if rule.window else timedelta(0)) - MARGIN - offset
        days = (before + MARGIN - offset).date() - first.date()
    except OverflowError:
        return None
    if days.days > MOST_DAYS:
        return None
    return [first.date() + timedelta(days=n) for n in range(days.days + 1)]


def _written(month: int, day: int) -> Iterator[str]:
    """From their sixth character on, the dates of this day in ISO 8601: YYYY-MM-DD, YYYYMMDD, and by their week."""
    yield f"{month:02}-{day:02}"
    yield f"{month % 10}{day:02}"
    for year in ALL_KINDS_OF_YEARS:
        with suppress(ValueError):  # not every year has a 29 February
            _, week, weekday = date(year, month, day).isocalendar()
            yield from (f"W{week:02}-{weekday}", f"{week:02}{weekday}")
            if weekday == 1:
                yield from (f"W{week:02}", f"{week:02}")
