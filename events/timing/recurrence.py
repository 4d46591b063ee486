"""What recurs, under which policies, and what comes of it: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from events.timing.business_days import BusinessDays
from events.timing.walltime import Fold, Gap, Leap


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A recurrence set: DTSTART, what repeats from it on, and days or times put in and left out.

    `dtstart` is naive wall time; in UTC (aware) it is an instant, for "once" and for hours and less.
    Repeated by an RRULE value and `more_rrules`, or by a `cron` expression, or `every` ISO 8601 duration; by none
    of them: once. COUNT counts what its RRULE names, before anything is put in or left out.
    `offset_days` moves what these give by whole days. `rdates` are put in (a date: at DTSTART's time of day).
    `exdates` are left out, as a slot (after the offset; both passes of it), a date (all slots of that local day)
    or an instant. `business_days` then moves or skips what falls on a closed day.
    """

    dtstart: datetime
    rrule: str = ""
    offset_days: int = 0
    more_rrules: tuple[str, ...] = ()
    rdates: tuple[date | datetime, ...] = ()
    exdates: tuple[date | datetime, ...] = ()
    cron: str = ""
    every: str = ""
    business_days: BusinessDays | None = None

    @property
    def rrules(self) -> tuple[str, ...]:
        """All RRULE values of it."""
        return (self.rrule, *self.more_rrules) if self.rrule else self.more_rrules


@dataclass(frozen=True, slots=True)
class Policies:
    """What happens where the calendar or the clock has no such time, or has it twice."""

    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST
    leap: Leap = Leap.OMIT


# Of a firing's note, in characters.
LONGEST_NOTE = 200


# A tuple, since there are many: it is made in a third of the time.
class Firing(NamedTuple):
    """One slot as an instant.

    `slot` is the naive nominal wall time after leap policy and offset, `fold` the pass of it (0 or 1),
    `due_at` the instant in UTC, and `note` says why they differ from the plain reading, or is "".
    """

    slot: datetime
    fold: int
    due_at: datetime
    note: str


DEFAULT_POLICIES = Policies()
