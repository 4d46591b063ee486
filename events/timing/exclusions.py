"""EXDATE: what is left out of a recurrence set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from events.timing.recurrence import Firing


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Whole local days, wall times (every pass of them), and instants."""

    days: frozenset[date] = frozenset()
    walls: frozenset[datetime] = frozenset()
    instants: frozenset[datetime] = frozenset()

    def has_slot(self, slot: datetime) -> bool:
        """Return whether a nominal slot is left out."""
        return slot in self.walls or slot.date() in self.days

    def kept(self, found: Iterable[Firing]) -> Iterator[Firing]:
        """Yield the firings that are not left out."""
        return (one for one in found if one.due_at not in self.instants and not self.has_slot(one.slot))


@lru_cache(maxsize=1024)
def exclusions(exdates: tuple[date | datetime, ...]) -> Exclusions | None:
    """Return what the EXDATEs leave out, or None for nothing."""
    times = [one for one in exdates if isinstance(one, datetime)]
    if not exdates:
        return None
    return Exclusions(
        days=frozenset(one for one in exdates if not isinstance(one, datetime)),
        walls=frozenset(one.replace(fold=0) for one in times if one.tzinfo is None),
        instants=frozenset(one.astimezone(UTC) for one in times if one.tzinfo is not None),
    )
