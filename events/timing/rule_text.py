"""RFC 5545 recurrence rule text -> `Rule`: every part checked, and every refusal says what would be right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from events.timing.refusing import refuse, shown
from events.timing.rule_parts import PARTS, Freq
from events.timing.walltime import Leap

LONGEST_TEXT = 2_000
MOST_TIMES_A_DAY = 1_440
_PARTS_REMEDY = f"Use {', '.join(PARTS)} as NAME=value, joined by semicolons"


# Compared by identity: `parse` gives one object per text, and the caches that are keyed by it stay fast.
@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A parsed RRULE: its parts with Python's weekdays (Monday is 0), () and 0 where absent."""

    freq: Freq
    interval: int = 1
    count: int = 0
    until: datetime | None = None
    wkst: int = 0
    bysecond: tuple[int, ...] = ()
    byminute: tuple[int, ...] = ()
    byhour: tuple[int, ...] = ()
    byday: tuple[tuple[int, int], ...] = ()
    bymonthday: tuple[int, ...] = ()
    byyearday: tuple[int, ...] = ()
    byweekno: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    rscale: str = ""
    skip: Leap | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it has no BY part but BYSETPOS."""
        return not (
            self.bysecond
            or self.byminute
            or self.byhour
            or self.byday
            or self.bymonthday
            or self.byyearday
            or self.byweekno
            or self.bymonth
        )


@lru_cache(maxsize=4096)
def parse(text: str) -> Rule:
    """Return the rule that an RRULE value says. Source: RFC 5545, 3.3.10; RSCALE and SKIP: RFC 7529, 4.

    An UNTIL with Z is an aware instant, without Z a local wall time, and a date the end of that day.
    Raises InvalidRecurrence (field "rrule").
    """
    parts = _split(text)
    if "FREQ" not in parts:
        refuse(f"{shown(text)} has no FREQ", "Start with one, such as FREQ=DAILY")
    values = {PARTS[name][0]: _value(name, value) for name, value in parts.items()}
    rule = Rule(**values)  # type: ignore[arg-type]
    _check_together(rule)
    return rule


def period_of(text: str) -> str:
    """Return the period of which an RRULE names one moment ("year", "month", "week", "day"), or "" if there is none.

    There is none where it names several moments in a period, or goes by hours and less. An empty rule has none.
    Raises InvalidRecurrence.
    """
    rule = parse(text) if text and "\n" not in text else None
    if rule is None or rule.freq.is_elapsed or not rule.is_plain:
        return ""
    return {Freq.YEARLY: "year", Freq.MONTHLY: "month", Freq.WEEKLY: "week", Freq.DAILY: "day"}[rule.freq]


def _split(text: str) -> dict[str, str]:
    if len(text) > LONGEST_TEXT:
        refuse(f"the rule has {len(text):,} characters", f"Keep it to {LONGEST_TEXT:,}")
    body = text.strip().upper().removeprefix("RRULE:")
    if "\n" in body or "\r" in body or "DTSTART" in body:
        refuse(
            f"{shown(text)} is more than one RRULE value",
            "Give DTSTART in its own field and the rule on one line",
        )
    parts: dict[str, str] = {}
    for part in body.split(";"):
        name, _, value = part.partition("=")
        if name not in PARTS:
            refuse(f"{shown(part)} is not a part of an RRULE", _PARTS_REMEDY)
        if name in parts:
            refuse(
                f"{name} is given twice",
                "Give each part once, with its values joined by commas",
            )
        parts[name] = value
    return parts


def _value(name: str, value: str) -> object:
    try:
        return PARTS[name][1](value)
    except (ValueError, KeyError):
        refuse(f"{name}={shown(value)} is not valid", f"{name} takes {PARTS[name][2]}")


def _check_together(rule: Rule) -> None:
    for is_broken, problem, remedy in _MUSTS:
        if is_broken(rule):
            refuse(problem.format(freq=rule.freq.name), remedy)
    times = max(1, len(rule.byhour)) * max(1, len(rule.byminute)) * max(1, len(rule.bysecond))
    if times > MOST_TIMES_A_DAY and not rule.freq.is_elapsed:
        refuse(
            f"the rule has {times:,} times a day",
            f"Keep it to {MOST_TIMES_A_DAY:,}, or use FREQ=SECONDLY",
        )


def _has_ordinal(rule: Rule) -> bool:
    return any(nth for nth, _ in rule.byday)


# The MUSTs of RFC 5545, 3.3.10, that concern two parts at once.
_MUSTS: tuple[tuple[Callable[[Rule], object], str, str], ...] = (
    (
        lambda rule: rule.count and rule.until,
        "COUNT and UNTIL exclude each other",
        "Keep one of them",
    ),
    (
        lambda rule: rule.byweekno and rule.freq is not Freq.YEARLY,
        "BYWEEKNO needs FREQ=YEARLY",
        "Change FREQ or leave it out",
    ),
    (
        lambda rule: rule.byyearday and Freq.MONTHLY <= rule.freq <= Freq.DAILY,
        "BYYEARDAY does not go with FREQ={freq}",
        "Use FREQ=YEARLY",
    ),
    (
        lambda rule: rule.bymonthday and rule.freq is Freq.WEEKLY,
        "BYMONTHDAY does not go with FREQ=WEEKLY",
        "Use FREQ=MONTHLY or FREQ=DAILY",
    ),
    (
        lambda rule: rule.freq > Freq.MONTHLY and _has_ordinal(rule),
        "an ordinal in BYDAY does not go with FREQ={freq}",
        "Use FREQ=MONTHLY or FREQ=YEARLY, or the weekday alone",
    ),
    (
        lambda rule: rule.byweekno and _has_ordinal(rule),
        "an ordinal in BYDAY does not go with BYWEEKNO",
        "Use the weekday alone",
    ),
    (
        lambda rule: rule.bysetpos and rule.is_plain,
        "BYSETPOS has no BY part to choose from",
        "Add one, such as BYDAY=MO,TU,WE,TH,FR",
    ),
)
