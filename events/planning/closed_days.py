"""A calendar's closed days, expanded for the years that are asked about."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date
from functools import lru_cache
from typing import TYPE_CHECKING

from events.errors import InvalidField
from events.timing import BusinessDays, Roll, calendar_dates

if TYPE_CHECKING:
    from events.models import Calendar

# National holidays are known for these years; whoever asks for others is told of none.
HOLIDAYS_KNOWN = (1950, 2100)


class UnknownCountry(InvalidField):
    """{field}: {problem}. {remedy}"""


def business_days_of(calendar: Calendar, roll: Roll, *, first_year: int, last_year: int) -> BusinessDays:
    """The calendar's closed days from one year to another, both included, and a year beside them.

    Raises InvalidRecurrence or UnknownCountry for a calendar that operations.check_calendar would refuse.
    """
    closed = closed_days(calendar, first_year=first_year - 1, last_year=last_year + 1)
    return BusinessDays(closed, frozenset(calendar.closed_weekdays), roll)


def closed_days(calendar: Calendar, *, first_year: int, last_year: int) -> frozenset[date]:
    """The single days that the calendar closes from one year to another, both included; weekdays are not among them."""
    first, last = max(first_year, MINYEAR), min(last_year, MAXYEAR)
    closed: frozenset[date] = frozenset()
    if calendar.ics:
        closed |= _events(calendar.ics, first, last)
    if calendar.country:
        closed |= _holidays(calendar.country, calendar.subdivision, first, last)
    return closed


def subdivisions_of(country: str) -> tuple[str, ...]:
    """The parts of a country (ISO 3166) that have holidays of their own; none of one that is not known."""
    import holidays

    return tuple(holidays.list_supported_countries().get(country, ()))


@lru_cache(maxsize=256)
def _events(ics: str, first_year: int, last_year: int) -> frozenset[date]:
    return calendar_dates(ics, (date(first_year, 1, 1), date(last_year, 12, 31)))


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, first_year: int, last_year: int) -> frozenset[date]:
    import holidays

    known = holidays.list_supported_countries()
    if country not in known:
        raise UnknownCountry(
            field="country",
            problem=f"{country!r} is not a country whose holidays are known",
            remedy="Use its two letters of ISO 3166, such as DE, GB or US",
        )
    if subdivision and subdivision not in known[country]:
        offered = ", ".join(known[country]) or "none"
        raise UnknownCountry(
            field="subdivision",
            problem=f"{subdivision!r} is not a part of {country} with holidays of its own",
            remedy=f"Use one of these, or none: {offered}",
        )
    years = range(max(first_year, HOLIDAYS_KNOWN[0]), min(last_year, HOLIDAYS_KNOWN[1]) + 1)
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=years))
