"""Dates and times as people write them in lists: ISO 8601 text -> values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from events.timing.refusing import refuse, shown


def read_dates(texts: Iterable[str], *, field: str) -> tuple[date | datetime, ...]:
    """Return what each text means: a date, a wall time (naive), or an instant (in UTC, where it has an offset or Z).

    Raises InvalidRecurrence (with that field) for any other text.
    """
    return tuple(_read(text.strip(), field) for text in texts)


def read_wall_time(text: str, *, field: str) -> datetime:
    """Return a wall time (naive), or an instant in UTC; a date is its midnight. Raises InvalidRecurrence."""
    one = _read(text.strip(), field)
    return one if isinstance(one, datetime) else datetime(one.year, one.month, one.day)  # noqa: DTZ001 - wall time


def _read(text: str, field: str) -> date | datetime:
    try:
        if len(text) <= len("2030-12-24") and "T" not in text.upper():
            return date.fromisoformat(text)
        one = datetime.fromisoformat(text)
    except ValueError:
        refuse(
            f"{shown(text)} is not a date or time that exists",
            "Write it in ISO 8601, such as 2030-12-24 or 2030-12-24T18:00",
            field=field,
        )
    try:
        return one.astimezone(UTC) if one.tzinfo else one
    except OverflowError:
        refuse(
            f"{shown(text)} lies outside the years 1 to 9999", "Choose an instant inside them", field=field
        )
