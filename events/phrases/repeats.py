"""What repeats: "every weekday", "every 2 weeks on friday", "every first monday", "monthly on the 15th"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from events.phrases.dates import is_date, take_month_and_day
from events.phrases.positions import (
    EVERY,
    FIRST_DAY,
    Positions,
    take_months,
    take_position_list,
    take_weekday_list,
)
from events.phrases.refusing import refuse
from events.phrases.tokens import Words, counted
from events.phrases.vocabulary import MONTHS, UNITS, WEEKDAYS, WEEKDAYS_EACH
from events.timing.rule_parts import Freq

_WORKING = ("weekday", "working day", "workday", "business day")
_WORKINGS = ("weekdays", "working days", "workdays", "business days")
_WORKING_DAYS = Positions(weekdays=((0, 0), (0, 1), (0, 2), (0, 3), (0, 4)))
_WEEKEND = Positions(weekdays=((0, 5), (0, 6)))
_FREQ = {
    "second": Freq.SECONDLY,
    "minute": Freq.MINUTELY,
    "hour": Freq.HOURLY,
    "day": Freq.DAILY,
    "week": Freq.WEEKLY,
    "month": Freq.MONTHLY,
    "quarter": Freq.MONTHLY,
    "year": Freq.YEARLY,
}
_ADVERBS = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annually": "year",
}
_QUESTION = 'Say which, such as "{example}"'


@dataclass(frozen=True, slots=True)
class Repeat:
    """How often, and on which days: an RRULE without its end."""

    freq: Freq
    interval: int = 1
    on: Positions = EVERY

    @property
    def is_elapsed(self) -> bool:
        """Whether it counts in hours or less."""
        return self.freq.is_elapsed

    def rrule(self, until: str = "") -> str:
        """Return the RRULE value, with its UNTIL where one is given."""
        parts = [f"FREQ={self.freq.name}"]
        if self.interval > 1:
            parts.append(f"INTERVAL={self.interval}")
        return ";".join([*parts, *self.on.parts(), *([f"UNTIL={until}"] if until else [])])


def take_repeat(words: Words) -> Repeat | None:
    """Read what repeats. Raises InvalidPhrase where it does not say on which days, or names ones that there are not."""
    start = words.at
    repeat = words.try_each(_every, _adverb, _plural, _of_every_month)
    if repeat is None:
        return None
    months = take_months(words)
    if months:
        repeat = within_months(repeat, months, words.said_from(start))
    return _checked(repeat, words.said_from(start))


def take_a_day(words: Words) -> Repeat | None:
    """Read "a day" or "per working day", as it follows on how many times."""
    start = words.at
    repeat = _single(words) if words.take("a", "per") else None
    if repeat is None:
        words.at = start
        return None
    return _checked(repeat, words.said_from(start))


def _every(words: Words) -> Repeat | None:
    if not words.take("every", "each"):
        return None
    if words.take("other"):
        return _with_interval(words, 2)
    return words.try_each(_counted, _in_month, _single, _on_date)


def _counted(words: Words) -> Repeat | None:
    number = words.take_number()
    repeat = _with_interval(words, number) if number is not None else None
    return replace(repeat, interval=counted(repeat.interval)) if repeat else None


def _with_interval(words: Words, interval: int) -> Repeat | None:
    weekdays = take_weekday_list(words, WEEKDAYS)
    if weekdays and len(weekdays) < 7:
        return Repeat(Freq.WEEKLY, interval, Positions(weekdays=weekdays))
    unit = words.look_up(UNITS)
    return _each(words, unit, interval) if unit else None


def _single(words: Words) -> Repeat | None:
    """What follows "every" where nothing is counted."""
    if words.take(*_WORKING):
        return Repeat(Freq.WEEKLY, on=_WORKING_DAYS)
    if words.take("weekend"):
        return Repeat(Freq.WEEKLY, on=_WEEKEND)
    return _with_interval(words, 1)


def _adverb(words: Words) -> Repeat | None:
    unit = words.look_up(_ADVERBS)
    return _each(words, unit, 1) if unit else None


def _plural(words: Words) -> Repeat | None:
    """Read "weekdays", "on mondays and thursdays"."""
    words.take("on")
    if words.take(*_WORKINGS):
        return Repeat(Freq.WEEKLY, on=_WORKING_DAYS)
    if words.take("weekends"):
        return Repeat(Freq.WEEKLY, on=_WEEKEND)
    weekdays = take_weekday_list(words, WEEKDAYS_EACH)
    return Repeat(Freq.WEEKLY, on=Positions(weekdays=weekdays)) if weekdays else None


def _each(words: Words, unit: str, interval: int) -> Repeat | None:
    """What repeats by a unit: which days of it follow."""
    start = words.at
    words.take(",")
    reader = _DAYS_OF_UNIT.get(unit)
    on = reader(words) if reader and words.take("on") else None
    if on is None:
        words.at = start
    if unit == "quarter":
        on = (on or FIRST_DAY).of_quarter()
        if interval > 1:
            refuse(
                f"every {interval} quarters has no one reading",
                f'Say "every {interval * 3} months on the 1st"',
            )
    return Repeat(_FREQ[unit], interval, on or EVERY)


def _days_of_week(words: Words) -> Positions | None:
    if words.take(*_WORKINGS, *_WORKING):
        return _WORKING_DAYS
    weekdays = take_weekday_list(words, {**WEEKDAYS, **WEEKDAYS_EACH})
    return Positions(weekdays=weekdays) if weekdays else None


def _days_of_year(words: Words) -> Positions | None:
    found = take_month_and_day(words)
    return Positions(months=(found[0],), monthdays=(found[1],)) if found else take_position_list(words)


_DAYS_OF_UNIT: dict[str, Callable[[Words], Positions | None]] = {
    "week": _days_of_week,
    "month": take_position_list,
    "quarter": take_position_list,
    "year": _days_of_year,
}


def _in_month(words: Words) -> Repeat | None:
    """Read "first monday", "last friday of the month", "15th", "last day of each month"."""
    start = words.at
    on = take_position_list(words)
    if on is None or (on.monthdays and (take_months(words) or words.next in MONTHS)):
        return None  # a date of the year
    said = words.said_from(start)[1:-1]
    months = take_months(words)
    if months:
        return Repeat(Freq.MONTHLY, on=replace(on, months=months))
    repeat = _of_month_or_quarter(words, on)
    if repeat:
        return repeat
    counted = on.of_these or tuple(nth for nth, _ in on.weekdays) or on.monthdays * said.endswith("day")
    if len(counted) == 1 and counted[0] not in {1, -1}:
        refuse(
            f"'every {said}' may be one of each month, or one in so many",
            f'Say "every {said} of the month", "every other …" or "every 3 weeks on …"',
        )
    return Repeat(Freq.MONTHLY, on=on)


def _of_month_or_quarter(words: Words, on: Positions) -> Repeat | None:
    if words.take("of the month", "of every month", "of each month"):
        return Repeat(Freq.MONTHLY, on=on)
    if words.take("of the quarter", "of every quarter", "of each quarter"):
        return Repeat(Freq.MONTHLY, on=on.of_quarter())
    return None


def _on_date(words: Words) -> Repeat | None:
    """Read "24 december": every year."""
    found = take_month_and_day(words)
    return Repeat(Freq.YEARLY, on=Positions(months=(found[0],), monthdays=(found[1],))) if found else None


def _of_every_month(words: Words) -> Repeat | None:
    """Read "on the 15th of every month"."""
    words.take("on")
    on = take_position_list(words)
    if on is None or not words.take("of") or words.next not in {"every", "each"}:
        return None
    words.at -= 1
    return _of_month_or_quarter(words, on)


def within_months(repeat: Repeat, months: tuple[int, ...], said: str) -> Repeat:
    """Return what repeats in these months alone. Raises InvalidPhrase where it has its own, or counts hours or less."""
    if repeat.on.months or repeat.is_elapsed:
        refuse(f"the months of {said} do not go with what repeats", "Leave them out")
    return replace(repeat, on=replace(repeat.on, months=months))


def _checked(repeat: Repeat, said: str) -> Repeat:
    on = repeat.on
    if repeat.freq is Freq.WEEKLY and not on.weekdays:
        refuse(f"{said} does not say on which day", _QUESTION.format(example="every week on monday at 9:00"))
    if repeat.freq is Freq.MONTHLY and not on.days_are_named:
        refuse(
            f"{said} does not say on which day", _QUESTION.format(example="every month on the 15th at 9:00")
        )
    if repeat.freq is Freq.YEARLY and not (on.days_are_named and on.months):
        refuse(
            f"{said} does not say on which date",
            _QUESTION.format(example="every year on 24 december at 9:00"),
        )
    if (
        on.months
        and on.monthdays
        and not any(is_date(2000, m, abs(d)) for m in on.months for d in on.monthdays)
    ):
        refuse(f"{said} names a day that the calendar does not have", "Name a day that its month has")
    return repeat
