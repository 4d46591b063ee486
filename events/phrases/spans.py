"""Lengths of time, and the windows in which something happens at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from events.phrases.clock_times import ClockTime, take_time
from events.phrases.here import Here, midnight, moved
from events.phrases.refusing import refuse
from events.phrases.tokens import ISO_DATE, Words
from events.phrases.vocabulary import DAYS_OF, SECONDS_OF

Amount = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, which may be of the next day."""

    opens: time
    closes: time

    @property
    def length(self) -> timedelta:
        """How long that is by the clock."""
        length = datetime.combine(date.min, self.closes) - datetime.combine(date.min, self.opens)
        return length if length > timedelta(0) else length + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A window that opens once: from a wall time (naive) or instant (UTC) up to before another of its kind.

    `is_period` where it is one like "next week", which alone does not say that the moment is a random one.
    """

    opens: datetime
    closes: datetime
    is_period: bool = False

    def opens_at(self, here: Here) -> datetime:
        """Return the instant at which it opens."""
        return self.opens if self.opens.tzinfo else here.instant_of(self.opens)


def take_hours(words: Words) -> Hours | None:
    """Read "between 9am and 5pm" or "from 9 to 17". Raises InvalidPhrase where the one that is meant is not sure."""
    start = words.at
    joint = {"between": "and", "from": "to"}.get(words.take("between", "from"))
    opens = take_time(words, bare=True) if joint else None
    closes = take_time(words, bare=True) if joint and opens and words.take(joint) else None
    if opens is None or closes is None:
        words.at = start
        return None
    _check_hours(opens, closes, words.said_from(start))
    return Hours(opens.time, closes.time)


def _check_hours(opens: ClockTime, closes: ClockTime, said: str) -> None:
    if opens.has_half != closes.has_half and (opens.is_bare or closes.is_bare):
        refuse(f"{said} has am or pm at one time and not at the other", "Say it at both, or at none")
    if closes.time <= opens.time and (opens.is_bare or closes.is_bare or opens.time == closes.time):
        refuse(
            f"{said} does not end after it begins",
            "Say between 9 and 17, between 9am and 5pm, or between 22:00 and 6:00 for a night",
        )


def take_moments(words: Words) -> Span | None:
    """Read "between 2026-12-24 18:00 and 2026-12-25 at 9:00", each of them in UTC where it says so."""
    start = words.at
    opens = _moment(words) if words.take("between") else None
    closes = _moment(words) if opens and words.take("and") else None
    if opens is None or closes is None:
        words.at = start
        return None
    if (opens.tzinfo is None) != (closes.tzinfo is None) or closes <= opens:
        refuse(
            f"{words.said_from(start)} does not end after it begins", "Give two moments of one zone, in order"
        )
    return Span(opens, closes)


def take_span(words: Words, here: Here) -> Span | None:
    """Read "within 3 days", "in the next hour", "this week", "next month": from now, or from when that begins."""
    return words.try_each(lambda those: _within(those, here), lambda those: _period(those, here))


def take_length(words: Words) -> timedelta | None:
    """Read "at least an hour apart"."""
    start = words.at
    words.take_joint()
    amount = words.take_amount() if words.take("at least") else None
    if amount is None or not words.take("apart"):
        words.at = start
        return None
    number, unit = amount
    if unit not in SECONDS_OF and unit not in DAYS_OF:
        refuse(f"{words.said_from(start)}: {unit}s differ in length", "Give days, hours or minutes")
    return timedelta(days=number * DAYS_OF.get(unit, 0), seconds=number * SECONDS_OF.get(unit, 0))


def day_span(day: date, here: Here) -> Span:
    """Return a whole day, or what is left of it."""
    return span_of(midnight(day), midnight(day + timedelta(days=1)), here)


def _within(words: Words, here: Here) -> Span | None:
    if not words.take("within the next", "in the next", "within"):
        return None
    amount = words.take_amount() or words.look_up(
        {unit: (1, unit) for unit in ("hour", "day", "week", "month", "year")}
    )
    if amount is None:
        return None
    return _until(here.later(*amount), here)


def _period(words: Words, here: Here) -> Span | None:
    today = here.today
    monday = midnight(today - timedelta(days=today.weekday()))
    first = midnight(today.replace(day=1))
    months = [first, *(midnight(moved(first.date(), ahead, "month")) for ahead in (1, 2))]
    week = timedelta(days=7)
    periods = {
        "this week": (monday, monday + week),
        "next week": (monday + week, monday + 2 * week),
        "this weekend": (monday + timedelta(days=5), monday + week),
        "this month": (months[0], months[1]),
        "next month": (months[1], months[2]),
    }
    words.take("in")
    said = words.take(*sorted(periods, key=len, reverse=True))
    return replace(span_of(*periods[said], here), is_period=True) if said else None


def span_of(opens: datetime, closes: datetime, here: Here) -> Span:
    """Return a window of wall time, or what is left of it."""
    return Span(opens, closes) if here.is_ahead(opens) else _until(closes, here)


def _until(closes: datetime, here: Here) -> Span:
    """From now on. Both are wall times where the clock shows now once, and instants otherwise."""
    if closes.tzinfo is not None:
        return Span(here.soonest, closes)
    opens = here.wall_or_instant(here.soonest)
    return Span(opens, here.instant_of(closes) if opens.tzinfo else closes)


def _moment(words: Words) -> datetime | None:
    found = words.match(ISO_DATE)
    clock = take_time(words) if found else None
    if found is None or clock is None:
        return None
    try:
        wall = datetime.combine(date(*map(int, found.groups())), clock.time)
    except ValueError:
        refuse(f"{found[0]} is not in the calendar", "Name a day that its month has")
    return wall.replace(tzinfo=UTC) if words.take("utc") else wall
