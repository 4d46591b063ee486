"""A recurrence and its policies as one English sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time

from events.timing.business_days import Roll
from events.timing.cron_slots import cron_policies
from events.timing.cron_text import parse_cron
from events.timing.cron_words import cron_words
from events.timing.periods import times_of
from events.timing.recurrence import DEFAULT_POLICIES, Policies, Recurrence
from events.timing.recurring import rules_of
from events.timing.rule_words import may_lack_days, rule_words
from events.timing.walltime import Fold, Gap, Leap
from events.timing.word_parts import WEEKDAYS, clock, date_list, listed

_GAPS = {
    Gap.NEXT_VALID: "as soon as it is over",
    Gap.PREVIOUS_VALID: "just before it",
    Gap.SKIP: "not at all",
}
_LEAPS = {
    Leap.BACKWARD: "on its last day",
    Leap.FORWARD: "on the 1st of the next",
    Leap.OMIT: "not at all",
}
_ROLLS = {
    Roll.SKIP: "not on closed days",
    Roll.PREVIOUS: "from a closed day moved to the business day before",
    Roll.NEXT: "from a closed day moved to the next business day",
}


def in_words(recurrence: Recurrence, policies: Policies = DEFAULT_POLICIES, *, timezone: str = "") -> str:
    """Return what fires when: "every first Monday at 09:00 in each person's zone; in the spring gap at 10:00".

    An empty `timezone` is each person's own. What gap, fold and leap policy do is said where they may matter.
    Raises InvalidRecurrence for a malformed recurrence.
    """
    zone = "in " + (timezone or "each person's zone")
    return "; ".join([_what(recurrence, zone), *_clauses(recurrence, policies, timezone)])


def _what(recurrence: Recurrence, zone: str) -> str:
    dtstart = recurrence.dtstart
    said = [rule_words(rule, dtstart, zone) for rule in rules_of(recurrence)]
    if recurrence.cron:
        said.append(f"{cron_words(parse_cron(recurrence.cron))} {zone}")
    if not said:
        where = "UTC" if dtstart.tzinfo else zone
        said.append(f"once, on {dtstart.date()} at {clock(dtstart.time())} {where}")
    whole = " and ".join(said)
    days = recurrence.offset_days
    if days:
        whole = (
            f"{abs(days):,} day{'s' if abs(days) > 1 else ''} {'after' if days > 0 else 'before'}: {whole}"
        )
    if recurrence.rdates:
        whole = f"{whole}, and on {date_list(recurrence.rdates)}"
    return f"{whole}, except on {date_list(recurrence.exdates)}" if recurrence.exdates else whole


def _clauses(recurrence: Recurrence, policies: Policies, timezone: str) -> Iterator[str]:
    rules = [rule for rule in rules_of(recurrence) if not rule.freq.is_elapsed]
    if any(may_lack_days(rule, recurrence.dtstart) for rule in rules):
        skips = {rule.skip or policies.leap for rule in rules if may_lack_days(rule, recurrence.dtstart)}
        yield f"where a month lacks the day, {listed(_LEAPS[leap] for leap in sorted(skips))}"
    if recurrence.cron:
        policies = cron_policies(parse_cron(recurrence.cron), policies)
    goes_through = bool(recurrence.cron) and parse_cron(recurrence.cron).is_every_hour
    if _has_wall_times(recurrence) and timezone != "UTC" and not goes_through:  # whose clocks never change
        yield f"in the spring gap {_in_gap(recurrence, policies.gap)}"
        if policies.fold is not Fold.FIRST:
            yield f"in the autumn fold {'both times' if policies.fold is Fold.BOTH else 'the second time'}"
    if recurrence.business_days:
        weekend = sorted(recurrence.business_days.weekend)
        closed = f" ({listed(WEEKDAYS[day] for day in weekend)})" if weekend else ""
        yield f"{_ROLLS[recurrence.business_days.roll]}{closed}"


def _has_wall_times(recurrence: Recurrence) -> bool:
    rules = rules_of(recurrence)
    if recurrence.cron or any(isinstance(one, datetime) and one.tzinfo is None for one in recurrence.rdates):
        return True
    return any(not rule.freq.is_elapsed for rule in rules) or (
        not rules and recurrence.dtstart.tzinfo is None
    )


def _in_gap(recurrence: Recurrence, gap: Gap) -> str:
    """Where a gap of an hour moves the one time of day, or all of them."""
    if gap is not Gap.SHIFT:
        return _GAPS[gap]
    first = recurrence.dtstart.time()
    if recurrence.cron:
        cron = parse_cron(recurrence.cron)
        times = {time(hour, minute) for hour in cron.hours for minute in cron.minutes}
    else:
        rules = [rule for rule in rules_of(recurrence) if not rule.freq.is_elapsed]
        times = {clock for rule in rules for clock in times_of(rule, first)} or {first}
    if len(times) > 1:
        return "an hour later"
    only = times.pop()
    return f"at {clock(only.replace(hour=(only.hour + 1) % 24))}"
