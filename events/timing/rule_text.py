"""RFC 5545 recurrence rule text -> `Rule`: every part checked, and every refusal says what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import IntEnum
from functools import lru_cache
from typing import NoReturn

from events.errors import InvalidField

LONGEST_TEXT = 2_000
MOST_TIMES_A_DAY = 1_440
_LONGEST_SHOWN = 60
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_WEEKDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)


class InvalidRecurrence(InvalidField):
    """{field}: {problem}. {remedy}"""


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


# Compared by identity: `parse` gives one object per text, and the caches that are keyed by it stay fast.
@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A parsed RRULE: its parts with Python's weekdays (Monday is 0), () and 0 where absent."""

    freq: Freq
    interval: int = 1
    count: int = 0
    until: datetime | None = None
    wkst: int = 0
    bysecond: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    byhour: tuple[int, ...] = ()
    byday: tuple[tuple[int, int], ...] = ()
    bymonthday: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it has no BY part but BYSETPOS."""
        return not (
            self.bysecond
            or self.byminute
            or self.byhour
            or self.byday
            or self.bymonthday
            or self.byyearday
            or self.byweekno
            or self.bymonth
        )


def refuse(problem: str, remedy: str, *, field: str = "rrule") -> NoReturn:
    """Raise InvalidRecurrence."""
    raise InvalidRecurrence(field=field, problem=problem, remedy=remedy)


@lru_cache(maxsize=4096)
def parse(text: str) -> Rule:
    """Return the rule that an RRULE value says. Source: RFC 5545, 3.3.10.

    An UNTIL with Z is an aware instant, without Z a local wall time, and a date the end of that day.
    Raises InvalidRecurrence (field "rrule").
    """
    parts = _split(text)
    if "FREQ" not in parts:
        refuse(f"{_shown(text)} has no FREQ", "Start with one, such as FREQ=DAILY")
    values = {_PARTS[name][0]: _value(name, value) for name, value in parts.items()}
    rule = Rule(**values)  # type: ignore[arg-type]
    _check_together(rule)
    return rule


def _split(text: str) -> dict[str, str]:
    if len(text) > LONGEST_TEXT:
        refuse(f"the rule has {len(text):,} characters", f"Keep it to {LONGEST_TEXT:,}")
    body = text.strip().upper().removeprefix("RRULE:")
    if "\n" in body or "\r" in body or "DTSTART" in body:
        refuse(
            f"{_shown(text)} is more than one RRULE value",
            "Give DTSTART in its own field and the rule on one line",
        )
    parts: dict[str, str] = {}
    for part in body.split(";"):
        name, _, value = part.partition("=")
        if name not in _PARTS:
            refuse(f"{_shown(part)} is not a part of an RRULE", _part_remedy(name))
        if name in parts:
            refuse(
                f"{name} is given twice",
                "Give each part once, with its values joined by commas",
            )
        parts[name] = value
    return parts


def _part_remedy(name: str) -> str:
    if name in {"SKIP", "RSCALE"}:
        return "Choose the leap policy of the rule in its place"
    return f"Use {', '.join(_PARTS)} as NAME=value, joined by semicolons"


def _value(name: str, value: str) -> object:
    try:
        return _PARTS[name][1](value)
    except (ValueError, KeyError):
        refuse(f"{name}={_shown(value)} is not valid", f"{name} takes {_PARTS[name][2]}")


def _integer(low: int, high: int, *, signed: bool = False) -> Callable[[str], int]:
    def read(value: str) -> int:
        number = int(value) if _NUMBER.fullmatch(value) else 0
        if not _NUMBER.fullmatch(value) or not low <= (abs(number) if signed else number) <= high:
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


_MOST = 999_999_999
_PARTS: dict[str, tuple[str, Callable[[str], object], str]] = {
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
}


def _check_together(rule: Rule) -> None:
    """The MUSTs of RFC 5545, 3.3.10, that concern two parts at once, and the bound on times a day."""
    freq = rule.freq
    ordinal = any(nth for nth, _ in rule.byday)
    times = max(1, len(rule.byhour)) * max(1, len(rule.byminute)) * max(1, len(rule.bysecond))
    broken = (
        (
            rule.count and rule.until,
            "COUNT and UNTIL exclude each other",
            "Keep one of them",
        ),
        (
            rule.byweekno and freq is not Freq.YEARLY,
            "BYWEEKNO needs FREQ=YEARLY",
            "Change FREQ or leave it out",
        ),
        (
            rule.byyearday and Freq.MONTHLY <= freq <= Freq.DAILY,
            f"BYYEARDAY does not go with FREQ={freq.name}",
            "Use FREQ=YEARLY",
        ),
        (
            rule.bymonthday and freq is Freq.WEEKLY,
            "BYMONTHDAY does not go with FREQ=WEEKLY",
            "Use FREQ=MONTHLY or FREQ=DAILY",
        ),
        (
            ordinal and freq > Freq.MONTHLY,
            f"an ordinal in BYDAY does not go with FREQ={freq.name}",
            "Use FREQ=MONTHLY or FREQ=YEARLY, or the weekday alone",
        ),
        (
            ordinal and rule.byweekno,
            "an ordinal in BYDAY does not go with BYWEEKNO",
            "Use the weekday alone",
        ),
        (
            rule.bysetpos and rule.is_plain,
            "BYSETPOS has no BY part to choose from",
            "Add one, such as BYDAY=MO,TU,WE,TH,FR",
        ),
        (
            times > MOST_TIMES_A_DAY and not freq.is_elapsed,
            f"the rule has {times:,} times a day",
            f"Keep it to {MOST_TIMES_A_DAY:,}, or use FREQ=SECONDLY",
        ),
    )
    for is_broken, problem, remedy in broken:
        if is_broken:
            refuse(problem, remedy)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}...")
