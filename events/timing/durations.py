"""ISO 8601 durations -> `Rule`: hours and less in elapsed time, days and more in wall time."""

from __future__ import annotations

import re
from functools import lru_cache

from events.timing.refusing import refuse, shown
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule

LONGEST_INTERVAL = 999_999_999
_DURATION = re.compile(
    r"P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(?P<time>T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def rule_of_duration(text: str) -> Rule:
    """Return the rule that repeats after an ISO 8601 duration: PT30M, PT36H, P1D, P2W, P1M, P1Y6M.

    Hours, minutes and seconds are exact. Days and weeks, and months and years, count in wall time from DTSTART
    (never from the one before, so nothing drifts); a day that a month lacks goes by the leap policy.
    Raises InvalidRecurrence (field "every") for anything else, and for a mix of these three.
    """
    match = _DURATION.fullmatch(text.strip().upper()) if len(text) <= 60 else None
    if not match or text.strip().upper().endswith(("P", "T")):
        refuse(
            f"{shown(text)} is not a duration",
            "Use ISO 8601 with whole numbers, such as PT30M, P1D, P2W, P1M or P1Y",
            field="every",
        )
    years, months, weeks, days, _, hours, minutes, seconds = (
        int(part) if part and part.isdecimal() else 0 for part in match.groups()
    )
    given = {
        Freq.MONTHLY: 12 * years + months,
        Freq.DAILY: 7 * weeks + days,
        Freq.SECONDLY: 3600 * hours + 60 * minutes + seconds,
    }
    freq, interval = _only(text, given)
    larger, size = {Freq.MONTHLY: (Freq.YEARLY, 12), Freq.DAILY: (Freq.WEEKLY, 7)}.get(freq, (freq, 1))
    return Rule(freq, interval) if interval % size else Rule(larger, interval // size)


def _only(text: str, given: dict[Freq, int]) -> tuple[Freq, int]:
    found = [(freq, size) for freq, size in given.items() if size]
    if not found:
        refuse(f"{shown(text)} is no time at all", "Give a duration above zero", field="every")
    if len(found) > 1:
        refuse(
            f"{shown(text)} mixes months, days and hours, which are not of one length",
            "Use one of the three: P1Y6M for months, P10D for days, PT36H for elapsed time",
            field="every",
        )
    if found[0][1] > LONGEST_INTERVAL:
        refuse(f"{shown(text)} is too long", f"Keep it to {LONGEST_INTERVAL:,} seconds", field="every")
    return found[0]
