"""How fast rows leave flight, as one sweep sees it: how much of a backlog is claimed at once depends on it."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

# Shorter than this says nothing; longer than this is forgotten.
SHORTEST, LONGEST = timedelta(seconds=2), timedelta(seconds=10)


class Pace:
    """What was claimed and not worked off within its lease would be claimed again, and again: so not more than that."""

    def __init__(self) -> None:
        self._looks: deque[tuple[datetime, int]] = deque()
        self._settled = 0
        self._expected: int | None = None

    def look(self, in_flight: int, now: datetime, *, lapsed: int = 0) -> None:
        """So many rows are in flight at the beginning of a pass; so many left it without having been worked off."""
        if self._expected is not None:
            self._settled += max(self._expected - lapsed - in_flight, 0)
        self._expected = in_flight
        self._looks.append((now, self._settled))
        while now - self._looks[0][0] > LONGEST:
            self._looks.popleft()

    def claimed(self, rows: int) -> None:
        """So many were claimed in that pass."""
        self._expected = (self._expected or 0) + rows

    def rows_within(self, time: timedelta) -> int | None:
        """How many rows would leave flight in so much time; None until that is known."""
        (since, before), (now, after) = self._looks[0], self._looks[-1]
        if now - since < SHORTEST:
            return None
        return int((after - before) * (time / (now - since)))
