"""Numbers, days, months and times as English words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth")
_MOST_TIMES = 6
_MOST_DAYS = 10
_MOST_DATES = 3


def listed(items: Iterable[str], conjunction: str = "and") -> str:
    """Return "a", "a and b", "a, b and c"."""
    *before, last = items
    return f"{', '.join(before)} {conjunction} {last}" if before else last


def numbered(number: int) -> str:
    """Return 1 as 1st, -1 as last, -2 as 2nd to last."""
    size = abs(number)
    ending = "th" if 10 < size % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(size % 10, "th")
    if number > 0:
        return f"{size}{ending}"
    return "last" if size == 1 else f"{size}{ending} to last"


def ordinal(number: int) -> str:
    """Return 1 as first, -1 as last, -2 as second to last, and from six on digits."""
    size = abs(number)
    word = _ORDINALS[size] if size < len(_ORDINALS) else numbered(size)
    if number > 0:
        return word
    return "last" if size == 1 else f"{word} to last"


def in_order(numbers: Iterable[int]) -> list[int]:
    """Return those counted from the start first, and those from the end after them."""
    return sorted(numbers, key=lambda number: (number < 0, number))


def month_names(months: Iterable[int], conjunction: str = "and") -> str:
    """Return the months' names, listed."""
    return listed((MONTHS[month - 1] for month in sorted(months)), conjunction)


def monthday_names(days: Iterable[int], conjunction: str = "and") -> str:
    """Return days of a month: the 1st, the last day; or how many there are."""
    days = list(days)
    if len(days) > _MOST_DAYS:
        return f"{len(days)} days"
    names = (f"the {numbered(day)}{' day' if day < 0 else ''}" for day in in_order(days))
    return listed(names, conjunction)


def weekday_names(days: Iterable[tuple[int, int]], conjunction: str = "and", *, article: str = "") -> str:
    """Return weekdays (pairs of nth and day): weekday, Monday and Friday, the first Monday and the last Friday."""
    given = sorted(days, key=lambda pair: (pair[0] < 0, pair[0], pair[1]))
    if given == [(0, day) for day in range(5)]:
        return "weekday"
    if given == [(0, 5), (0, 6)]:
        return "Saturday and Sunday" if conjunction == "and" else "Saturday or Sunday"
    if given == [(0, day) for day in range(7)]:
        return "day"
    return listed(
        (f"{article}{ordinal(nth)} {WEEKDAYS[day]}" if nth else WEEKDAYS[day] for nth, day in given),
        conjunction,
    )


def clock(one: time) -> str:
    """Return 09:00, with seconds where there are any."""
    return one.isoformat("auto" if one.second or one.microsecond else "minutes")


def moment(one: date | datetime) -> str:
    """Return a date, a wall time, or an instant in UTC."""
    if not isinstance(one, datetime):
        return one.isoformat()
    return f"{one.date()} {clock(one.time())}{' UTC' if one.tzinfo else ''}"


def clock_list(times: Sequence[time]) -> str:
    """Return "at 09:00 and 17:00", or how many there are from when to when."""
    if len(times) <= _MOST_TIMES:
        return f"at {listed(map(clock, times))}"
    return f"at {len(times):,} times from {clock(times[0])} to {clock(times[-1])}"


def date_list(dates: Sequence[date | datetime]) -> str:
    """Return dates listed, or how many there are."""
    return listed(map(moment, dates)) if len(dates) <= _MOST_DATES else f"{len(dates):,} dates"


def every(unit: str, interval: int) -> str:
    """Return "every day", "every 2 days"."""
    return f"every {unit}" if interval == 1 else f"every {interval:,} {unit}s"
