"""One event of iCalendar text -> Recurrence and its zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from events.timing.checking import check
from events.timing.ical_text import Component, Property, components, values
from events.timing.recurrence import Recurrence
from events.timing.refusing import refuse
from events.timing.rule_text import parse


@dataclass(frozen=True, slots=True)
class Imported:
    """What a text says: the recurrence, and the zone of its DTSTART ("" where it names none: floating)."""

    recurrence: Recurrence
    timezone: str


def read_ical(text: str) -> Imported:
    """Return the recurrence of one event: DTSTART, RRULE, RDATE and EXDATE, folded lines allowed.

    The text is an .ics file with one event, or just these lines. A DTSTART in UTC gives the zone UTC; a date begins
    at midnight. Raises InvalidRecurrence (field "ics", or that of the part) or UnknownZone.
    """
    event = _only_event(text)
    start = event["DTSTART"][0]
    home = "UTC" if start.value.endswith("Z") else start.timezone
    dtstart, *more = values(start, home)
    if more:
        refuse("DTSTART has several values", "Put the others into RDATE", field="ics")
    rrules = rrules_of(event, start)
    recurrence = Recurrence(
        dtstart=as_wall(dtstart),
        rrule=rrules[0] if rrules else "",
        more_rrules=rrules[1:],
        rdates=dates_of(event, "RDATE", home),
        exdates=dates_of(event, "EXDATE", home),
    )
    check(recurrence)
    return Imported(recurrence, home)


def rrules_of(event: Component, start: Property) -> tuple[str, ...]:
    """Return the RRULE values of an event. Raises InvalidRecurrence for an UNTIL of another type than DTSTART."""
    if "EXRULE" in event:
        refuse("EXRULE is no longer part of iCalendar", "List what is left out as EXDATE", field="ics")
    found = tuple(one.value for one in event.get("RRULE", ()))
    for text in found:
        _check_until(text, start)
    return found


def dates_of(event: Component, name: str, home: str | None) -> tuple[date | datetime, ...]:
    """Return what an event's RDATE or EXDATE lines list."""
    return tuple(one for line in event.get(name, ()) for one in values(line, home))


def as_wall(one: date | datetime) -> datetime:
    """Return a date as its midnight."""
    return one if isinstance(one, datetime) else datetime.combine(one, time.min)


def _only_event(text: str) -> Component:
    found = components(text)
    if len(found) != 1:
        refuse(f"the text has {len(found):,} events", "Give one, with its DTSTART", field="ics")
    if len(found[0].get("DTSTART", ())) != 1:
        refuse(
            "the event has no DTSTART, or several", "Give one, such as DTSTART:20301231T090000", field="ics"
        )
    return found[0]


def _check_until(text: str, start: Property) -> None:
    until = parse(text).until
    if until is None:
        return
    is_date = until.time() == time.max
    if "T" not in start.value and not is_date:
        refuse("UNTIL has a time, and DTSTART is a date", "Give UNTIL as a date, such as 20301231")
    if start.value.endswith("Z") and not is_date and until.tzinfo is None:
        refuse("UNTIL is local, and DTSTART is in UTC", "Give UNTIL in UTC, such as 20301231T090000Z")
