"""Instants of hourly and smaller frequencies: they advance in elapsed time; BY parts look at the local clock.

Every hour is every 3,600 seconds, also through a gap or a fold: nothing is lost and nothing comes twice. An
instant fires where its INTERVAL is in phase with DTSTART's and the zone's clock shows what the BY parts name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby, islice
from typing import NoReturn
from zoneinfo import ZoneInfo

from events.timing.days import day_after, day_passes
from events.timing.refusing import refuse
from events.timing.rule_parts import Freq
from events.timing.rule_text import Rule
from events.timing.walltime import first_change

MOST_STEPS = 10_000
MOST_COUNTED = 5_000
MOST_COUNTING_STEPS = 8_000
_SECOND = timedelta(seconds=1)
_DAY = 86_400
# Longer than a day and any change of offset: within it we assume one change of offset at most.
_NEAR = 26 * 3_600
_UNIT = {Freq.HOURLY: 3_600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}


class _Patience:
    """How many steps may still be taken before we give up on a rule."""

    def __init__(self, steps: int = MOST_STEPS, count: int = 0) -> None:
        self._steps = self._left = steps
        self._count = count

    def spend(self) -> None:
        self._left -= 1
        if self._left >= 0:
            return
        if self._count:
            _refuse_count(self._count)
        refuse(
            f"the rule names no instant within {self._steps:,} steps",
            "Choose BY parts that meet an instant, and an INTERVAL that reaches it",
        )

    def renew(self) -> None:
        """An instant was found: the search begins anew, while counting goes on towards its bound."""
        if not self._count:
            self._left = self._steps


def instants(
    rule: Rule, base: datetime, tz: ZoneInfo, *, start: datetime, end: datetime
) -> Iterator[datetime]:
    """Yield the instants (UTC) of an elapsed rule that began at `base`, from `start` up to before `end`.

    COUNT ends it; UNTIL is for the caller. Raises InvalidRecurrence after 10,000 steps without an instant.
    """
    if rule.count:
        last = _last_counted(rule, base, tz)
        end = min(
            end,
            last + _SECOND if last < datetime.max.replace(tzinfo=UTC) - _SECOND else last,
        )
    yield from _instants(rule, base, tz, max(start, base), end, _Patience())


def _instants(
    rule: Rule,
    base: datetime,
    tz: ZoneInfo,
    start: datetime,
    end: datetime,
    patience: _Patience,
) -> Iterator[datetime]:
    passed = -((base - start) // _SECOND)
    if rule.is_plain:
        return _plain(rule, base, passed, end)
    local = base.astimezone(tz)
    if rule.freq is Freq.HOURLY and rule.bysecond and not rule.byminute:
        rule = _at_minute(rule, local.minute)
    search = _Search(rule, base, tz, _lead(rule, local), patience)
    if not rule.bysetpos:
        return search.matches(passed, end)
    return search.at_positions(passed, end)


def _plain(rule: Rule, base: datetime, passed: int, end: datetime) -> Iterator[datetime]:
    step = _UNIT[rule.freq] * rule.interval
    nth = -(-passed // step)
    try:
        while (instant := base + timedelta(seconds=nth * step)) < end:
            yield instant
            nth += 1
    except OverflowError:
        return


@lru_cache(maxsize=1024)
def _at_minute(rule: Rule, minute: int) -> Rule:
    return replace(rule, byminute=(minute,))


def _lead(rule: Rule, local: datetime) -> int:
    """How far DTSTART is into its first hour or minute, in seconds."""
    return {
        Freq.HOURLY: local.minute * 60 + local.second,
        Freq.MINUTELY: local.second,
    }.get(rule.freq, 0)


@dataclass(frozen=True, slots=True)
class _Search:
    """Walks over the instants of one rule, counted in seconds from `base`, in jumps to what may match."""

    rule: Rule
    base: datetime
    tz: ZoneInfo
    lead: int
    patience: _Patience

    def matches(self, passed: int, end: datetime) -> Iterator[datetime]:
        """Yield the instants that match, from `passed` seconds after base on."""
        grain = self._grain()
        try:
            passed = -(-passed // grain) * grain
            while (instant := self._at(passed)) < end:
                self.patience.spend()
                wait = self._wait(passed, instant)
                if wait:
                    passed = -(-(passed + wait) // grain) * grain
                    continue
                if not self.rule.bysetpos:
                    self.patience.renew()
                yield instant
                passed += grain
        except OverflowError:
            return

    def at_positions(self, passed: int, end: datetime) -> Iterator[datetime]:
        """Yield the instants at BYSETPOS of each hour, minute or second of the rule."""
        unit = _UNIT[self.rule.freq]
        bin_start = (passed + self.lead) // unit * unit - self.lead
        latest = datetime.max.replace(tzinfo=UTC)
        for _, group in groupby(self.matches(bin_start, latest), self._bin):
            found = list(group)
            chosen = sorted(
                {n - 1 if n > 0 else len(found) + n for n in self.rule.bysetpos if abs(n) <= len(found)}
            )
            if chosen:
                self.patience.renew()
            for instant in (found[n] for n in chosen):
                if instant >= end:
                    return
                if instant >= self._at(passed):
                    yield instant

    def _at(self, passed: int) -> datetime:
        return self.base + timedelta(seconds=passed)

    def _bin(self, instant: datetime) -> int:
        return ((instant - self.base) // _SECOND + self.lead) // _UNIT[self.rule.freq]

    def _grain(self) -> int:
        """The spacing of candidates in seconds: a BY part finer than FREQ adds instants between its steps."""
        rule = self.rule
        if rule.bysecond and rule.freq < Freq.SECONDLY:
            return 1
        if rule.byminute and rule.freq is Freq.HOURLY:
            return 60
        return _UNIT[rule.freq] * rule.interval

    def _wait(self, passed: int, instant: datetime) -> int:
        """Seconds during which certainly nothing matches; 0 where this instant does."""
        unit = _UNIT[self.rule.freq]
        step = unit * self.rule.interval
        into_step = (passed + self.lead) % step
        if into_step >= unit:
            return step - into_step
        local = instant.astimezone(self.tz)
        wait = self._wall_wait(local)
        if wait > _NEAR:
            return wait - _NEAR
        if wait and self._at(passed + wait).astimezone(self.tz).utcoffset() != local.utcoffset():
            change = first_change(self.tz, instant, self._at(passed + wait))
            return (change - instant) // _SECOND
        return wait

    def _wall_wait(self, local: datetime) -> int:
        """Seconds until the wall clock shows what the BY parts name, if the offset does not change."""
        rule, clock = self.rule, (local.hour, local.minute, local.second)
        of_day = clock[0] * 3600 + clock[1] * 60 + clock[2]
        if not day_passes(rule, local.date()):
            return self._days_ahead(local.date()) * _DAY - of_day
        for by, shown, size, cycle in (
            (rule.byhour, clock[0], 3600, _DAY),
            (rule.byminute, clock[1], 60, 3600),
            (rule.bysecond, clock[2], 1, 60),
        ):
            if by and shown not in by:
                later = next((value for value in by if value > shown), None)
                target = cycle if later is None else later * size
                return target - of_day % cycle
        return 0

    def _days_ahead(self, today: date) -> int:
        day = today
        while not day_passes(self.rule, day):
            self.patience.spend()
            day = day_after(self.rule, day)
        return (day - today).days


@lru_cache(maxsize=4096)
def _last_counted(rule: Rule, base: datetime, tz: ZoneInfo) -> datetime:
    """The instant that COUNT ends with: found once, so that a counted rule can be entered anywhere too."""
    latest = datetime.max.replace(tzinfo=UTC)
    if rule.is_plain:
        try:
            return base + timedelta(seconds=(rule.count - 1) * rule.interval * _UNIT[rule.freq])
        except OverflowError:
            return latest
    if rule.count > MOST_COUNTED:
        _refuse_count(rule.count)
    patience = _Patience(MOST_COUNTING_STEPS, rule.count)
    last = base
    for last in islice(_instants(rule, base, tz, base, latest, patience), rule.count):  # noqa: B007
        pass
    return last


def _refuse_count(count: int) -> NoReturn:
    refuse(
        f"COUNT={count} takes too long to count out in such a rule",
        f"Keep it to {MOST_COUNTED:,} instants and {MOST_COUNTING_STEPS:,} steps, or use UNTIL",
    )
