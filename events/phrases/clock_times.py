"""Times of day: "at 9", "9am", "17:30", "noon"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from events.phrases.refusing import refuse
from events.phrases.tokens import Words
from events.phrases.vocabulary import VAGUE_TIMES
from events.timing.refusing import shown

NAMED_TIMES = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_TIME = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)?(?:(a|p)\.?m\.?)?", re.ASCII)
_HALVES = {"am": "a", "a.m.": "a", "a.m": "a", "pm": "p", "p.m.": "p", "p.m": "p"}


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day; `is_bare` where neither minutes nor am or pm were said, `has_half` where am or pm were."""

    time: time
    is_bare: bool = False
    has_half: bool = False


def take_time(words: Words, *, bare: bool = False) -> ClockTime | None:
    """Read a time of day. A number alone is one only after "at", or where `bare` says so.

    Raises InvalidPhrase for one that the clock does not have, and for "in the morning", which names none.
    """
    _refuse_vague(words)
    start = words.at
    after_at = bool(words.take("at", "@", "um"))
    named = words.look_up(NAMED_TIMES)
    if named is not None:
        return ClockTime(named)
    found = words.match(_TIME)
    if found:
        half = found[4] or words.look_up(_HALVES) or ""
        is_hour = bool(words.take("o'clock", "uhr"))
        _refuse_vague(words)
        if after_at or bare or is_hour or half or found[2]:
            return _clock_time(words, start, found, half)
    words.at = start
    return None


def _refuse_vague(words: Words) -> None:
    start = words.at
    words.take("at", "in the", "in", "this")
    if words.next in VAGUE_TIMES:
        refuse(
            f"{shown(words.next)} is no time of day",
            "Say which hour, such as 8am, 14:00 or tomorrow at 20:00",
        )
    words.at = start


def _clock_time(words: Words, start: int, found: re.Match[str], half: str) -> ClockTime:
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    lowest, highest = (1, 12) if half else (0, 23)
    if not lowest <= hour <= highest or minute > 59 or second > 59:
        remedy = "Say 00:00 with the day that it begins" if found[0] == "24:00" else "Say 9am, 17:30 or noon"
        refuse(f"{words.said_from(start)} is not a time of day", remedy)
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return ClockTime(time(hour, minute, second), not (found[2] or half), bool(half))
