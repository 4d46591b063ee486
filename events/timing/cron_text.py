"""Cron expressions -> `Cron`: five fields, names, macros, and the letters L, W and #."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NoReturn

from events.timing.days import Kind
from events.timing.refusing import refuse, shown

LONGEST_CRON = 500
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MACROS = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_ITEM = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d{1,4}))?", re.ASCII)
_NEAREST = re.compile(r"(\d{1,2})W", re.ASCII)
_NTH = re.compile(r"(\w+)#(\d{1,4})", re.ASCII)
_LAST = re.compile(r"(\w+)L", re.ASCII)


# Compared by identity: `parse_cron` gives one object per text, which keeps the days of each kind of month.
@dataclass(frozen=True, slots=True, eq=False)
class Cron:
    """A parsed expression. Weekdays are Python's (Monday is 0), in pairs with their nth in the month.

    The nth is 0 for each and -1 for the last. A day of the month that is -1 is the last; `nearest` are those
    of which the nearest weekday (Monday to Friday) counts.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    monthdays: frozenset[int]
    nearest: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    either_day: bool
    has_minute_rhythm: bool
    kept: dict[Kind, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_every_hour(self) -> bool:
        """Whether all hours of a day are alike to it."""
        return len(self.hours) == 24


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    def numbers(self, text: str) -> frozenset[int]:
        return frozenset(number for item in text.split(",") for number in self.item(item))

    def item(self, item: str) -> range:
        match = _ITEM.fullmatch(item)
        if not match or (match[1] == "*" and match[2]):
            self.refuse(item)
        first, last, step = match.groups()
        if first == "*":
            low, high = self.low, self.high
        else:
            low = self.number(first)
            high = self.number(last, ends=True) if last else self.high if step else low
        size = int(step or 1)
        if low > high or not 1 <= size <= self.high - self.low + 1:
            self.refuse(item)
        return range(low, high + 1, size)

    def number(self, text: str, *, ends: bool = False) -> int:
        if text in self.names:
            found = self.names.index(text) + self.first_name
            # A range may end on Sunday, which begins the week under its name alone.
            return 7 if ends and self.names is _WEEKDAYS and found == 0 else found
        if not text.isdecimal() or len(text) > 2 or not self.low <= int(text) <= self.high:
            self.refuse(text)
        return int(text)

    def refuse(self, item: str) -> NoReturn:
        takes = f"{self.low}-{self.high}" + (f", {self.names[0]}-{self.names[-1]}" if self.names else "")
        refuse(
            f"{shown(item)} is not valid as {self.name}",
            f"Use * or {takes}, ranges a-b, steps */n no longer than the field, joined by commas",
            field="cron",
        )


_MINUTE = _Field("minutes", 0, 59)
_HOUR = _Field("hours", 0, 23)
_MONTHDAY = _Field("days of the month (also L, LW, 15W)", 1, 31)
_MONTH = _Field("months", 1, 12, _MONTHS, 1)
_WEEKDAY = _Field("days of the week (also MON#2, 5L)", 0, 7, _WEEKDAYS)


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Return what a cron expression says. Raises InvalidRecurrence (field "cron").

    Days of the month and of the week are alternatives where neither begins with `*`, else both must hold
    (as in the cron of Debian).
    """
    minute, hour, monthday, month, weekday = _split(text)
    monthdays, nearest = _monthdays(monthday)
    return Cron(
        minutes=tuple(sorted(_MINUTE.numbers(minute))),
        hours=tuple(sorted(_HOUR.numbers(hour))),
        months=_MONTH.numbers(month),
        monthdays=monthdays,
        nearest=nearest,
        weekdays=_weekdays(weekday),
        either_day=monthday[0] != "*" != weekday[0],
        has_minute_rhythm="*" in minute or "/" in minute,
    )


def _split(text: str) -> list[str]:
    if len(text) > LONGEST_CRON:
        refuse(f"the expression has {len(text):,} characters", f"Keep it to {LONGEST_CRON}", field="cron")
    body = text.strip().upper()
    if body.startswith("@") and body not in _MACROS:
        refuse(f"{shown(text)} is not known", f"Use one of {', '.join(_MACROS).lower()}", field="cron")
    parts = _MACROS.get(body, body).split()
    if len(parts) != 5:
        refuse(
            f"{shown(text)} has {len(parts)} fields",
            "Give five: minute, hour, day of the month, month, day of the week",
            field="cron",
        )
    return parts


def _monthdays(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """The days of the month, and those whose nearest weekday counts."""
    days: set[int] = set()
    nearest: set[int] = set()
    for item in text.split(","):
        match = _NEAREST.fullmatch(item)
        if item == "L":
            days.add(-1)
        elif item == "LW":
            nearest.add(-1)
        elif match:
            nearest.add(_MONTHDAY.number(match[1]))
        else:
            days.update(_MONTHDAY.item(item))
    return frozenset(days), frozenset(nearest)


def _weekdays(text: str) -> frozenset[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for item in text.split(","):
        nth, last = _NTH.fullmatch(item), _LAST.fullmatch(item)
        if nth:
            if not 1 <= int(nth[2]) <= 5:
                _WEEKDAY.refuse(item)
            found.add((int(nth[2]), _python_weekday(_WEEKDAY.number(nth[1]))))
        elif last:
            found.add((-1, _python_weekday(_WEEKDAY.number(last[1]))))
        else:
            found.update((0, _python_weekday(number)) for number in _WEEKDAY.item(item))
    return frozenset(found)


def _python_weekday(number: int) -> int:
    return (number - 1) % 7
