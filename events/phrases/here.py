"""Where and when a phrase is said, and what lies ahead of that."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from events.phrases.refusing import refuse
from events.phrases.vocabulary import DAYS_OF, MONTHS_OF, SECONDS_OF
from events.timing import Fold, Gap, OutOfRange, resolve, zone

_SECOND = timedelta(seconds=1)
# So far from the calendar's end that no zone leads over it.
LAST_YEAR = 9_990


@dataclass(frozen=True, slots=True)
class Here:
    """An instant (aware) and the canonical name of a zone."""

    now: datetime
    timezone: str

    @property
    def tz(self) -> ZoneInfo:
        """The zone."""
        return zone(self.timezone)

    @property
    def today(self) -> date:
        """The local date."""
        return self.now.astimezone(self.tz).date()

    @property
    def soonest(self) -> datetime:
        """The first whole second (UTC) that is not before now."""
        instant = self.now.astimezone(UTC)
        return instant if not instant.microsecond else instant.replace(microsecond=0) + _SECOND

    def instant_of(self, wall: datetime) -> datetime:
        """The instant of a wall time: after a gap, the first of a fold. Raises InvalidPhrase beyond the calendar."""
        try:
            return resolve(wall, self.tz, gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at
        except OutOfRange as error:
            refuse(str(error.facts["problem"]), str(error.facts["remedy"]))

    def is_ahead(self, wall: datetime) -> bool:
        """Whether a wall time is not past."""
        return self.instant_of(wall) >= self.now

    def wall_or_instant(self, instant: datetime) -> datetime:
        """The naive wall time of an instant (UTC), or the instant itself where that wall time is another one's."""
        wall = instant.astimezone(self.tz).replace(tzinfo=None, fold=0)
        return wall if self.instant_of(wall) == instant else instant

    def later(self, number: int, unit: str) -> datetime:
        """The wall time (naive) or instant (UTC) that lies so many units from now.

        Hours and less are elapsed time and give an instant; days and more keep the time of day.
        """
        if unit in SECONDS_OF:
            return self.soonest + timedelta(seconds=number * SECONDS_OF[unit])
        local = self.soonest.astimezone(self.tz)
        return datetime.combine(moved(local.date(), number, unit), local.time())


def moved(day: date, number: int, unit: str) -> date:
    """Return the day so many days, weeks, months, quarters or years after another.

    Raises InvalidPhrase where the month that is met has no such day, and beyond the calendar.
    """
    months = day.year * 12 + day.month - 1 + number * MONTHS_OF.get(unit, 0)
    year, month = months // 12, months % 12 + 1
    days = number * DAYS_OF.get(unit, 0)
    if year + days // 365 > LAST_YEAR:
        refuse(f"{number:,} {unit}s from now is beyond the calendar", f"Stay before the year {LAST_YEAR}")
    if day.day > monthrange(year, month)[1]:
        refuse(f"{year}-{month:02} has no day {day.day}", "Name the day, such as 2026-12-31")
    return day.replace(year=year, month=month) + timedelta(days=days)


def midnight(day: date) -> datetime:
    """Return the beginning of a day as wall time."""
    return datetime.combine(day, time())
