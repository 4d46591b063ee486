"""Closed days: weekends, holidays, and what becomes of a slot that falls on one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from events.timing.refusing import refuse

MOST_CLOSED = 10_000
# A slot is moved over so many closed days at most; beyond them it is skipped.
MOST_MOVED = 31
_DAY = timedelta(days=1)


class Roll(StrEnum):
    """What becomes of a slot on a closed day."""

    SKIP = "skip"
    PREVIOUS = "previous"
    NEXT = "next"


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """Days that are closed, weekdays that always are (Monday is 0), and what becomes of slots on them."""

    closed: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset()
    roll: Roll = Roll.SKIP

    def is_open(self, day: date) -> bool:
        """Return whether slots of that day stay where they are."""
        return day.weekday() not in self.weekend and day not in self.closed

    def observed(self, day: date) -> date | None:
        """Return the open day that a day's slots fire on, or None where they are skipped.

        That is the day itself, or the nearest open one in the direction of `roll`, 31 days away at most.
        """
        if self.is_open(day):
            return day
        if self.roll is Roll.SKIP:
            return None
        return next(filter(self.is_open, _walk(day, 1 if self.roll is Roll.NEXT else -1)), None)

    def reach(self, first: date, last: date) -> tuple[date, date]:
        """Return the span of days whose slots may fire between `first` and `last`, all included."""
        if self.roll is Roll.NEXT:
            first = self._furthest_closed(first, -1)
        elif self.roll is Roll.PREVIOUS:
            last = self._furthest_closed(last, 1)
        return first, last

    def check(self) -> None:
        """Refuse (InvalidRecurrence, field "business_days") what leaves no day open, or is too much."""
        if len(self.closed) > MOST_CLOSED:
            refuse(
                f"the calendar has {len(self.closed):,} closed days",
                f"Keep it to {MOST_CLOSED:,}",
                field="business_days",
            )
        if len(self.weekend) > 6 or not self.weekend <= set(range(7)):
            refuse(
                "the weekend leaves no weekday open, or names one that there is not",
                "Give six weekdays at most, from 0 (Monday) to 6 (Sunday)",
                field="business_days",
            )

    def _furthest_closed(self, day: date, step: int) -> date:
        for one in _walk(day, step):
            if self.is_open(one):
                break
            day = one
        return day


def _walk(day: date, step: int) -> Iterator[date]:
    """The next days in one direction, as far as slots are moved and the calendar goes."""
    for _ in range(MOST_MOVED):
        if day in {date.min, date.max}:
            return
        day += step * _DAY
        yield day
