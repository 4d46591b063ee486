"""iCalendar text as the columns of a rule."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from events.timing import read_ical

if TYPE_CHECKING:
    from datetime import date, time


class IcalColumns(TypedDict):
    """What iCalendar text says of a rule's time; `timezone` is "" where it names none."""

    start_date: date
    local_time: time
    rrule: str
    rdates: list[str]
    exdates: list[str]
    timezone: str


def columns_of_ical(text: str) -> IcalColumns:
    """What one event, or just its DTSTART, RRULE, RDATE and EXDATE lines, say in a rule's columns.

    Raises InvalidRecurrence (field "ics", or that of the part), UnknownZone.
    """
    imported = read_ical(text)
    recurrence = imported.recurrence
    return {
        "start_date": recurrence.dtstart.date(),
        "local_time": recurrence.dtstart.time(),
        "rrule": "\n".join(recurrence.rrules),
        "rdates": [_written(one) for one in recurrence.rdates],
        "exdates": [_written(one) for one in recurrence.exdates],
        "timezone": imported.timezone,
    }


def _written(one: date | datetime) -> str:
    """A date, a wall time, or an instant with Z."""
    if not isinstance(one, datetime):
        return one.isoformat()
    return one.isoformat().replace("+00:00", "Z")
