"""Lengths of time as text: ISO 8601, as in PT8H."""

from __future__ import annotations

import re
from datetime import timedelta

from events.operations.declared.given import refuse
from events.operations.errors import shown

_LENGTH = re.compile(
    r"P(?=.)(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,12})(?:\.(?P<microseconds>\d{1,6}))?S)?)?",
    re.ASCII,
)


def read_length(field: str, text: str) -> timedelta:
    """Return the length; a day has 24 hours. Raises Refusal."""
    match = _LENGTH.fullmatch(text.strip().upper())
    if match is None:
        remedy = "Write it in ISO 8601 with weeks, days, hours, minutes or seconds, such as PT8H or P1DT12H."
        refuse(field, f"{shown(text)} is no length of time", remedy)
    parts = {unit: digits for unit, digits in match.groupdict().items() if digits}
    parts["microseconds"] = parts.get("microseconds", "0").ljust(6, "0")
    try:
        return timedelta(**{unit: int(digits) for unit, digits in parts.items()})
    except OverflowError:
        refuse(field, f"{shown(text)} is too long", "Give a shorter one.")


def write_length(length: timedelta) -> str:
    """Return its text, which reads as the same length. It is not negative."""
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06}".rstrip("0") if length.microseconds else ""
    time = "".join(
        f"{number}{unit}"
        for number, unit in ((hours, "H"), (minutes, "M"), (f"{seconds}{fraction}", "S"))
        if number not in {0, "0"}
    )
    days = f"{length.days}D" if length.days else ""
    return f"P{days}{'T' if time else ''}{time}" if days or time else "PT0S"
