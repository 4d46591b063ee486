"""How fast rows leave flight, as a sweeping process sees it: how much is claimed at once may depend on it.

What is claimed and not worked off within its lease lapses and is claimed again: work for nothing, and two rows of the
log each time. This is a memory of speed alone; nothing that is promised rests on it.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import NamedTuple

# A question that took long is asked again after so many times as long.
REST = 20
# Shorter than this says nothing; longer than this is forgotten.
SHORTEST, LONGEST = timedelta(seconds=2), timedelta(seconds=10)


class Look(NamedTuple):
    """How many rows had been worked off by an instant, and how many claims had lapsed since the look before it."""

    at: datetime
    settled: int
    lapsed: int


class Pace:
    """The looks of the last ten seconds."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()
        self._expected = 0
        self._ask_again_at: datetime | None = None

    def may_ask(self, now: datetime) -> bool:
        """Whether to ask again who waits for the end of another row: a twentieth of the time at most is spent so."""
        return self._ask_again_at is None or now >= self._ask_again_at

    def asked(self, began: datetime, ended: datetime) -> None:
        """It was asked from one instant to another."""
        self._ask_again_at = ended + REST * (ended - began)

    def look(self, in_flight: int, now: datetime, *, lapsed: int = 0) -> None:
        """So many rows are in flight as a pass begins; so many claims lapsed since the last."""
        settled = self._looks[-1].settled if self._looks else 0
        settled += max(self._expected - lapsed - in_flight, 0)
        self._looks.append(Look(now, settled, lapsed))
        self._expected = in_flight
        while now - self._looks[0].at > LONGEST:
            self._looks.popleft()

    def claimed(self, rows: int) -> None:
        """So many were claimed in that pass."""
        self._expected += rows

    def rows_within(self, time: timedelta) -> int | None:
        """How many rows would leave flight in so much time; None until that is known."""
        first, last = self._looks[0], self._looks[-1]
        if last.at - first.at < SHORTEST:
            return None
        return int((last.settled - first.settled) * (time / (last.at - first.at)))

    @property
    def has_lapses(self) -> bool:
        """Whether claims have lapsed lately."""
        return any(look.lapsed for look in self._looks)
