"""The next firings of a rule, written or not: straight from the calendar, never from the rows."""

from __future__ import annotations

import heapq
from copy import copy
from dataclasses import dataclass, replace
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.lifecycle import UNSENT
from events.models import EveryFrom
from events.planning import YEARS_AHEAD, audience_sql, next_firings_of, policies_of, recurrence_of
from events.planning.anchors import anchor_date
from events.planning.members import ANCHOR, ZONE
from events.planning.recurrences import Opening, openings_of
from events.timing import check_window, zone
from events.timing import next_firings as first_firings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.models import Rule
    from events.timing import Firing

# An audience with more groups than this is looked at from its nearest anniversaries on; the others cannot be among
# the next few of a yearly rule.
MOST_GROUPS = 3_000

# Anniversaries of one day share every firing to come of a plain yearly rule, whatever their year.
# The order is by days until the anniversary, in months of 31 days.
GROUPS = f"""
WITH member AS (
    SELECT {ZONE} AS zone, {ANCHOR} AS anchor, e.leap, COALESCE(NULLIF(e.name, ''), e.external_id) AS name
    FROM events_entity e WHERE {{members}}
), shared AS (
    SELECT zone, min(anchor) AS anchor, leap, count(*) AS entities, min(name) AS name
    FROM member
    GROUP BY zone, leap, CASE WHEN %(yearly)s AND anchor <= %(today)s THEN substr(anchor, 5) ELSE anchor END
)
SELECT zone, anchor, leap, entities, name FROM shared
ORDER BY CASE WHEN anchor ~ '^[0-9]+-[0-9][0-9]-[0-9][0-9]$'
              THEN (split_part(anchor, '-', 2)::int * 31 + split_part(anchor, '-', 3)::int - %(since)s + 744) %% 372
         END NULLS LAST, zone, leap
LIMIT %(most)s
"""  # noqa: S608 - constants
# Some zone is still in yesterday, and a missing day may be moved by one.
SLACK = timedelta(days=2)


# What is planned of a rule that counts from completion: nobody knows more of it.
PLANNED = """
SELECT o.timezone, o.slot, o.due_at, o.note, count(*) AS entities, min(COALESCE(NULLIF(e.name, ''), e.external_id))
FROM events_occurrence o JOIN events_entity e ON e.id = o.entity_id
WHERE o.rule_id = %(rule_id)s AND o.state = ANY(%(unsent)s) AND o.due_at >= %(now)s
GROUP BY o.timezone, o.slot, o.due_at, o.note
ORDER BY o.due_at, o.timezone
LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class NextFiring:
    """One firing to come. `slot` is nominal wall time, `local` the same instant as `due_at` in its zone.

    Of a rule with a window this is when it opens, and `closes` (local) when it is over: what is drawn within it is
    told by the row. `entities` is how many share it in this zone; `whose` names one of them, or says how many.
    """

    slot: datetime
    local: datetime
    due_at: datetime
    timezone: str
    note: str
    entities: int
    whose: str
    closes: datetime | None = None


def next_firings(rule: Rule, *, now: datetime, limit: int = 10, timed_anew: bool = False) -> list[NextFiring]:
    """The rule's next firings from `now` on, by due_at; the rule may be unsaved. Windows that are open count.

    `timed_anew`: as if its times were written now, which is so of an unsaved rule anyway. Of a rule that counts from
    completion only the next of each entity is known: what is planned, or what would be first.
    Raises InvalidRecurrence or UnknownZone for a rule that operations.check_rule would refuse.
    """
    if rule.window is not None:
        check_window(rule.window, rule.draws, rule.spacing)
    if rule.every_from == EveryFrom.COMPLETION and rule.pk:
        return _planned(rule, now, limit)
    if timed_anew or rule.pk is None:
        rule = copy(rule)
        rule.timed_since = now
    found = [_firings_of_group(rule, row, now, limit) for row in _groups(rule, now)]
    merged: Iterable[NextFiring] = heapq.merge(*found, key=attrgetter("due_at", "timezone"))
    return [firing for firing, _ in zip(merged, range(limit), strict=False)]


def _planned(rule: Rule, now: datetime, limit: int) -> list[NextFiring]:
    with connection.cursor() as cursor:
        told: dict[str, Any] = {"rule_id": rule.pk, "unsent": sorted(UNSENT), "now": now, "limit": limit}
        cursor.execute(PLANNED, told)
        rows = cursor.fetchall()
    return [
        NextFiring(
            slot, due_at.astimezone(zone(name)), due_at, name, note, entities, _whose(entities, example)
        )
        for name, slot, due_at, note, entities, example in rows
    ]


def _groups(rule: Rule, now: datetime) -> list[tuple[str, str, str, int, str]]:
    members, parameters = audience_sql(rule, None)
    since = now - SLACK - timedelta(days=rule.anchor_offset_days)
    parameters |= {
        "yearly": rule.rrule.strip().removeprefix("RRULE:") == "FREQ=YEARLY",
        "today": now.date().isoformat(),
        "since": since.month * 31 + since.day,
        "most": MOST_GROUPS,
    }
    with connection.cursor() as cursor:
        cursor.execute(GROUPS.format(members=members), parameters)
        rows: list[tuple[str, str, str, int, str]] = cursor.fetchall()
    return rows


def _firings_of_group(
    rule: Rule, row: tuple[str, str, str, int, str], now: datetime, limit: int
) -> list[NextFiring]:
    timezone, written, leap, entities, example = row
    anchor = anchor_date(written)
    if rule.anchor and anchor is None:
        return []
    moments = _openings(rule, timezone, anchor, leap, now, limit)
    return [_next_firing(moment, timezone, entities, _whose(entities, example)) for moment in moments]


def _whose(entities: int, example: str) -> str:
    return example if entities == 1 else f"{entities:,} share it, such as {example}"


def _openings(
    rule: Rule, timezone: str, anchor: date | None, leap: str, now: datetime, limit: int
) -> list[Opening]:
    """The next moments of a group; where there is a window, those that are open or to come."""
    if rule.window is not None:
        return _windows(rule, timezone, anchor, leap, now, limit)
    found = (
        _first_of_interval(rule, timezone, leap, now)
        if rule.every_from == EveryFrom.COMPLETION
        else next_firings_of(rule, timezone=timezone, anchor=anchor, leap=leap, after=now, limit=limit)
    )
    return [Opening(one.slot, one.fold, one.due_at, one.due_at, one.note) for one in found]


def _windows(
    rule: Rule, timezone: str, anchor: date | None, leap: str, now: datetime, limit: int
) -> list[Opening]:
    after = now
    if anchor is not None and rule.start_date is not None and rule.start_date > now.date():
        # Nothing fires before it.
        after = max(now, datetime.combine(rule.start_date, time.min, zone(timezone)) - SLACK)
    before = datetime(min(after.year + YEARS_AHEAD, MAXYEAR), 12, 31, tzinfo=UTC)
    found = openings_of(rule, timezone=timezone, anchor=anchor, leap=leap, after=after, before=before)
    return list(islice(found, limit))


def _first_of_interval(rule: Rule, timezone: str, leap: str, now: datetime) -> list[Firing]:
    """What is first of a rule that counts from completion and was never planned."""
    interval = replace(recurrence_of(rule, None), every=rule.every)
    return first_firings(interval, zone(timezone), policies_of(rule, leap), after=now, limit=1)


def _next_firing(moment: Opening, timezone: str, entities: int, whose: str) -> NextFiring:
    tz = zone(timezone)
    opens, closes = moment.opens_at.astimezone(tz), moment.closes_at.astimezone(tz)
    return NextFiring(
        moment.slot,
        opens,
        moment.opens_at,
        timezone,
        moment.note,
        entities,
        whose,
        None if moment.closes_at == moment.opens_at else closes,
    )
