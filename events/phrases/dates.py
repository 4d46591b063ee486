"""Days: "tomorrow", "next friday", "24 december", "2026-12-24", "the 15th"."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NoReturn

from events.phrases.here import LAST_YEAR, Here
from events.phrases.other_dates import read_date
from events.phrases.refusing import refuse
from events.phrases.tokens import ISO_DATE, Words
from events.phrases.vocabulary import MONTHS, WEEKDAYS
from events.timing.word_parts import WEEKDAYS as WEEKDAY_NAMES
from events.timing.word_parts import clock

_YEAR = re.compile(r"\d{4}", re.ASCII)
_DAY_NUMBER = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?", re.ASCII)
_WEEK = timedelta(days=7)
# From the leap day of 2096 to the next one, of 2104.
_YEARS_OF_LEAP_DAYS = 9


@dataclass(frozen=True, slots=True)
class Day:
    """A day that was said: the first of `dates` that still lies ahead, with its time of day.

    Where none does, `again` has the days to name instead.
    """

    said: str
    dates: tuple[date, ...]
    again: tuple[date, ...] = ()

    def at(self, moment: time, here: Here) -> datetime:
        """Return the wall time. Raises InvalidPhrase for one that is past, with the next that is possible."""
        ahead = self._ahead(lambda day: here.is_ahead(datetime.combine(day, moment)))
        if ahead not in self.dates:
            self._refuse_past(f" at {clock(moment)}", ahead)
        return datetime.combine(ahead, moment)

    def on(self, here: Here) -> date:
        """Return the date, today or later. Raises InvalidPhrase for a past one, with the next that is possible."""
        ahead = self._ahead(lambda day: day >= here.today)
        if ahead not in self.dates:
            self._refuse_past("", ahead)
        return ahead

    def _ahead(self, is_ahead: Callable[[date], bool]) -> date:
        # Far in the past where there is none: no day that is said can be.
        return next(filter(is_ahead, (*self.dates, *self.again)), date.min)

    def _refuse_past(self, at: str, ahead: date) -> NoReturn:
        remedy = "Name a day that is to come" if ahead == date.min else f"The next one is {ahead}{at}"
        refuse(f"{self.said}{at} is past", remedy)


def take_day(words: Words, here: Here) -> Day | None:
    """Read a day. Raises InvalidPhrase for one that the calendar does not have."""
    start = words.at
    words.take("on")
    day = (
        _relative(words, start, here)
        or _iso(words, start, here)
        or _weekday(words, start, here)
        or _date(words, start, here)
        or _monthday(words, start, here)
    )
    if day is None:
        words.at = start
    return day


def take_other_date(words: Words, here: Here) -> Day | None:
    """Read a date in digits or in another language, as far as it can only mean one day."""
    start = words.at
    found = read_date(words.take_unread())
    if found is None:
        words.at = start
        return None
    return _dated(words, start, here, *found)


def take_month_and_day(words: Words) -> tuple[int, int] | None:
    """Read "24 december", "the 24th of december" or "december 24th" as month and day, which may not exist."""
    start = words.at
    words.take("the")
    month = words.look_up(MONTHS)
    day = words.match(_DAY_NUMBER)
    if month is None and day:
        words.take("of")
        month = words.look_up(MONTHS)
    if month is None or day is None:
        words.at = start
        return None
    return month, int(day[1])


def is_date(year: int, month: int, day: int) -> bool:
    """Return whether the calendar has that day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _relative(words: Words, start: int, here: Here) -> Day | None:
    distances = {
        "today": 0,
        "tomorrow": 1,
        "the day after tomorrow": 2,
        "day after tomorrow": 2,
        "yesterday": -1,
    }
    said = words.take(*distances)
    if not said:
        return None
    today = here.today
    days = tuple(today + timedelta(days=ahead) for ahead in (1, 2))
    return Day(words.said_from(start), (today + timedelta(days=distances[said]),), days)


def _iso(words: Words, start: int, here: Here) -> Day | None:
    found = words.match(ISO_DATE)
    return _dated(words, start, here, *map(int, found.groups())) if found else None


def _weekday(words: Words, start: int, here: Here) -> Day | None:
    """Read a weekday, alone or with the week that it is in or the date that it is."""
    before = words.at
    which = words.take("next week", "this week", "next", "this")
    if which.endswith("week"):
        words.take("on")
    weekday = words.look_up(WEEKDAYS)
    if weekday is None:
        words.at = before
        return None
    dated = None if which else _dated_after_weekday(words, here)
    if dated:
        return _agreeing(dated, weekday)
    return _day_of_week(words, start, which or words.take("next week", "this week"), weekday, here.today)


def _day_of_week(words: Words, start: int, which: str, weekday: int, today: date) -> Day:
    said = words.said_from(start)
    this_week = today + timedelta(days=weekday - today.weekday())
    if which == "next week":
        return Day(said, (this_week + _WEEK,))
    if which in {"this", "this week"}:
        return Day(said, (this_week,), (this_week + _WEEK,))
    if which == "next":
        return Day(said, (this_week + _WEEK if weekday <= today.weekday() else this_week,))
    first = this_week if weekday >= today.weekday() else this_week + _WEEK
    return Day(said, (first, first + _WEEK))


def _dated_after_weekday(words: Words, here: Here) -> Day | None:
    before = words.at
    words.take(",")
    middle = words.at
    dated = _iso(words, middle, here) or _date(words, middle, here)
    if dated is None:
        words.at = before
    return dated


def _agreeing(day: Day, weekday: int) -> Day:
    """A date whose weekday was said too: those of its days that fall on it."""
    right = day.dates[0]
    if not any(one.weekday() == weekday for one in day.dates):
        name = WEEKDAY_NAMES[weekday]
        refuse(f"{day.said} is not a {name}", f"{right} is a {WEEKDAY_NAMES[right.weekday()]}")
    return Day(day.said, tuple(one for one in day.dates if one.weekday() == weekday), day.again)


def _date(words: Words, start: int, here: Here) -> Day | None:
    found = take_month_and_day(words)
    if found is None:
        return None
    middle = words.at
    words.take(",")
    year = words.match(_YEAR)
    if year is None:
        words.at = middle
    return _dated(words, start, here, int(year[0]) if year else None, *found)


def _dated(words: Words, start: int, here: Here, year: int | None, month: int, day: int) -> Day:
    said = words.said_from(start)
    yearly = tuple(_each_year(here.today, month, day))
    if year is None and yearly:
        return Day(said, yearly)
    if year is None or not is_date(year, month, day):
        refuse(f"{said} is not in the calendar", "Name a day that its month has")
    if year > LAST_YEAR:
        refuse(f"{said} is beyond the calendar", f"Stay before the year {LAST_YEAR}")
    return Day(said, (date(year, month, day),), yearly)


def _each_year(today: date, month: int, day: int) -> Iterator[date]:
    years = range(today.year, today.year + _YEARS_OF_LEAP_DAYS)
    return (date(year, month, day) for year in years if is_date(year, month, day))


def _monthday(words: Words, start: int, here: Here) -> Day | None:
    """Read "the 15th", of the next month that has it."""
    words.take("the")
    day = words.take_ordinal()
    if day is None or words.next in WEEKDAYS:
        return None
    months = (here.today.year * 12 + here.today.month - 1 + ahead for ahead in range(4))
    found = tuple(date(m // 12, m % 12 + 1, day) for m in months if is_date(m // 12, m % 12 + 1, day))
    if not found:
        refuse(f"{words.said_from(start)} is no day of a month", "Say a day from 1st to 31st")
    return Day(words.said_from(start), found)
