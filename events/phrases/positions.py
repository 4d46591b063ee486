"""Days within a period: "the 15th and the last day", "first monday", "friday and sunday", "in january"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from events.phrases.refusing import refuse
from events.phrases.tokens import Words
from events.phrases.vocabulary import MONTHS, ORDINALS, WEEKDAYS

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WORKING_WEEK = tuple((0, day) for day in range(5))
_FIRST_MONTHS, _LAST_MONTHS = (1, 4, 7, 10), (3, 6, 9, 12)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Positions:
    """The BY parts of a rule: weekdays as pairs of nth (0: each) and day (Monday is 0), days, months, positions."""

    weekdays: tuple[tuple[int, int], ...] = ()
    monthdays: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    of_these: tuple[int, ...] = ()

    @property
    def days_are_named(self) -> bool:
        """Whether it says which days."""
        return bool(self.weekdays or self.monthdays)

    def of_quarter(self) -> Positions:
        """Return these days of each quarter: in its last month if they are counted from the end, else in its first."""
        counted = (*self.monthdays, *self.of_these, *(nth for nth, _ in self.weekdays))
        if min(counted) < 0 < max(counted):
            refuse("days from both ends of a quarter are in different months", "Make a phrase of each")
        return replace(self, months=_LAST_MONTHS if min(counted) < 0 else _FIRST_MONTHS)

    def parts(self) -> list[str]:
        """Return them as parts of an RRULE."""
        named = {
            "BYMONTH": map(str, self.months),
            "BYMONTHDAY": map(str, self.monthdays),
            "BYDAY": (f"{nth or ''}{_CODES[day]}" for nth, day in self.weekdays),
            "BYSETPOS": map(str, self.of_these),
        }
        joined = {name: ",".join(values) for name, values in named.items()}
        return [f"{name}={value}" for name, value in joined.items() if value]


EVERY, FIRST_DAY = Positions(), Positions(monthdays=(1,))


def take_weekday_list(words: Words, table: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    """Read "monday, wednesday and friday", in the order of the week; () where none comes."""
    found = _listed(words, lambda: words.look_up(table))
    return tuple((0, day) for day in sorted(set(found)))


def take_months(words: Words) -> tuple[int, ...]:
    """Read "in january and july" or "of january"; () where no month comes."""
    start = words.at
    found = _listed(words, lambda: words.look_up(MONTHS)) if words.take("in", "of") else []
    if not found:
        words.at = start
    return tuple(sorted(set(found)))


def take_position_list(words: Words) -> Positions | None:
    """Read days of a month: "the 1st and 15th", "last day", "first and third monday", "last weekday"."""
    found = _listed(words, lambda: words.try_each(_nth, _numbered))
    if not found:
        return None
    together = Positions(
        weekdays=tuple(sorted({day for one in found for day in one.weekdays}, key=_in_order)),
        monthdays=tuple(sorted({day for one in found for day in one.monthdays}, key=lambda n: (n < 0, n))),
        of_these=tuple(sorted(n for one in found for n in one.of_these)),
    )
    if (together.weekdays and together.monthdays) or (together.of_these and len(found) > 1):
        refuse("one phrase has days of several kinds", "Make a phrase of each")
    return together


def _in_order(pair: tuple[int, int]) -> tuple[bool, int, int]:
    return pair[0] < 0, pair[0], pair[1]


def _nth(words: Words) -> Positions | None:
    """Read "first day", "first and third monday", "last weekday"."""
    words.take("the")
    ordinals = tuple(_listed(words, lambda: words.look_up(ORDINALS)))
    if not ordinals:
        return None
    if words.take("day"):
        return Positions(monthdays=ordinals)
    if words.take("weekday", "working day", "workday", "business day"):
        return Positions(weekdays=_WORKING_WEEK, of_these=ordinals)
    weekday = words.look_up(WEEKDAYS)
    return None if weekday is None else Positions(weekdays=tuple((nth, weekday) for nth in ordinals))


def _numbered(words: Words) -> Positions | None:
    """Read "the 15th"."""
    start = words.at
    words.take("the")
    number = words.take_ordinal()
    if number is None:
        return None
    if not 1 <= number <= 31:
        refuse(f"{words.said_from(start)} is no day of a month", "Say a day from 1st to 31st")
    words.take("day")
    return Positions(monthdays=(number,))


def _listed(words: Words, take_one: Callable[[], _Item | None]) -> list[_Item]:
    """Read items that are joined by commas and "and"."""
    found: list[_Item] = []
    while True:
        start = words.at
        if found and not words.take_joint():
            return found
        item = take_one()
        if item is None:
            words.at = start
            return found
        found.append(item)
