"""A parsed RRULE as English words."""

from __future__ import annotations

from datetime import datetime, time

from events.timing.periods import times_of
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule
from events.timing.word_parts import (
    MONTHS,
    WEEKDAYS,
    clock_list,
    every,
    in_order,
    listed,
    moment,
    month_names,
    monthday_names,
    numbered,
    ordinal,
    weekday_names,
)

_UNITS = {
    Freq.YEARLY: "year",
    Freq.MONTHLY: "month",
    Freq.WEEKLY: "week",
    Freq.DAILY: "day",
    Freq.HOURLY: "hour",
    Freq.MINUTELY: "minute",
    Freq.SECONDLY: "second",
}
_MINUTE, _HOUR = 60, 3_600


def rule_words(rule: Rule, dtstart: datetime, zone: str) -> str:
    """Return what a rule repeats, from its first word to its end: "every Monday at 09:00 in Asia/Tokyo, 10 times"."""
    if rule.freq.is_elapsed:
        return f"{_elapsed(rule)}, counted from {moment(dtstart)}{'' if dtstart.tzinfo else f' {zone}'}{_end(rule)}"
    counted = f", counted from {dtstart.date()}" if rule.interval > 1 else ""
    return f"{_days(rule, dtstart)} {clock_list(times_of(rule, dtstart.time()))} {zone}{counted}{_end(rule)}"


def may_lack_days(rule: Rule, dtstart: datetime) -> bool:
    """Return whether the rule names a day of the month that some month lacks."""
    if rule.freq > Freq.MONTHLY:
        return False
    takes_start = not (rule.bymonthday or rule.byday or rule.byyearday or rule.byweekno)
    days = (dtstart.day,) if takes_start else rule.bymonthday
    if takes_start and rule.freq is Freq.YEARLY and not rule.bymonth:
        return (dtstart.month, dtstart.day) == (2, 29)
    return any(day > 28 for day in days)


def _end(rule: Rule) -> str:
    if rule.count:
        return ", once" if rule.count == 1 else f", {rule.count:,} times"
    if rule.until is None:
        return ""
    return f", until {rule.until.date() if rule.until.time() == time.max else moment(rule.until)}"


def _days(rule: Rule, dtstart: datetime) -> str:
    head = every(_UNITS[rule.freq], rule.interval)
    short = _short(rule)
    said = short or " ".join([head, *_on(rule, dtstart)])
    if rule.bymonth:
        said = f"{said} in {month_names(rule.bymonth)}"
    if rule.bysetpos and not _chooses_weekday(rule):
        said = f"{said}, only the {listed(map(ordinal, in_order(rule.bysetpos)))} of these,"
    return said


def _short(rule: Rule) -> str:
    """Monday and Friday, for what is every Monday and Friday; or nothing."""
    others = rule.bymonthday or rule.byyearday or rule.byweekno or rule.bysetpos or rule.interval > 1
    if others or not rule.byday:
        return ""
    if rule.freq in {Freq.WEEKLY, Freq.DAILY} or (all(nth for nth, _ in rule.byday) and _by_month(rule)):
        return f"every {weekday_names(rule.byday)}"
    return ""


def _by_month(rule: Rule) -> bool:
    return rule.freq is Freq.MONTHLY and not rule.bymonth


def _on(rule: Rule, dtstart: datetime) -> list[str]:
    """The phrases that say on which days of a period."""
    named = []
    if rule.byweekno:
        named.append(f"in {listed(map(_week, in_order(rule.byweekno)))}")
    if rule.byyearday:
        named.append(f"on the {_yeardays(rule)}")
    if rule.bymonthday:
        verb, conjunction = ("on", "and") if rule.freq <= Freq.MONTHLY else ("if it is", "or")
        named.append(f"{verb} {monthday_names(rule.bymonthday, conjunction)}")
    if rule.byday:
        named.append(_on_weekdays(rule))
    if not named or (rule.byweekno and len(named) == 1):
        named += _from_start(rule, dtstart)
    return named


def _yeardays(rule: Rule) -> str:
    return f"{listed(map(numbered, in_order(rule.byyearday)))} day of the year"


def _week(number: int) -> str:
    return f"week {number}" if number > 0 else f"the {ordinal(number)} week of the year"


def _on_weekdays(rule: Rule) -> str:
    if _chooses_weekday(rule):
        positions = listed(map(ordinal, in_order(rule.bysetpos)))
        of = weekday_names(rule.byday, "or")
        return f"on the {positions} {of}"
    limits = rule.bymonthday or rule.byyearday or rule.freq is Freq.DAILY
    if limits:
        return f"if it is a {weekday_names(rule.byday, 'or')}"
    return f"on {weekday_names(rule.byday, article='the ')}"


def _chooses_weekday(rule: Rule) -> bool:
    """Whether BYSETPOS chooses among weekdays alone, so that "the last weekday" says it."""
    others = (
        rule.bymonthday or rule.byyearday or rule.byweekno or rule.byhour or rule.byminute or rule.bysecond
    )
    plain = bool(rule.byday) and not any(nth for nth, _ in rule.byday)
    return bool(rule.bysetpos) and plain and not others


def _from_start(rule: Rule, dtstart: datetime) -> list[str]:
    """What the rule leaves to DTSTART."""
    match rule.freq:
        case Freq.YEARLY if not rule.bymonth and not rule.byweekno:
            return [f"on {dtstart.day} {MONTHS[dtstart.month - 1]}"]
        case Freq.MONTHLY | Freq.YEARLY if not rule.byweekno:
            return [f"on {monthday_names((dtstart.day,))}"]
        case Freq.DAILY:
            return []
    return [f"on {WEEKDAYS[dtstart.weekday()]}"]


def _elapsed(rule: Rule) -> str:
    unit, interval = _UNITS[rule.freq], rule.interval
    if rule.freq is Freq.SECONDLY and interval % _MINUTE == 0:
        unit, interval = (
            ("hour", interval // _HOUR) if interval % _HOUR == 0 else ("minute", interval // _MINUTE)
        )
    limits = [
        ("at second", listed(map(str, rule.bysecond)) if rule.bysecond else ""),
        ("at minute", listed(map(str, rule.byminute)) if rule.byminute else ""),
        ("while the hour is", listed(map(str, rule.byhour), "or") if rule.byhour else ""),
        ("on", weekday_names(rule.byday) if rule.byday else ""),
        ("on", monthday_names(rule.bymonthday) if rule.bymonthday else ""),
        ("on the", _yeardays(rule) if rule.byyearday else ""),
        ("in", month_names(rule.bymonth) if rule.bymonth else ""),
    ]
    said = " ".join([every(unit, interval), *(f"{verb} {what}" for verb, what in limits if what)])
    if rule.bysetpos:
        said = f"{said}, only the {listed(map(ordinal, in_order(rule.bysetpos)))} of each {_UNITS[rule.freq]}"
    return said
