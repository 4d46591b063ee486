"""The closed vocabulary of phrases: every word that has a meaning of its own, in lower case."""

from __future__ import annotations

from events.timing.word_parts import MONTHS as MONTH_NAMES
from events.timing.word_parts import WEEKDAYS as WEEKDAY_NAMES

# Monday is 0, January is 1.
WEEKDAYS: dict[str, int] = {
    **{name.lower(): number for number, name in enumerate(WEEKDAY_NAMES)},
    **{name.lower()[:3]: number for number, name in enumerate(WEEKDAY_NAMES)},
    "tues": 1,
    "weds": 2,
    "thur": 3,
    "thurs": 3,
}
WEEKDAYS_EACH: dict[str, int] = {f"{name.lower()}s": number for number, name in enumerate(WEEKDAY_NAMES)}
MONTHS: dict[str, int] = {
    **{name.lower(): number for number, name in enumerate(MONTH_NAMES, 1)},
    **{name.lower()[:3]: number for number, name in enumerate(MONTH_NAMES, 1)},
    "sept": 9,
}
ORDINALS: dict[str, int] = {
    **dict.fromkeys(("first", "1st"), 1),
    **dict.fromkeys(("second", "2nd"), 2),
    **dict.fromkeys(("third", "3rd"), 3),
    **dict.fromkeys(("fourth", "4th"), 4),
    **dict.fromkeys(("fifth", "5th"), 5),
    "last": -1,
}
_COUNTED = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBERS: dict[str, int] = {"a": 1, "an": 1, **{word: number for number, word in enumerate(_COUNTED, 1)}}
UNITS: dict[str, str] = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), "second"),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), "minute"),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h"), "hour"),
    **dict.fromkeys(("day", "days", "d"), "day"),
    **dict.fromkeys(("week", "weeks", "w"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("quarter", "quarters"), "quarter"),
    **dict.fromkeys(("year", "years"), "year"),
}
SECONDS_OF = {"second": 1, "minute": 60, "hour": 3_600}
DAYS_OF = {"day": 1, "week": 7}
MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}

VAGUE_TIMES = frozenset(
    {"morning", "afternoon", "evening", "night", "tonight", "lunchtime", "dawn", "dusk", "soon", "later"}
)
# Words at which a part of a phrase begins, and so what was not understood before them ends.
OPENERS = frozenset(
    {
        ",",
        "at",
        "@",
        "um",
        "in",
        "on",
        "every",
        "each",
        "between",
        "from",
        "until",
        "till",
        "starting",
        "beginning",
    }
    | {
        "counted",
        "within",
        "some",
        "sometime",
        "once",
        "twice",
        "today",
        "tomorrow",
        "yesterday",
        "next",
        "this",
    }
    | {"noon", "midday", "midnight", "daily", "weekdays", *WEEKDAYS, *WEEKDAYS_EACH}
)
