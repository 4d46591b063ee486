"""When a rule may fire within one span, asked for many groups of people: what means the same is found once."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from events.planning.anchors import anchor_date
from events.planning.recurrences import LONGEST_EXCESS, openings_of, recurrence_of
from events.timing import Cycle, cycle_of

if TYPE_CHECKING:
    from datetime import datetime

    from events.models import Rule
    from events.planning.recurrences import Opening

# Longer than closed days in a row that a slot is moved over, and than local times lie apart.
FARTHEST_OBSERVED = timedelta(days=70)
MOST_KEPT = 50_000


class Timetable:
    """The moments of a rule with after <= due_at < before, by zone, anchor as written, and leap policy."""

    def __init__(self, rule: Rule, *, after: datetime, before: datetime) -> None:
        self._rule, self._after, self._before = rule, after, before
        self._cycle = cycle_of(recurrence_of(rule, date.min)) if rule.anchor else Cycle()
        self._bound = settled_before(after - (rule.window or timedelta(0)), rule.anchor_offset_days)
        self._start = lru_cache(MOST_KEPT)(self._found_start)
        self._openings = lru_cache(MOST_KEPT)(self._found)

    def openings(self, timezone: str, anchor: str, leap: str) -> tuple[Opening, ...]:
        """The openings of one group of people; none where the rule is anchored on what is no date."""
        start = self._start(anchor) if self._rule.anchor else None
        if self._rule.anchor and start is None:
            return ()
        return self._openings(timezone, start, leap)

    def _found_start(self, anchor: str) -> date | None:
        """The latest date that means the same as an anchor."""
        start = anchor_date(anchor)
        return self._cycle.nearer(start, self._bound) if start else None

    def _found(self, timezone: str, start: date | None, leap: str) -> tuple[Opening, ...]:
        span = {"after": self._after, "before": self._before}
        return tuple(openings_of(self._rule, timezone=timezone, anchor=start, leap=leap, **span))


def settled_before(after: datetime, offset_days: int) -> date:
    """A day before every slot, as it is named before its offset, that may fire from an instant on."""
    try:
        return (after - LONGEST_EXCESS - FARTHEST_OBSERVED - timedelta(days=offset_days)).date()
    except OverflowError:
        return date.min
