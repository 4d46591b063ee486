"""What a calendar closes, in words and day by day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from events.planning import closed_days

if TYPE_CHECKING:
    from events.models import Calendar

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WORK = list(range(5))
AHEAD = timedelta(days=365)
# Where one word of a name like BosniaAndHerzegovina or DRCongo ends and the next begins.
SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
SMALL = {"And", "Of", "The"}


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A single closed day and what it is: a holiday's name, or that it comes from iCalendar text."""

    day: date
    name: str


def closed_in_words(calendar: Calendar) -> str:
    """What the calendar closes: "every Saturday and Sunday, public holidays of Germany (BY)"; or "nothing"."""
    parts = [_weekdays_in_words(calendar.closed_weekdays)] if calendar.closed_weekdays else []
    if calendar.country:
        part = f" ({calendar.subdivision})" if calendar.subdivision else ""
        parts.append(f"public holidays of {countries().get(calendar.country, calendar.country)}{part}")
    if calendar.ics.strip():
        parts.append("the days of its iCalendar text")
    return ", ".join(parts) or "nothing"


def closed_ahead(calendar: Calendar, *, today: date) -> list[ClosedDay]:
    """The single days that the calendar closes within a year from today on; weekdays are not among them.

    Raises InvalidField for a calendar that operations.check_calendar would refuse.
    """
    last = today + AHEAD
    closed = closed_days(calendar, first_year=today.year, last_year=last.year)
    names = _holiday_names(calendar.country, calendar.subdivision, today.year, last.year)
    return [
        ClosedDay(day, names.get(day, "iCalendar text")) for day in sorted(closed) if today <= day <= last
    ]


@cache
def countries() -> dict[str, str]:
    """The countries whose public holidays are known: ISO 3166 code -> English name, by name."""
    from holidays.registry import COUNTRIES

    named = {code: _spaced(name) for name, code, *_ in COUNTRIES.values()}
    return dict(sorted(named.items(), key=lambda pair: pair[1]))


def _spaced(name: str) -> str:
    return " ".join(word.lower() if word in SMALL else word for word in SEAM.split(name))


def _holiday_names(country: str, subdivision: str, first_year: int, last_year: int) -> dict[date, str]:
    if not country:
        return {}
    import holidays

    years = range(first_year, last_year + 1)
    return dict(holidays.country_holidays(country, subdiv=subdivision or None, years=years, language="en_US"))


def _weekdays_in_words(days: list[int]) -> str:
    """Every Saturday and Sunday; Monday to Friday."""
    if sorted(days) == WORK:
        return "Monday to Friday"
    *before, last = [WEEKDAYS[day] for day in sorted(days)]
    return f"every {', '.join(before)} and {last}" if before else f"every {last}"
