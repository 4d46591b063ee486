"""What the parts of a phrase mean together: once or repeated, at a moment or within a window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from events.phrases.dates import Day
from events.phrases.here import Here
from events.phrases.parts import Parts
from events.phrases.phrase import Phrase
from events.phrases.refusing import EXAMPLES, refuse
from events.phrases.repeats import Repeat
from events.phrases.spans import Span, day_span, span_of
from events.phrases.vocabulary import SECONDS_OF
from events.timing import InvalidRecurrence, Policies, Recurrence, check, check_window, next_firings
from events.timing.rule_parts import Freq

_AT_WHAT_TIME = 'At what time? Say for example "… at 9:00" or, for a random moment, "… between 9 and 17"'
_UNITS = {Freq.HOURLY: "hour", Freq.MINUTELY: "minute", Freq.SECONDLY: "second"}
_LAST_SECOND = time(23, 59, 59)


def phrase_of(parts: Parts, here: Here) -> Phrase:
    """Return what the parts say together. Raises InvalidPhrase where that is nothing, too little, or contradictory."""
    _check_together(parts)
    try:
        phrase = _phrase(parts, here)
        check(phrase.recurrence)
        if phrase.window is not None:
            check_window(phrase.window, phrase.draws, phrase.spacing)
    except InvalidRecurrence as error:
        refuse(str(error.facts["problem"]), str(error.facts["remedy"]))
    return phrase


def _phrase(parts: Parts, here: Here) -> Phrase:
    window = None
    if parts.repeat:
        recurrence = _repeated(parts.repeat, parts, here)
        window = parts.hours.length if parts.hours else None
    elif span := _span(parts, here):
        recurrence, window = Recurrence(span.opens), span.closes - span.opens
    else:
        recurrence = Recurrence(_moment(parts, here))
    return Phrase(recurrence, here.timezone, window, parts.draws or 1, parts.spacing or timedelta(0))


def _check_together(parts: Parts) -> None:
    """Refuse parts that contradict each other, or of which one needs another."""
    days = sum(one is not None for one in (parts.day, parts.delay, parts.span))
    for is_broken, problem, remedy in (*_lacks(parts), *_contradictions(parts, days)):
        if is_broken:
            refuse(problem, remedy)


def _contradictions(parts: Parts, days: int) -> Iterator[tuple[bool, str, str]]:
    is_repeated, is_elapsed = parts.repeat is not None, parts.repeat is not None and parts.repeat.is_elapsed
    is_window = bool(parts.hours or parts.span or parts.is_random)
    yield (
        is_repeated and days > 0,
        "the phrase repeats, and names one day or span as well",
        'Say "starting tomorrow" for the first day',
    )
    yield days > 1, "the phrase names its day in two ways", "Say it once"
    yield (
        is_window and parts.clock is not None,
        "the phrase has a time of day and a random one",
        "Say one of them",
    )
    yield (
        bool(parts.span and parts.hours),
        "the phrase has two windows",
        'Say "every day between 9 and 17" or "within 3 days"',
    )
    yield (
        bool(parts.delay and parts.delay[1] in SECONDS_OF) and (is_window or parts.clock is not None),
        "hours or less from now have no time of day",
        'Say "in 2 hours", "within 2 hours" or "tomorrow at 9:00"',
    )
    yield (
        is_elapsed and is_window,
        "hours or less have no window",
        'Say "3 times a day between 9 and 17"',
    )


def _lacks(parts: Parts) -> Iterator[tuple[bool, str, str]]:
    is_repeated = parts.repeat is not None
    is_window = bool(parts.hours or parts.span or (parts.is_random and (parts.day or parts.delay)))
    yield (
        not is_repeated and bool(parts.start or parts.until),
        "the phrase starts or ends, and does not repeat",
        'Say how often, such as "every day at 9:00 until 2026-12-24"',
    )
    yield (
        not is_window and (parts.is_random or bool(parts.spacing) or (parts.draws or 1) > 1),
        "random moments need a window",
        'Between which hours? Say "within 3 days", "tomorrow between 9 and 17" or "every day between 9 and 17"',
    )
    yield (
        bool(parts.span and parts.span.is_period) and not (parts.is_random or parts.draws),
        "the phrase has no time of day",
        'On which day, and at what time? For a random moment say "some time this week"',
    )
    yield (
        bool(parts.hours) and not (is_repeated or parts.day or parts.delay or parts.span),
        "the hours are of no day",
        'On which day? Say "tomorrow" or "every day"',
    )


def _repeated(repeat: Repeat, parts: Parts, here: Here) -> Recurrence:
    dtstart = _counted_from(repeat, parts, here) if repeat.is_elapsed else _first_slot(repeat, parts, here)
    return Recurrence(dtstart, repeat.rrule(_until(parts, here, is_instant=dtstart.tzinfo is not None)))


def _counted_from(repeat: Repeat, parts: Parts, here: Here) -> datetime:
    """From where hours or less are counted: the start, or one interval from now."""
    if parts.start is None:
        if parts.clock is not None:
            refuse(
                "hours or less have no time of day",
                'Say from when: "every 2 hours starting tomorrow at 9:00"',
            )
        return here.later(repeat.interval, _UNITS[repeat.freq])
    return _at(parts.start, parts, here)


def _first_slot(repeat: Repeat, parts: Parts, here: Here) -> datetime:
    """The first slot that is ahead. An interval counts from there."""
    moment = parts.hours.opens if parts.hours else parts.clock
    if moment is None:
        refuse("the phrase has no time of day", _AT_WHAT_TIME)
    if parts.is_utc:
        refuse("days repeat in the time of a zone", 'Say "in UTC"')
    day = parts.start.on(here) if parts.start else here.today
    plain = Recurrence(datetime.combine(day, moment), replace(repeat, interval=1).rrule())
    found = next_firings(plain, here.tz, Policies(), after=here.now, limit=1)
    if not found:
        refuse("the phrase names no day before the calendar ends", "Name days that come sooner")
    return found[0].slot


def _until(parts: Parts, here: Here, *, is_instant: bool) -> str:
    """The value of UNTIL, or ""."""
    if parts.until is None:
        return ""
    day, moment = parts.until.on(here), parts.until_clock
    wall = datetime.combine(day, moment or _LAST_SECOND)
    if parts.until_is_utc and not is_instant:
        refuse("the phrase begins in the time of a zone, and ends in UTC", "Give its end in the zone's time")
    if parts.until_is_utc:
        return f"{wall:%Y%m%dT%H%M%S}Z"
    if is_instant:
        return f"{here.instant_of(wall):%Y%m%dT%H%M%S}Z"
    return f"{wall:%Y%m%dT%H%M%S}" if moment else f"{wall:%Y%m%d}"


def _span(parts: Parts, here: Here) -> Span | None:
    """The window that opens once, if there is one."""
    if parts.span:
        if parts.span.opens_at(here) < here.now:
            refuse("the window opens in the past", 'Let it open later, or say "within 3 days"')
        return parts.span
    day = _day(parts, here)
    if day and parts.hours:
        length = parts.hours.length
        for one in day.dates:
            opens = datetime.combine(one, parts.hours.opens)
            if here.is_ahead(opens + length):
                return span_of(opens, opens + length, here)
        day.at(parts.hours.opens, here)
    return day_span(day.on(here), here) if day and parts.is_random else None


def _moment(parts: Parts, here: Here) -> datetime:
    if parts.delay and parts.clock is None:
        return here.later(*parts.delay)
    day = _day(parts, here)
    if day is None and parts.clock is None:
        refuse("the phrase says no time", EXAMPLES)
    today = here.today
    return _at(day or Day("the time", (today, today + timedelta(days=1))), parts, here)


def _day(parts: Parts, here: Here) -> Day | None:
    if parts.delay is None:
        return parts.day
    if parts.delay[1] in SECONDS_OF:
        return None
    return Day("the day", (here.later(*parts.delay).date(),))


def _at(day: Day, parts: Parts, here: Here) -> datetime:
    """A day at the phrase's time of day: wall time, or an instant where that was said in UTC."""
    if parts.clock is None:
        refuse(f"{day.said} has no time of day", _AT_WHAT_TIME)
    if parts.is_utc:
        return day.at(parts.clock, Here(here.now, "UTC")).replace(tzinfo=UTC)
    return day.at(parts.clock, here)
