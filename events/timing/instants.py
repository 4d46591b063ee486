"""Instants as programs write them: ISO 8601, RFC 2822, or as JavaScript prints a Date -> UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NoReturn

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
    re.compile(rf"(?:{_DAY},\s*)?(?P<day>\d{{1,2}})\s+{_MONTH}\s+(?P<year>\d{{4}})\s+{_CLOCK}{_ZONE}", re.A | re.I),
    # What toString() writes: Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)
    re.compile(rf"{_DAY}\s+{_MONTH}\s+(?P<day>\d{{1,2}})\s+(?P<year>\d{{4}})\s+{_CLOCK}{_ZONE}", re.A | re.I),
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?", re.A | re.I)
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
        found = _read(written, field) if len(written) <= _LONGEST else None
        if found is not None:
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # a day that its month does not have, or one outside the years 1 to 9999
    _refuse_text(written, field)


def _read(text: str, field: str) -> datetime | None:
    """The date and time that a text names, or None where it has none of the forms. Raises ValueError."""
    for form in _WRITTEN:
        if match := form.fullmatch(text):
            parts = match.groupdict()
            numbers = (int(parts[name] or 0) for name in ("day", "hour", "minute", "second"))
            day, *clock = numbers
            month = _MONTHS.index(parts["month"].lower()) + 1
            zone = _zone(text, parts["zone"] or "", parts["offset"] or "", field)
            return datetime(int(parts["year"]), month, day, *clock, tzinfo=zone)
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


def _refuse_text(text: str, field: str) -> NoReturn:
    refuse(f"{shown(text)} is not a date and time that exists", _ADVICE, field=field)
