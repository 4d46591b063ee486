"""Recurrence -> firings: every member of a recurrence set in one zone, as instants, in order and once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, reduce
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from zoneinfo import ZoneInfo

from events.timing.business_days import BusinessDays
from events.timing.cron_slots import cron_policies, cron_slots
from events.timing.cron_text import parse_cron
from events.timing.durations import rule_of_duration
from events.timing.elapsed import instants
from events.timing.exclusions import exclusions
from events.timing.periods import Slot
from events.timing.recurrence import Firing, Policies, Recurrence
from events.timing.refusing import refuse
from events.timing.rule_text import Rule, parse
from events.timing.wall_firings import NO_SIEVE, Sieve, Source, met, wall_firings
from events.timing.wall_slots import slots
from events.timing.walltime import Fold, Gap, resolve

_LATEST = datetime.max.replace(tzinfo=UTC)
_NO_OFFSET = timedelta(0)
# Closed days in a row on which an hourly or smaller rule would fire.
MOST_STEPPED_OVER = 400


def firings(
    recurrence: Recurrence,
    tz: ZoneInfo,
    policies: Policies,
    *,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    """Return the firings with after <= due_at < before (aware): by due_at, each instant once, lazily.

    Daily and larger frequencies advance in wall time and are then resolved; hourly and smaller advance in
    elapsed time. Where two slots meet in one instant, the earlier is kept and its note names the other.
    Raises InvalidRecurrence at once for a malformed rule, and when met for one that names nothing too long.
    """
    rules = rules_of(recurrence)
    sieve = _sieve(recurrence)
    sources = _sources(recurrence, rules, policies)
    found = [wall_firings(sources, sieve, tz, after=after, before=before)] if sources else []
    for rule in rules:
        if rule.freq.is_elapsed:
            begun = partial(_elapsed, rule, recurrence.dtstart, tz, policies, before=before)
            found.append(_sifted(_on_open_days(begun, sieve.business, tz, after), sieve))
    fixed = _fixed(recurrence, rules)
    if fixed:
        found.append(_sifted((_at(one, tz) for one in fixed if after <= one < before), sieve))
    return found[0] if len(found) == 1 else _each_once(found)


def next_firings(
    recurrence: Recurrence,
    tz: ZoneInfo,
    policies: Policies,
    *,
    after: datetime,
    limit: int,
) -> list[Firing]:
    """Return the first `limit` firings with due_at >= after; fewer where the recurrence ends."""
    return list(islice(firings(recurrence, tz, policies, after=after, before=_LATEST), max(limit, 0)))


def rules_of(recurrence: Recurrence) -> list[Rule]:
    """Return the parsed rules of a recurrence. Raises InvalidRecurrence."""
    rules = [parse(text) for text in recurrence.rrules]
    if recurrence.every:
        rules.append(rule_of_duration(recurrence.every))
    if recurrence.offset_days and any(rule.freq.is_elapsed for rule in rules):
        refuse(
            "an offset in days does not go with hours or less",
            "Use days or more, or no offset",
            field="offset_days",
        )
    return rules


def _sieve(recurrence: Recurrence) -> Sieve:
    if not (recurrence.exdates or recurrence.business_days):
        return NO_SIEVE
    return Sieve(exclusions(recurrence.exdates), recurrence.business_days)


def _sources(recurrence: Recurrence, rules: Sequence[Rule], policies: Policies) -> list[Source]:
    """Where slots of wall time come from."""
    dtstart = recurrence.dtstart
    offset = timedelta(days=recurrence.offset_days) if recurrence.offset_days else _NO_OFFSET
    if recurrence.cron:
        return [_cron_source(recurrence.cron, dtstart, policies, offset), *_put_in(recurrence, policies)]
    found = [_source(rule, dtstart, policies, offset) for rule in rules if not rule.freq.is_elapsed]
    if not rules and dtstart.tzinfo is None:
        found.append(Source(partial(_listed, (dtstart,)), policies, offset))
    return found + _put_in(recurrence, policies) if recurrence.rdates else found


def _put_in(recurrence: Recurrence, policies: Policies) -> list[Source]:
    """The RDATEs that are dates or wall times."""
    if not recurrence.rdates:
        return []
    walls = {_wall_date(one, recurrence.dtstart) for one in recurrence.rdates if not _is_instant(one)}
    return [Source(partial(_listed, sorted(walls)), policies)] if walls else []


def _cron_source(text: str, dtstart: datetime, policies: Policies, offset: timedelta) -> Source:
    cron = parse_cron(text)
    return Source(
        lambda start, end: cron_slots(cron, max(start, dtstart), end), cron_policies(cron, policies), offset
    )


def _source(rule: Rule, dtstart: datetime, policies: Policies, offset: timedelta) -> Source:
    until = rule.until if rule.until and rule.until.tzinfo else None
    leap = rule.skip or policies.leap
    return Source(
        lambda start, end: slots(rule, dtstart, leap, start=start, end=end), policies, offset, until
    )


def _listed(walls: Sequence[datetime], start: datetime, end: datetime) -> Iterator[list[Slot]]:
    yield [(wall, 0) for wall in walls if start <= wall <= end]


def _wall_date(one: date | datetime, dtstart: datetime) -> datetime:
    """An RDATE as wall time; one that is a date has DTSTART's time of day."""
    return one.replace(fold=0) if isinstance(one, datetime) else datetime.combine(one, dtstart.time())


def _is_instant(one: date | datetime) -> bool:
    return isinstance(one, datetime) and one.tzinfo is not None


def _fixed(recurrence: Recurrence, rules: Sequence[Rule]) -> list[datetime]:
    """The instants that are given as such, sorted."""
    if not recurrence.rdates and (rules or not recurrence.dtstart.tzinfo):
        return []
    found = {one.astimezone(UTC) for one in recurrence.rdates if isinstance(one, datetime) and one.tzinfo}
    if recurrence.dtstart.tzinfo and not rules:
        found.add(recurrence.dtstart.astimezone(UTC))
    return sorted(found)


def _elapsed(
    rule: Rule,
    dtstart: datetime,
    tz: ZoneInfo,
    policies: Policies,
    *,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    # The phase of INTERVAL hangs on DTSTART, so a DTSTART in a gap keeps it whatever the gap policy.
    fold = Fold.FIRST if policies.fold is Fold.BOTH else policies.fold
    base = dtstart if dtstart.tzinfo else resolve(dtstart, tz, gap=Gap.SHIFT, fold=fold)[0].due_at
    for due_at in instants(rule, base, tz, start=after.astimezone(UTC), end=before):
        try:
            firing = _at(due_at, tz)
        except OverflowError:
            return
        if rule.until and due_at > _as_instant(rule.until, tz, policies.fold):
            return
        yield firing


def _on_open_days(
    begun: Callable[..., Iterator[Firing]], business: BusinessDays | None, tz: ZoneInfo, after: datetime
) -> Iterator[Firing]:
    """The firings from `after` on, without those of closed days, which are stepped over day by day."""
    if business is None:
        yield from begun(after=after)
        return
    stepped = 0
    while stepped <= MOST_STEPPED_OVER:
        for one in begun(after=after):
            day = one.slot.date()
            if not business.is_open(day):
                break
            stepped = 0
            yield one
        else:
            return
        if day == date.max:
            return
        stepped += 1
        midnight = datetime.combine(day + timedelta(days=1), time.min)
        opens = resolve(midnight, tz, gap=Gap.SHIFT, fold=Fold.FIRST)
        after = max(one.due_at + timedelta.resolution, opens[0].due_at)
    refuse(
        f"{MOST_STEPPED_OVER:,} days in a row on which it would fire are closed",
        "Choose days that are open, or another weekend",
        field="business_days",
    )


def _as_instant(until: datetime, tz: ZoneInfo, fold: Fold) -> datetime:
    """An UNTIL to compare instants with; a local one in a fold is the pass that the policy takes."""
    return until if until.tzinfo else until.replace(tzinfo=tz, fold=int(fold is not Fold.FIRST))


def _at(instant: datetime, tz: ZoneInfo) -> Firing:
    local = instant.astimezone(tz)
    return Firing(local.replace(tzinfo=None, fold=0), local.fold, instant, "")


def _sifted(found: Iterator[Firing], sieve: Sieve) -> Iterator[Firing]:
    if sieve.excluded:
        found = sieve.excluded.kept(found)
    if sieve.business:
        is_open = sieve.business.is_open
        found = (one for one in found if is_open(one.slot.date()))
    return found


def _each_once(found: Sequence[Iterator[Firing]]) -> Iterator[Firing]:
    due_at = attrgetter("due_at")
    for _, same in groupby(merge(*found, key=due_at), due_at):
        yield reduce(met, same)
