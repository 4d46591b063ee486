"""The parts of an RRULE and how the value of each is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time
from enum import IntEnum

from events.timing.walltime import Leap

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_WEEKDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


class Freq(IntEnum):
    """RFC 5545 frequencies, coarse to fine; from HOURLY on they advance in elapsed time."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3
    HOURLY = 4
    MINUTELY = 5
    SECONDLY = 6

    @property
    def is_elapsed(self) -> bool:
        """Whether it advances in elapsed time, not in wall time."""
        return self >= Freq.HOURLY


def _integer(low: int, high: int, *, signed: bool = False) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not _NUMBER.fullmatch(value):
            raise ValueError(value)
        number = int(value)
        if not low <= (abs(number) if signed else number) <= high:
            raise ValueError(value)
        return number

    return read


def _integers(low: int, high: int, *, signed: bool = False) -> Callable[[str], tuple[int, ...]]:
    read = _integer(low, high, signed=signed)
    return lambda value: tuple(sorted({read(item) for item in value.split(",")}))


def _weekdays(value: str) -> tuple[tuple[int, int], ...]:
    """Pairs of (nth, weekday), with 0 for every such weekday."""
    found = set()
    for item in value.split(","):
        match = _WEEKDAY.fullmatch(item)
        if not match or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise ValueError(item)
        found.add((int(match[1] or 0), _WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _until(value: str) -> datetime:
    match = _UNTIL.fullmatch(value)
    if not match:
        raise ValueError(value)
    day, clock, zulu = match.groups()
    if clock is None:
        return datetime.combine(datetime.fromisoformat(day), time.max)
    wall = datetime.fromisoformat(f"{day}T{clock}")
    return wall.replace(tzinfo=UTC) if zulu else wall


def _rscale(value: str) -> str:
    if value != "GREGORIAN":
        raise ValueError(value)
    return value


_MOST = 999_999_999
# Name -> the field of Rule, the reader of its value (ValueError or KeyError if it is wrong), and what it takes.
PARTS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "FREQ": (
        "freq",
        lambda value: Freq[value],
        f"one of {', '.join(Freq.__members__)}",
    ),
    "INTERVAL": ("interval", _integer(1, _MOST), f"a whole number from 1 to {_MOST}"),
    "COUNT": ("count", _integer(1, _MOST), f"a whole number from 1 to {_MOST}"),
    "UNTIL": (
        "until",
        _until,
        "a date such as 20301231, a local time 20301231T090000 or an instant 20301231T090000Z",
    ),
    "WKST": ("wkst", _WEEKDAYS.index, f"one of {', '.join(_WEEKDAYS)}"),
    "BYSECOND": ("bysecond", _integers(0, 59), "seconds from 0 to 59"),
    "BYMINUTE": ("byminute", _integers(0, 59), "minutes from 0 to 59"),
    "BYHOUR": ("byhour", _integers(0, 23), "hours from 0 to 23"),
    "BYDAY": (
        "byday",
        _weekdays,
        "weekdays such as MO,FR, or with an ordinal from 1 to 53 such as 2TU or -1FR",
    ),
    "BYMONTHDAY": (
        "bymonthday",
        _integers(1, 31, signed=True),
        "days from 1 to 31, or -1 (last) to -31",
    ),
    "BYYEARDAY": (
        "byyearday",
        _integers(1, 366, signed=True),
        "days from 1 to 366, or -1 (last) to -366",
    ),
    "BYWEEKNO": (
        "byweekno",
        _integers(1, 53, signed=True),
        "weeks from 1 to 53, or -1 (last) to -53",
    ),
    "BYMONTH": ("bymonth", _integers(1, 12), "months from 1 to 12"),
    "BYSETPOS": (
        "bysetpos",
        _integers(1, 366, signed=True),
        "positions from 1 to 366, or -1 (last) to -366",
    ),
    "RSCALE": ("rscale", _rscale, "GREGORIAN alone"),
    "SKIP": ("skip", lambda value: Leap[value], f"one of {', '.join(Leap.__members__)}"),
}
