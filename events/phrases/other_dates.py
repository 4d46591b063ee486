"""Dates in digits or in German, read by dateparser and believed only where it cannot have guessed.

dateparser fills what is missing from the present day, passes over words, and takes the order of day and month for
granted. So each date is read on two days and in both orders, and again without each of its words: what is not the
same in the first four, or no other in the last, is not a date.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dateparser.date import DateDataParser  # type: ignore[import-untyped]  # it has no types

LANGUAGES = ["en", "de"]
_LONGEST, _MOST_WORDS = 40, 6
# A day and a month at least, in digits or words; nothing that is a time, a zone or arithmetic.
_DATE_LIKE = re.compile(r"(?=\D*\d)(?:\d{1,4}|[^\W\d_]{2,12})(?:[./ -]+(?:\d{1,4}|[^\W\d_]{2,12}))+\.?")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)", re.ASCII)
_BASES = (datetime(2024, 1, 17), datetime(2027, 10, 9))  # noqa: DTZ001 - any two will do, if day, month and year differ
_ORDERS = ("DMY", "MDY")


def read_date(text: str) -> tuple[int | None, int, int] | None:
    """Return the year (None where none was said), month and day; None where the text may mean no date, or two."""
    if len(text) > _LONGEST or not _DATE_LIKE.fullmatch(text):
        return None
    found = _reading(text)
    words = re.split(r"[./ -]+", text.rstrip("."))
    if found is None or len(words) > _MOST_WORDS:
        return None
    without_one = (" ".join(words[:n] + words[n + 1 :]) for n in range(len(words)))
    return None if any(_reading(part) == found for part in without_one) else found


def _reading(text: str) -> tuple[int | None, int, int] | None:
    """The date that all readings agree on."""
    found = [_parsed(text, base, order) for base in _BASES for order in _ORDERS]
    dates = [one for one in found if one is not None]
    if len(dates) < len(found) or len({(one.month, one.day) for one in dates}) > 1:
        return None
    year = _YEAR.search(text)
    years = {one.year for one in dates}
    if year:
        return (int(year[0]), dates[0].month, dates[0].day) if years == {int(year[0])} else None
    return (None, dates[0].month, dates[0].day) if len(years) > 1 else None


def _parsed(text: str, base: datetime, order: str) -> date | None:
    found = _parser(base, order).get_date_data(text)
    return found.date_obj.date() if found.date_obj and found.period == "day" else None


@cache
def _parser(base: datetime, order: str) -> DateDataParser:
    # Imported when it is needed: it takes longer than all else here together.
    from dateparser.date import DateDataParser

    return DateDataParser(
        languages=LANGUAGES,
        try_previous_locales=False,
        settings={
            "RELATIVE_BASE": base,
            "DATE_ORDER": order,
            "PARSERS": ["absolute-time"],
            "REQUIRE_PARTS": ["day", "month"],
            "PREFER_DATES_FROM": "future",
            "RETURN_TIME_AS_PERIOD": True,
            "RETURN_AS_TIMEZONE_AWARE": False,
            "TIMEZONE": "UTC",
        },
    )
