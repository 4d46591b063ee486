"""A rule's columns as the calendar's own values."""

from __future__ import annotations

from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from events.models import EveryFrom
from events.planning.closed_days import business_days_of
from events.timing import (
    Firing,
    Fold,
    Gap,
    Leap,
    Policies,
    Recurrence,
    Roll,
    closes_at,
    firings,
    next_firings,
    read_dates,
    zone,
)
from events.timing.refusing import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.models import Rule

# Where a day ends last and begins first: what is over in both is over everywhere.
EXTREME_ZONES = ("Pacific/Pago_Pago", "Pacific/Kiritimati")
# How far ahead a calendar's closed days are looked up for whoever asks for the next few firings.
YEARS_AHEAD = 12
# A window in wall time may be longer by so much than its length: a zone that moves over the date line.
LONGEST_EXCESS = timedelta(hours=26)
# All of a rule's RRULEs; each has a bound of its own.
LONGEST_RRULES = 20_000


class Opening(NamedTuple):
    """When a rule may fire for a group of entities: at `opens_at`, or at random before `closes_at`, if it differs.

    `slot`, `fold` and `note` are the firing's.
    """

    slot: datetime
    fold: int
    opens_at: datetime
    closes_at: datetime
    note: str


def recurrence_of(rule: Rule, anchor: date | None, *, years: tuple[int, int] | None = None) -> Recurrence:
    """The rule's recurrence, from its start date or from an entity's anchor date.

    Its calendar's closed days are known from the first to the last of `years`; without them, it has none.
    Raises InvalidRecurrence where a date of its lists cannot be read, or its RRULEs are too long to be looked at.
    """
    if len(rule.rrule) > LONGEST_RRULES:
        refuse(f"the rules have {len(rule.rrule):,} characters", f"Keep it to {LONGEST_RRULES:,}")
    start = anchor if rule.anchor else rule.start_date
    if start is None:
        raise ValueError(f"rule {rule} has neither a start date nor an anchor date")
    first, *more = [
        line.strip().removeprefix("RRULE:") for line in rule.rrule.splitlines() if line.strip()
    ] or [""]
    days = None
    if rule.calendar and years:
        days = business_days_of(rule.calendar, Roll(rule.roll), first_year=years[0], last_year=years[1])
    return Recurrence(
        dtstart=datetime.combine(start, rule.local_time or time.min),
        rrule=first,
        more_rrules=tuple(more),
        cron=rule.cron,
        every=rule.every if rule.every_from == EveryFrom.START else "",
        rdates=read_dates(rule.rdates, field="rdates"),
        exdates=read_dates(rule.exdates, field="exdates"),
        offset_days=rule.anchor_offset_days,
        business_days=days,
    )


def policies_of(rule: Rule, entity_leap: str) -> Policies:
    """The rule's policies, with the entity's own word on missing days before the rule's."""
    fallback = Leap.BACKWARD if rule.anchor else Leap.OMIT
    return Policies(
        gap=Gap(rule.gap),
        fold=Fold(rule.fold),
        leap=Leap(entity_leap or rule.leap or fallback),
    )


def openings_of(
    rule: Rule,
    *,
    timezone: str,
    anchor: date | None,
    leap: str,
    after: datetime,
    before: datetime,
) -> Iterator[Opening]:
    """The rule's moments for one zone, anchor and leap policy with after <= due_at < before.

    Of a rule with windows: all that are open then. Of a window that was open when the rule was last timed there is
    only the rest: nothing is drawn that would be over already.
    """
    tz, window = zone(timezone), rule.window
    since = after - window - LONGEST_EXCESS if window else after
    recurrence = recurrence_of(rule, anchor, years=(since.year, before.year))
    for firing in firings(recurrence, tz, policies_of(rule, leap), after=since, before=before):
        if not _has_begun(rule, firing):
            continue
        if window is None:
            yield Opening(firing.slot, firing.fold, firing.due_at, firing.due_at, firing.note)
        elif (closes := closes_at(firing, window, recurrence, tz)) > after:
            opens = max(firing.due_at, rule.timed_since) if closes > rule.timed_since else firing.due_at
            yield Opening(firing.slot, firing.fold, opens, closes, firing.note)


def next_firings_of(
    rule: Rule,
    *,
    timezone: str,
    anchor: date | None,
    leap: str,
    after: datetime,
    limit: int,
) -> list[Firing]:
    """The rule's next firings for one zone, anchor and leap policy, from `after` on: of windows, their openings."""
    if rule.anchor and rule.start_date is not None and rule.start_date > after.date():
        begin = datetime.combine(rule.start_date, rule.local_time or time.min, zone(timezone))
        after = max(after, begin - timedelta(days=1))
    years = (after.year, min(after.astimezone(UTC).year + YEARS_AHEAD, MAXYEAR))
    found = next_firings(
        recurrence_of(rule, anchor, years=years),
        zone(timezone),
        policies_of(rule, leap),
        after=after,
        limit=limit + 1,
    )
    return [firing for firing in found if _has_begun(rule, firing)][:limit]


def _has_begun(rule: Rule, firing: Firing) -> bool:
    return not rule.anchor or rule.start_date is None or firing.slot.date() >= rule.start_date
