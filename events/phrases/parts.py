"""The parts of a phrase, in whatever order: each word belongs to one of them, and each of them is said once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta
from itertools import pairwise

from events.phrases.clock_times import take_time
from events.phrases.dates import Day, take_day, take_other_date
from events.phrases.here import Here
from events.phrases.positions import take_months
from events.phrases.refusing import EXAMPLES, refuse
from events.phrases.repeats import Repeat, take_a_day, take_repeat, within_months
from events.phrases.spans import Amount, Hours, Span, take_hours, take_length, take_moments, take_span
from events.phrases.tokens import Words, counted
from events.timing import UnknownZone, canonical_zone
from events.timing.refusing import shown
from events.timing.zone_hints import ABBREVIATIONS

_DATE_IN_DIGITS = re.compile(r"\d{1,4}[./-]\d", re.ASCII)
_RANDOM = ("some time", "sometime", "at some time", "at a random moment", "at a random time")


@dataclass
class Parts:
    """What was said; None or "" where it was not."""

    clock: time | None = None
    day: Day | None = None
    delay: Amount | None = None
    repeat: Repeat | None = None
    hours: Hours | None = None
    span: Span | None = None
    start: Day | None = None
    until: Day | None = None
    until_clock: time | None = None
    draws: int | None = None
    spacing: timedelta | None = None
    timezone: str = ""
    is_random: bool = False
    # The time of day, or that of the end, was said in UTC.
    is_utc: bool = False
    until_is_utc: bool = False


class PartReader:
    """Reads the words of one phrase into its parts."""

    def __init__(self, words: Words, here: Here) -> None:
        self._words = words
        self._here = here
        self.parts = Parts()

    def read(self) -> Parts:
        """Return the parts. Raises InvalidPhrase for what is not understood, or is said twice."""
        readers = (
            self._joint,
            self._repeat,
            self._months,
            self._day,
            self._span,
            self._random,
            self._hours,
            self._delay,
            self._start,
            self._until,
            self._times,
            self._spacing,
            self._time,
            self._zone,
            self._other_date,
        )
        while not self._words.are_read:
            if not any(reader() for reader in readers):
                self._refuse_unread()
        return self.parts

    def _keep(self, name: str, value: object) -> bool:
        """Keep a part that was read, if it was."""
        if value is None:
            return False
        if getattr(self.parts, name) is not None:
            refuse(f"the phrase says {_NAMES[name]} twice", "Say it once, or make a phrase of each")
        setattr(self.parts, name, value)
        return True

    def _joint(self) -> bool:
        return bool(self._words.take(","))

    def _repeat(self) -> bool:
        return self._keep("repeat", take_repeat(self._words))

    def _months(self) -> bool:
        start, repeat = self._words.at, self.parts.repeat
        months = take_months(self._words) if repeat else ()
        if repeat and months:
            self.parts.repeat = within_months(repeat, months, self._words.said_from(start))
        return bool(months)

    def _span(self) -> bool:
        return self._keep("span", take_moments(self._words) or take_span(self._words, self._here))

    def _random(self) -> bool:
        words, start = self._words, self._words.at
        said = words.take(*_RANDOM)
        number = words.take_number() if not said and words.take("at") else None
        if not said and not (number and words.take("random")):
            words.at = start
            return False
        if number and words.take("moments", "times"):
            self._keep("draws", counted(number))
        self.parts.is_random = True
        return True

    def _hours(self) -> bool:
        return self._keep("hours", take_hours(self._words))

    def _delay(self) -> bool:
        start = self._words.at
        amount = self._words.take_amount() if self._words.take("in") else None
        if amount is None:
            self._words.at = start
        return self._keep("delay", amount)

    def _start(self) -> bool:
        words, start = self._words, self._words.at
        word = words.take("starting from", "starting", "beginning", "counted from", "from")
        day = self._any_day() if word else None
        if day is None and word in {"starting", "starting from", "beginning"} and take_time(words):
            # "starting at 9": on the first day on which that is still to come. The time is a part of its own.
            words.at = start + len(word.split())
            today = self._here.today
            day = Day(shown(word), (today, today + timedelta(days=1)))
        if day is None:
            words.at = start
        return self._keep("start", day)

    def _until(self) -> bool:
        words, start, parts = self._words, self._words.at, self.parts
        day = self._any_day() if words.take("until", "till") else None
        if day is None:
            words.at = start
            return False
        if parts.clock or parts.hours or (parts.repeat and parts.repeat.is_elapsed):
            clock = take_time(words)
            parts.until_clock = clock.time if clock else None
            parts.until_is_utc = bool(clock and words.take("utc"))
        return self._keep("until", day)

    def _any_day(self) -> Day | None:
        return take_day(self._words, self._here) or take_other_date(self._words, self._here)

    def _times(self) -> bool:
        if not self._keep("draws", self._words.take_times()):
            return False
        a_day = take_a_day(self._words)
        return a_day is None or self._keep("repeat", a_day)

    def _spacing(self) -> bool:
        return self._keep("spacing", take_length(self._words))

    def _day(self) -> bool:
        return self._keep("day", take_day(self._words, self._here))

    def _time(self) -> bool:
        clock = take_time(self._words)
        if clock is None:
            return False
        self.parts.is_utc = bool(self._words.take("utc"))
        return self._keep("clock", clock.time)

    def _zone(self) -> bool:
        words = self._words
        if not words.take("in"):
            return False
        start = words.at
        if words.next[:1].isdecimal():
            words.at -= 1
            return False
        if words.are_read:
            refuse("'in' has no zone or time after it", EXAMPLES)
        if self.parts.timezone:
            refuse("the phrase says its zone twice", "Say it once")
        self.parts.timezone = _zone_named(words.take_unread())
        words.at = start + 1
        return True

    def _other_date(self) -> bool:
        return self._keep("day", take_other_date(self._words, self._here))

    def _refuse_unread(self) -> None:
        unread = self._words.take_unread()
        first = unread.split(" ", 1)[0]
        if first.upper() in ABBREVIATIONS:
            refuse(f"{shown(first)} is an abbreviation, not a zone", f"Say in {ABBREVIATIONS[first.upper()]}")
        if _DATE_IN_DIGITS.match(first):
            refuse(
                f"{shown(unread)} may mean two dates, or none", "Write it as 2026-12-24 or 24 december 2026"
            )
        refuse(f"{shown(unread)} was not understood", EXAMPLES)


def zone_said(words: Words) -> str:
    """Return the canonical zone that stands after an "in", or "". Days and times are read where it is."""
    names = (after for before, after in pairwise(words.given) if before.lower() == "in")
    return next(filter(None, map(_zone_or_none, names)), "")


def _zone_or_none(name: str) -> str:
    try:
        return canonical_zone(name)
    except UnknownZone:
        return ""


def _zone_named(name: str) -> str:
    """The canonical zone that a run of words begins with."""
    known = _zone_or_none(name.split(" ", 1)[0])
    if known:
        return known
    try:
        return canonical_zone(name)
    except UnknownZone as error:
        refuse(str(error.facts["problem"]), str(error.facts["remedy"]))


_NAMES = {
    "clock": "a time of day",
    "day": "a day",
    "delay": "how far away",
    "repeat": "how often",
    "hours": "between which hours",
    "span": "within which time",
    "start": "where to start",
    "until": "until when",
    "draws": "how many times",
    "spacing": "how far apart",
}
