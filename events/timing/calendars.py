"""An .ics file of holidays or exclusions -> the days that it closes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from events.timing.business_days import MOST_CLOSED
from events.timing.ical_recurrence import as_wall, dates_of, rrules_of
from events.timing.ical_text import Component, components, values
from events.timing.recurrence import DEFAULT_POLICIES, Recurrence
from events.timing.recurring import firings
from events.timing.refusing import refuse, shown
from events.timing.rule_parts import Freq
from events.timing.rule_text import parse
from events.timing.zones import zone

MOST_RECURRING = 100
MOST_STEPS = 20_000
LONGEST_EVENT = timedelta(days=366)
_DAY = timedelta(days=1)
_INSTANT = timedelta.resolution
_PERIOD = {Freq.YEARLY: 365, Freq.MONTHLY: 28, Freq.WEEKLY: 7, Freq.DAILY: 1}
_DURATION = re.compile(
    r"P(?:(\d{1,3})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,5})S)?)?", re.ASCII
)


def calendar_dates(text: str, between: tuple[date, date]) -> frozenset[date]:
    """Return the days on which the events of an .ics file are, from between[0] to between[1], both included.

    An event is on every day from its DTSTART up to before its DTEND (or for its DURATION), each time that its
    RRULE and RDATE name; cancelled events are left out. Times are taken as they are written, in whatever zone.
    Raises InvalidRecurrence (field "ics", or "rrule") where it is malformed, or takes too long: over 2,000 events,
    100 of them recurring, 20,000 steps of their rules, or 10,000 days.
    """
    events = [event for event in components(text) if not _is_cancelled(event)]
    _check_steps(events, *between)
    named = list(islice((day for event in events for day in _days_of(event, *between)), MOST_CLOSED + 1))
    if len(named) > MOST_CLOSED:
        refuse(f"the events name over {MOST_CLOSED:,} days", "Ask for a shorter span", field="ics")
    return frozenset(named)


def _is_cancelled(event: Component) -> bool:
    return any(one.value.upper() == "CANCELLED" for one in event.get("STATUS", ()))


def _check_steps(events: Iterable[Component], first: date, last: date) -> None:
    """Refuse what would take long, before anything is expanded."""
    recurring = [one.value for event in events for one in event.get("RRULE", ())]
    if len(recurring) > MOST_RECURRING:
        refuse(f"{len(recurring):,} events recur", f"Keep it to {MOST_RECURRING}", field="ics")
    steps = 0
    for rule in map(parse, recurring):
        if rule.freq.is_elapsed:
            refuse(f"FREQ={rule.freq.name} names no days", "Use FREQ=DAILY or larger")
        steps += rule.count + (last - first).days // (_PERIOD[rule.freq] * rule.interval)
    if steps > MOST_STEPS:
        refuse(
            f"the rules take {steps:,} steps",
            f"Keep it to {MOST_STEPS:,}, or ask for a shorter span",
            field="ics",
        )


def _days_of(event: Component, first: date, last: date) -> Iterator[date]:
    if "DTSTART" not in event:
        refuse("an event has no DTSTART", "Give it one, such as DTSTART;VALUE=DATE:20301225", field="ics")
    start = event["DTSTART"][0]
    given = values(start, None)[0]
    begin = as_wall(given)
    length = _length(event, begin, all_day=not isinstance(given, datetime))
    for slot in _slots(event, begin, first, last, length):
        midnight = slot.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = slot.toordinal() + max((slot - midnight + length - _INSTANT) // _DAY, 0)
        for ordinal in range(max(slot.toordinal(), first.toordinal()), min(ends, last.toordinal()) + 1):
            yield date.fromordinal(ordinal)


def _slots(
    event: Component, begin: datetime, first: date, last: date, length: timedelta
) -> Iterable[datetime]:
    if not event.keys() & {"RRULE", "RDATE", "EXDATE"}:
        return [begin]
    rrules = rrules_of(event, event["DTSTART"][0])
    recurrence = Recurrence(
        begin,
        rrules[0] if rrules else "",
        more_rrules=rrules[1:],
        rdates=dates_of(event, "RDATE", None),
        exdates=dates_of(event, "EXDATE", None),
    )
    after = max(as_wall(first), datetime.min + length) - length  # noqa: DTZ901
    before = min(as_wall(last), datetime.max - _DAY) + _DAY  # noqa: DTZ901
    found = firings(
        recurrence,
        zone("UTC"),
        DEFAULT_POLICIES,
        after=after.replace(tzinfo=UTC),
        before=before.replace(tzinfo=UTC),
    )
    return (one.slot for one in found)


def _length(event: Component, begin: datetime, *, all_day: bool) -> timedelta:
    if "DTEND" in event:
        length = as_wall(values(event["DTEND"][0], None)[0]) - begin
    elif "DURATION" in event:
        length = _duration(event["DURATION"][0].value)
    else:
        length = _DAY if all_day else timedelta(0)
    if not timedelta(0) <= length <= LONGEST_EVENT:
        refuse(
            f"an event of {begin.date()} ends before it begins, or lasts over a year",
            "Correct its DTEND",
            field="ics",
        )
    return length


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text.strip().upper())
    if not match or not any(match.groups()):
        refuse(f"DURATION {shown(text)} is not valid", "Use P1D, P2W or PT8H", field="ics")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
