"""Rules of one person each, many to a transaction: what they name is found in memory, and written in one statement.

Such rules are alike: thousands fire each Monday, each at a time of its own. So the days that a recurrence names are
found once for all who share them, and a time of day is put on them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache, partial
from itertools import starmap
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from events.errors import InvalidField
from events.models import Rule
from events.planning.anchors import anchor_date
from events.planning.plans import LIVE
from events.planning.recurrences import Opening, openings_of, recurrence_of
from events.planning.serial import SEATS, seated
from events.planning.timetables import settled_before
from events.timing import TZDATA_VERSION, Cycle, cycle_of, zone
from events.timing.recurring import rules_of
from events.timing.walltime import plain_instant
from events.transitions import Desired, schedule
from events.transitions.statements import id_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from events.timing import Recurrence
    from events.transitions import Origin

RULES_AT_ONCE = 2_000
MOST_KEPT = 20_000
# Further than any zone's own day is from UTC's.
BESIDE = timedelta(days=2)

_Days = list[tuple[date, str]]

# The columns of a rule that its moments come from, but for its start, its time of day and its zone.
TIMES = ("rrule", "cron", "every", "rdates", "exdates", "anchor", "anchor_offset_days", "gap", "fold", "leap")

READ = f"""
SELECT r.id, e.id, e.kind, e.deleted_at IS NULL, GREATEST(COALESCE(r.planned_until, %(now)s), e.created_at)::text,
       COALESCE(NULLIF(r.timezone, ''), e.timezone), e.leap,
       CASE WHEN r.anchor <> '' THEN COALESCE(e.attributes ->> r.anchor, '') END,
       r.start_date, r.local_time, r.snapshot, json_build_array({", ".join(f"r.{name}" for name in TIMES)})::text
FROM unnest(%(ids)s::bigint[]) AS of(id)
CROSS JOIN LATERAL (SELECT * FROM events_rule r WHERE r.id = of.id OFFSET 0) AS r
CROSS JOIN LATERAL (SELECT * FROM events_entity e WHERE e.id = r.entity_id OFFSET 0) AS e
WHERE r.state = ANY(%(live)s) AND (r.planned_until IS NULL OR r.planned_until < %(until)s)
"""  # noqa: S608 - constants

MOVE = "UPDATE events_rule SET planned_until = %(until)s WHERE id = ANY(%(ids)s::bigint[])"

DESIRED = """
    SELECT s.rule_id, s.entity_id, s.slot, s.fold, s.timezone, s.note, s.due_at, CASE WHEN s.snapshot THEN (
        SELECT jsonb_build_object('payload', r.payload, 'attributes', e.attributes) FROM events_rule r, events_entity e
        WHERE r.id = s.rule_id AND e.id = s.entity_id
    ) END AS snapshot
    FROM unnest(%(rules)s::bigint[], %(entities)s::bigint[], %(slots)s::timestamp[], %(folds)s::smallint[],
                %(zones)s::text[], %(notes)s::text[], %(dues)s::timestamptz[], %(snapshots)s::boolean[])
         AS s(rule_id, entity_id, slot, fold, timezone, note, due_at, snapshot)
"""


class Read(NamedTuple):
    """A rule and its entity. Moments are wanted from `since` on; `times` is all else that its moments come from."""

    rule_id: int
    entity_id: int
    kind: str
    is_living: bool
    since: str
    timezone: str
    leap: str
    anchored_on: str | None
    start_date: date | None
    local_time: time | None
    snapshot: bool
    times: str


class Planned(NamedTuple):
    """How many rows were written, and the ids of the rules that have to be planned alone."""

    rows: int
    left: list[int]


@transaction.atomic
def plan_together(
    ids: Sequence[int], *, kinds: Iterable[str], until: datetime, origin: Origin, seat: int | None = None
) -> Planned:
    """Write the rows of these rules, each of one person, from where its plan ends (or from now) until an instant.

    `kinds` are those of the persons. Rules that are not live any more, or that somebody else has planned as far, are
    passed over; those that cannot be planned, or are of another kind by now, are left.
    """
    kinds = sorted(set(kinds))  # one order for all, so that two can never wait for each other
    for kind in kinds:
        seated(kind, seat)
    rules = _read(ids, until, origin)
    since = {text: datetime.fromisoformat(text) for text in {rule.since for rule in rules}}
    moments = moments_between(min(since.values(), default=until), until)
    found: list[tuple[Read, Opening]] = []
    left = [rule.rule_id for rule in rules if rule.kind not in kinds]
    for rule in rules:
        try:
            found += [(rule, one) for one in moments.of(rule) if one.opens_at >= since[rule.since]]
        except InvalidField:
            left.append(rule.rule_id)
    rows = schedule(_desired(found), tzdata_version=TZDATA_VERSION, origin=origin)
    planned = {rule.rule_id for rule in rules}.difference(left)
    with connection.cursor() as cursor:
        cursor.execute(MOVE, {"ids": id_array(planned), "until": until})
    return Planned(rows, left)


def _read(ids: Sequence[int], until: datetime, origin: Origin) -> list[Read]:
    with connection.cursor() as cursor:
        cursor.execute(READ, {"ids": id_array(ids), "live": list(LIVE), "until": until, "now": origin.now})
        return list(starmap(Read, cursor.fetchall()))


def _desired(found: list[tuple[Read, Opening]]) -> Desired:
    return Desired(
        DESIRED,
        {
            "rules": id_array(rule.rule_id for rule, _ in found),
            "entities": id_array(rule.entity_id for rule, _ in found),
            "slots": id_array(one.slot for _, one in found),
            "folds": id_array(one.fold for _, one in found),
            "zones": id_array(rule.timezone for rule, _ in found),  # no name of a zone has to be quoted
            "notes": [one.note for _, one in found],
            "dues": id_array(one.opens_at for _, one in found),
            "snapshots": id_array(rule.snapshot for rule, _ in found),
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """What rules with the same times share: a rule to be given each start, and what may be said of all of them."""

    rule: Rule
    cycle: Cycle
    is_of_days: bool
    lock: Lock = field(default_factory=Lock)

    def beginning(self, start: date, not_before: date | None, clock: time) -> Rule:
        """The rule, begun on a day, at a time of day; good until the next is asked for, which the lock is for."""
        self.rule.start_date = not_before if self.rule.anchor else start
        self.rule.local_time = clock
        return self.rule


@lru_cache(MOST_KEPT)
def pattern_of(times: str) -> Pattern:
    """The pattern of some times: one object for all that are equal. Raises InvalidField where they cannot be read."""
    rule = Rule(**dict(zip(TIMES, json.loads(times), strict=True)), start_date=date.min)
    recurrence = recurrence_of(rule, date.min)
    return Pattern(rule, cycle_of(recurrence), _is_of_days(recurrence))


def _is_of_days(recurrence: Recurrence) -> bool:
    """Whether its slots are days that are named by its start, at its time of day: none more, and none less."""
    if recurrence.cron or recurrence.rdates or recurrence.exdates or recurrence.more_rrules:
        return False
    return not any(
        each.freq.is_elapsed or each.count or each.until or each.byhour or each.byminute or each.bysecond
        for each in rules_of(recurrence)
    )


class Moments:
    """The moments of many rules with after <= due_at < before; what rules share is found once."""

    def __init__(self, after: datetime, before: datetime) -> None:
        self._after, self._before = after, before
        self._settled = cache(partial(settled_before, after))
        self._days = lru_cache(MOST_KEPT)(self._found_days)
        self._openings = lru_cache(MOST_KEPT)(self._found)

    def of(self, rule: Read) -> Sequence[Opening]:
        """The rule's openings, by due_at. Raises InvalidField where it cannot be read."""
        begun = rule.start_date if rule.anchored_on is None else anchor_date(rule.anchored_on)
        if begun is None or not rule.is_living:
            return ()
        pattern, clock = pattern_of(rule.times), rule.local_time or time.min
        start = pattern.cycle.nearer(begun, self._settled(pattern.rule.anchor_offset_days))
        not_before = rule.start_date if rule.anchored_on is not None else None
        if pattern.is_of_days:
            days = self._days(pattern, start, not_before, rule.leap)
            found = self._at_a_time(days, zone(rule.timezone), clock)
            if found is not None:
                return found
        # A cron expression has its own times, of which a start that lies behind says nothing.
        clock = time.min if pattern.rule.cron and start != begun else clock
        return self._openings(pattern, start, not_before, clock, rule.timezone, rule.leap)

    def _at_a_time(self, days: _Days, tz: ZoneInfo, clock: time) -> list[Opening] | None:
        """The days at a time; None where the zone's clocks do not show that, once, on each of them."""
        found = []
        for day, note in days:
            slot = datetime.combine(day, clock)
            due_at = plain_instant(slot, tz)
            if due_at is None:
                return None
            if self._after <= due_at < self._before:
                found.append(Opening(slot, 0, due_at, due_at, note))
        return found

    def _found_days(self, pattern: Pattern, start: date, not_before: date | None, leap: str) -> _Days:
        """The days that may be within the span anywhere on earth, and those beside them."""
        first, last = (
            self._after.astimezone(UTC).date() - BESIDE,
            self._before.astimezone(UTC).date() + BESIDE,
        )
        after, before = (datetime.combine(day, time.min, UTC) for day in (first, last))
        with pattern.lock:
            rule = pattern.beginning(start, not_before, time.min)
            openings = openings_of(rule, timezone="UTC", anchor=start, leap=leap, after=after, before=before)
            return [(one.slot.date(), one.note) for one in openings]

    def _found(
        self,
        pattern: Pattern,
        start: date,
        not_before: date | None,
        clock: time,
        timezone: str,
        leap: str,
    ) -> list[Opening]:
        span = {"after": self._after, "before": self._before}
        with pattern.lock:
            rule = pattern.beginning(start, not_before, clock)
            return list(openings_of(rule, timezone=timezone, anchor=start, leap=leap, **span))


# One set after the other asks for the same span, or for its neighbour's where sets are planned beside each other.
moments_between = lru_cache(maxsize=SEATS)(Moments)
