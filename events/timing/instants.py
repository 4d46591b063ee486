"""Instants as programs write them: ISO 8601, RFC 2822, or as JavaScript prints a Date -> UTC."""

from __future__ import annotations

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, timezone

from events.timing.refusing import refuse, shown

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED_UTC = frozenset({"", "Z", "UT", "UTC", "GMT"})
_LONGEST = 100
_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_ZONE = r"(?:\s+(?P<zone>[A-Z]{1,5})?(?P<offset>[+-]\d\d:?[0-5]\d)?)?(?:\s*\([^()]*\))?"
_WRITTEN = (
    # RFC 2822, 3.3, which is what toUTCString() writes: Sun, 22 Nov 2026 09:00:00 GMT
    re.compile(rf"(?ai)(?:{_DAY},\s*)?(?P<day>\d{{1,2}})\s+{_MONTH}\s+(?P<year>\d{{4}})\s+{_CLOCK}{_ZONE}"),
    # What toString() writes: Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)
    re.compile(rf"(?ai){_DAY}\s+{_MONTH}\s+(?P<day>\d{{1,2}})\s+(?P<year>\d{{4}})\s+{_CLOCK}{_ZONE}"),
)
_NUMBER = re.compile(r"(?ai)[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?")
_ADVICE = "Write it in ISO 8601, such as 2026-11-22T09:00:00Z"


def read_instant(text: object, *, field: str) -> datetime:
    """Return the instant in UTC; a text without an offset is UTC already, and a date its midnight.

    Understood are ISO 8601, RFC 2822 (`Sun, 22 Nov 2026 09:00:00 GMT`) and what JavaScript prints
    (`Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)`). As in JavaScript, the name of a weekday is not
    compared with its date. Raises InvalidRecurrence (with that field) for all else: numbers, which may be seconds or
    milliseconds, and abbreviations of zones, which mean several.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        refuse("it is not text", _ADVICE, field=field)
    written = str(text).strip()
    if not isinstance(text, str) or _NUMBER.fullmatch(written[:_LONGEST]):
        refuse(f"{shown(written)} is a number, which may count seconds or milliseconds", _ADVICE, field=field)
    if not written:
        refuse("it is empty", _ADVICE, field=field)
    try:
        found = _read(written, field) if len(written) <= _LONGEST and written.isprintable() else None
    except ValueError:  # such as a day that its month does not have
        found = None
    if found is None:
        refuse(f"{shown(written)} is not a date and time that exists", _ADVICE, field=field)
    if not MINYEAR < found.year < MAXYEAR:  # where any zone can still show it
        refuse(
            f"{shown(written)} is at the end of the calendar",
            f"Give an instant from the year {MINYEAR + 1} to {MAXYEAR - 1}",
            field=field,
        )
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _read(text: str, field: str) -> datetime:
    """The date and time that a text names. Raises ValueError where it has none of the forms."""
    for form in _WRITTEN:
        if match := form.fullmatch(text):
            parts = match.groupdict()
            month = _MONTHS.index(parts["month"].lower()) + 1
            year, day, hour, minute, second = (
                int(parts[name] or 0) for name in ("year", "day", "hour", "minute", "second")
            )
            zone = _zone(text, parts["zone"] or "", parts["offset"] or "", field)
            return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return datetime.fromisoformat(text)


def _zone(text: str, name: str, offset: str, field: str) -> timezone:
    if name.upper() not in _NAMED_UTC:
        refuse(
            f"{shown(text)} has the abbreviation {name}, which means several zones",
            "Give the offset from UTC instead, such as +0100 or GMT",
            field=field,
        )
    if not offset:
        return UTC
    size = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return timezone(-size if offset[0] == "-" else size)
