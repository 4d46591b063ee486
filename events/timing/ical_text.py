"""iCalendar text (RFC 5545, 3.1) -> components with the properties that say when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from events.timing.refusing import refuse, shown
from events.timing.walltime import Fold, Gap, resolve
from events.timing.zones import UnknownZone, canonical_zone, zone

LONGEST_ICS = 1_000_000
MOST_LINES = 50_000
LONGEST_LINE = 50_000
MOST_COMPONENTS = 2_000
MOST_VALUES = 2_000
MOST_PROPERTIES = 8_000
_WANTED = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "STATUS"})
_EVENTS = frozenset({"VEVENT", "VTODO", "VJOURNAL"})
_QUOTED = re.compile(r'"[^"]*"')
_TIME = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Property:
    """One content line: its name, its parameters, and the text of its value."""

    name: str
    parameters: dict[str, str]
    value: str

    @property
    def timezone(self) -> str:
        """The canonical name of its TZID, or "" without one.

        Of an id with slashes before the name (as some programs write it) the name counts. Raises UnknownZone.
        """
        tzid = self.parameters.get("TZID", "")
        if not tzid.startswith("/"):
            return canonical_zone(tzid) if tzid else ""
        parts = tzid.split("/")
        for count in (3, 2, 1):
            try:
                return canonical_zone("/".join(parts[-count:]))
            except UnknownZone:
                continue
        return canonical_zone(tzid)


Component = dict[str, list[Property]]


def components(text: str) -> list[Component]:
    """Return the events of a calendar, or of bare lines without BEGIN the one that they are.

    VTIMEZONE is left out: a TZID is read as the IANA name that it is. Raises InvalidRecurrence (field "ics").
    """
    bare: Component = {}
    found: list[Component] = []
    within: list[str] = []
    lines = _unfolded(text)
    count = 0
    for line in lines:
        name, _, rest = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            _begin(rest.strip().upper(), within, found)
        elif name == "END":
            _end(rest.strip().upper(), within)
        elif name in _WANTED and (not within or within[-1] in _EVENTS):
            count += 1
            if count > MOST_PROPERTIES:
                refuse(
                    f"there are more than {MOST_PROPERTIES:,} dates and rules",
                    "Give a shorter text",
                    field="ics",
                )
            (found[-1] if within else bare).setdefault(name, []).append(_property(line))
    if within:
        refuse(f"{shown(within[-1])} has no END", "Give the whole text", field="ics")
    if not bare and not any(line.strip().upper() == "BEGIN:VCALENDAR" for line in lines):
        refuse(
            f"{shown(text)} is no iCalendar text",
            "Give an .ics file, or lines such as DTSTART:20301231T090000",
            field="ics",
        )
    return [*found, bare] if bare else found


def _unfolded(text: str) -> list[str]:
    if len(text) > LONGEST_ICS or text.count("\n") > MOST_LINES:
        refuse(
            f"the text has {len(text):,} characters",
            f"Keep it to {LONGEST_ICS:,}, on {MOST_LINES:,} lines",
            field="ics",
        )
    lines = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "").split("\n")
    longest = max(lines, key=len)
    if len(longest) > LONGEST_LINE:
        refuse(
            f"{shown(longest)} has {len(longest):,} characters",
            f"Keep a line to {LONGEST_LINE:,}",
            field="ics",
        )
    return lines


def _begin(name: str, within: list[str], found: list[Component]) -> None:
    within.append(name)
    if name in _EVENTS:
        found.append({})
    if len(found) > MOST_COMPONENTS or len(within) > 10:
        refuse(
            f"the calendar has more than {MOST_COMPONENTS:,} events, or they are nested deeply",
            "Give a shorter one",
            field="ics",
        )


def _end(name: str, within: list[str]) -> None:
    if not within or within.pop() != name:
        refuse(f"END:{name[:40]} has no BEGIN", "Give the whole text", field="ics")


def _property(line: str) -> Property:
    head, colon, value = _split(line)
    if not colon:
        refuse(f"{shown(line)} has no value", "Write NAME:value", field="ics")
    name, *parts = head
    pairs = (part.partition("=") for part in parts)
    parameters = {name.strip().upper(): value.strip().strip('"') for name, _, value in pairs}
    return Property(name.strip().upper(), parameters, value.strip())


def _split(line: str) -> tuple[list[str], str, str]:
    """Name and parameters, the colon if there is one, and the value; what is in quotes has no signs in it."""
    if '"' not in line:
        whole, colon, value = line.partition(":")
        return whole.split(";"), colon, value
    hidden = _QUOTED.sub(lambda found: "_" * len(found[0]), line)
    names, colon, _ = hidden.partition(":")
    ends = [place for place, sign in enumerate(names) if sign == ";"]
    starts = [0, *(place + 1 for place in ends)]
    head = [line[start:end] for start, end in zip(starts, [*ends, len(names)], strict=True)]
    return head, colon, line[len(names) + 1 :]


def values(one: Property, home: str | None) -> list[date | datetime]:
    """Return the dates and times of DTSTART, RDATE or EXDATE: dates, wall times of `home`, instants of others.

    `home` is the zone of DTSTART; None takes every time as it is written.
    Raises InvalidRecurrence (field "ics") or UnknownZone.
    """
    parts = one.value.split(",")
    if len(parts) > MOST_VALUES:
        refuse(f"{one.name} has {len(parts):,} values", f"Keep it to {MOST_VALUES:,}", field="ics")
    return [_value(one, part, home) for part in parts]


def _value(one: Property, text: str, home: str | None) -> date | datetime:
    match = _TIME.fullmatch(text.strip())
    is_date = one.parameters.get("VALUE", "DATE-TIME").upper() == "DATE"
    day, clock, zulu = match.groups() if match and is_date is not bool(match[2]) else ("", None, None)
    try:
        wall = datetime.fromisoformat(f"{day}T{clock or '000000'}")
    except ValueError:
        refuse(
            f"{one.name} {shown(text)} is not what it should be",
            "Use 20301231T090000, 20301231T090000Z, or 20301231 with VALUE=DATE",
            field="ics",
        )
    if clock is None:
        return wall.date()
    if home is None:
        return wall
    timezone = "UTC" if zulu else one.timezone
    if timezone in {"", home}:
        return wall
    return resolve(wall, zone(timezone), gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at.astimezone(UTC)
