"""When a rule fires, as one English sentence: what its recurrence says, for whomever and in whose time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from events.errors import InvalidField
from events.models import GIVEN_ROLES, EveryFrom
from events.planning import policies_of, recurrence_of
from events.queries.words import UNITS
from events.timing import Leap, Roll, in_words
from events.timing.durations import rule_of_duration
from events.timing.rule_parts import Freq
from events.timing.rule_text import parse
from events.timing.word_parts import clock, date_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.models import Rule
    from events.timing import Policies, Recurrence
    from events.timing.rule_text import Rule as Repetition

# Stand for the zone and for an entity's own date until the sentence is whole.
HOME = "\N{OBJECT REPLACEMENT CHARACTER}"
SOME_DAY = date(2000, 1, 31)
SOME_DAY_IN_WORDS = "31 January"
ONE_TIME = re.compile(rf" at (\d\d:\d\d(?::\d\d)?) in {HOME}")
ONCE = re.compile(rf"once, on (\d\S+) at (\S+) in {HOME}")
STEPS = {
    Freq.YEARLY: "year",
    Freq.MONTHLY: "month",
    Freq.WEEKLY: "week",
    Freq.DAILY: "day",
}
LEAPS = {
    Leap.BACKWARD: "29 February on the 28th",
    Leap.FORWARD: "29 February on 1 March",
    Leap.OMIT: "29 February in leap years alone",
}
ROLLS = {
    Roll.SKIP: "not on closed days of {name}",
    Roll.PREVIOUS: "from closed days of {name} moved to the open day before",
    Roll.NEXT: "from closed days of {name} moved to the next open day",
}
DAY = timedelta(days=1)


def when_in_words(rule: Rule) -> str:
    """The one sentence about a rule's time: "every first Monday at 09:00 in each person's zone; in the spring gap …".

    A recurrence that cannot be read stands for itself. The rule has a start date or an anchor.
    """
    return "; ".join(_clauses(rule))


def when_in_brief(rule: Rule) -> str:
    """The sentence's first clause, without what becomes of odd days and nights."""
    return _clauses(rule)[0]


def _clauses(rule: Rule) -> list[str]:
    try:
        said = [_what(rule), *_policies(rule)]
    except InvalidField:
        written = rule.rrule or rule.cron or rule.every
        said = [f"{written} at {clock(rule.local_time)}" if rule.local_time else written]
    home = _home(rule)
    return [clause.replace(HOME, home) for clause in said]


def _home(rule: Rule) -> str:
    if rule.timezone or rule.entity is not None:
        return rule.timezone or rule.entity.timezone  # type: ignore[union-attr]  # one of the two is there
    return f"each {rule.audience_kind or 'person'}'s zone"


def _what(rule: Rule) -> str:
    if rule.role in GIVEN_ROLES:
        return f"whenever one of its {rule.role} says"
    if rule.every_from == EveryFrom.COMPLETION:
        start = f"{rule.start_date} {clock(rule.local_time or time.min)}"
        return (
            f"{_step(rule.every)} after the end of the one before, the first counted from {start} in {HOME}"
        )
    recurrence, policies = _recurrence(rule), policies_of(rule, "")
    what = _anchored(rule, recurrence, policies) if rule.anchor else _spoken(recurrence, policies)[0]
    return _at_random(rule, what) if rule.window else what


def _recurrence(rule: Rule) -> Recurrence:
    """The rule's recurrence; one that starts from each entity's own date has some day, without its offset."""
    if not rule.anchor:
        return recurrence_of(rule, None)
    return replace(recurrence_of(rule, SOME_DAY), offset_days=0)


def _spoken(recurrence: Recurrence, policies: Policies, timezone: str = HOME) -> list[str]:
    return in_words(recurrence, policies, timezone=timezone).split("; ")


def _policies(rule: Rule) -> Iterator[str]:
    """What becomes of missing days, odd nights and closed days."""
    if rule.every_from == EveryFrom.COMPLETION or rule.role in GIVEN_ROLES:
        return
    recurrence, policies = _recurrence(rule), policies_of(rule, "")
    if rule.anchor:
        yield from _anchored_policies(rule, recurrence, policies)
    for clause in _spoken(recurrence, policies, "UTC" if _home(rule) == "UTC" else HOME)[1:]:
        yield clause.replace("spring gap at", "spring gap from") if rule.window else clause
    if rule.calendar:
        yield ROLLS[Roll(rule.roll)].format(name=rule.calendar.name)


def _anchored_policies(rule: Rule, recurrence: Recurrence, policies: Policies) -> Iterator[str]:
    yearly = [one for one in _repetitions(recurrence) if _is_anniversary(one)]
    if yearly:
        yield LEAPS[yearly[0].skip or policies.leap]
    if rule.start_date is not None:
        yield f"not before {rule.start_date}"


def _repetitions(recurrence: Recurrence) -> list[Repetition]:
    every = [rule_of_duration(recurrence.every)] if recurrence.every else []
    return [*map(parse, recurrence.rrules), *every]


def _is_anniversary(one: Repetition) -> bool:
    return one.freq is Freq.YEARLY and one.is_plain


# --- from an entity's own date ---


def _anchored(rule: Rule, recurrence: Recurrence, policies: Policies) -> str:
    """What starts from each entity's own date, each of several RRULEs by itself."""
    bare = replace(recurrence, rrule="", more_rrules=(), rdates=(), exdates=())
    singles = [replace(bare, rrule=text) for text in recurrence.rrules] or [bare]
    said = " and ".join(_from_anchor(rule, _spoken(single, policies)[0], single) for single in singles)
    if recurrence.rdates:
        said = f"{said}, and on {date_list(recurrence.rdates)}"
    return f"{said}, except on {date_list(recurrence.exdates)}" if recurrence.exdates else said


def _from_anchor(rule: Rule, said: str, single: Recurrence) -> str:
    """The words about some day as words about the anchor."""
    # An attribute that is a word is spoken as one.
    anchor = f"the {rule.anchor}" if rule.anchor.isalpha() else rule.anchor
    said = said.replace(f"counted from {SOME_DAY} ", f"counted from {anchor} at ")
    said = said.replace(f"counted from {SOME_DAY}", f"counted from {anchor}")
    repetitions = _repetitions(single)
    if not repetitions and not single.cron:
        return said.replace(f" on {SOME_DAY}", f" {_beside(rule, anchor)}")
    for before, after in _taken_from_start(repetitions, anchor):
        if before in said:
            comma = "," if rule.anchor_offset_days else ""
            return said.replace(before, f"{comma} {_beside(rule, after)}", 1)
    offset = f"{_days(rule.anchor_offset_days)}: " if rule.anchor_offset_days else ""
    return f"{offset}{said}" if anchor in said else f"{offset}{said}, from {anchor} on"


def _taken_from_start(repetitions: list[Repetition], anchor: str) -> Iterator[tuple[str, str]]:
    """What the words say where a rule takes its day from the start, and what it is of the anchor."""
    for one in repetitions:
        if one.freq.is_elapsed or one.bymonthday or one.byday or one.byyearday:
            continue
        yield f" on {SOME_DAY_IN_WORDS}", anchor
        yield f" on the {SOME_DAY.day}st", f"the day of {anchor}"
        yield f" on {SOME_DAY:%A}", f"the weekday of {anchor}"


def _beside(rule: Rule, what: str) -> str:
    days = rule.anchor_offset_days
    return f"{_days(days)} {what}" if days else f"on {what}"


def _days(days: int) -> str:
    return f"{abs(days):,} day{'s' if abs(days) > 1 else ''} {'after' if days > 0 else 'before'}"


# --- within windows, and from completion ---


def _at_random(rule: Rule, what: str) -> str:
    """The window in place of the moment that opens it."""
    many = f"{rule.draws} times at random" if rule.draws > 1 else "at random"
    apart = f", at least {_length(rule.spacing)} apart" if rule.spacing else ""
    if rule.draws > 1:
        what = what.removeprefix("once, ")
    window: timedelta = rule.window  # type: ignore[assignment]  # the caller has looked
    if window < DAY and ONE_TIME.search(what):
        return ONE_TIME.sub(lambda found: f" {many} {_between(found[1], window)} in {HOME}", what) + apart
    if once := ONCE.fullmatch(f"once, {what.removeprefix('once, ')}"):
        once_only = "once, " if rule.draws == 1 else ""
        return f"{once_only}{many} within {_length(window)} after {once[1]} {once[2]} in {HOME}{apart}"
    return f"{what}, {many} within {_length(window)} from then on{apart}"


def _between(opens: str, window: timedelta) -> str:
    start = datetime.combine(SOME_DAY, time.fromisoformat(opens))
    end = start + window
    next_day = " of the next day" if end.date() > start.date() else ""
    return f"between {opens} and {clock(end.time())}{next_day}"


def _length(length: timedelta) -> str:
    """A length of time, exactly."""
    rest, said = int(length.total_seconds()), []
    for size, unit in UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            said.append(f"{amount} {unit}")
    return " ".join(said) or f"{length.total_seconds():g} s"


def _step(every: str) -> str:
    """An ISO 8601 duration: 30 min, 2 weeks."""
    one = rule_of_duration(every)
    if one.freq.is_elapsed:
        return _length(timedelta(seconds=one.interval))
    return f"{one.interval:,} {STEPS[one.freq]}{'s' if one.interval > 1 else ''}"
