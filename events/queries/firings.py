"""The next firings of a rule, written or not: straight from the calendar, never from the rows."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db import connection

from events.planning import audience_sql, next_firings_of
from events.planning.audiences import anchor_date
from events.planning.members import ANCHOR, ZONE
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

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


@dataclass(frozen=True, slots=True)
class NextFiring:
    """One firing to come. `slot` is nominal wall time, `local` the same instant as `due_at` in its zone.

    `entities` is how many share it in this zone; `whose` names one of them, or says how many.
    """

    slot: datetime
    local: datetime
    due_at: datetime
    timezone: str
    note: str
    entities: int
    whose: str


def next_firings(rule: Rule, *, now: datetime, limit: int = 10) -> list[NextFiring]:
    """The rule's next firings from `now` on, by due_at; the rule may be unsaved.

    Raises InvalidRecurrence or UnknownZone for a rule that operations.check_rule would refuse.
    """
    found = [_firings_of_group(rule, row, now, limit) for row in _groups(rule, now)]
    merged: Iterable[NextFiring] = heapq.merge(*found, key=attrgetter("due_at", "timezone"))
    return [firing for firing, _ in zip(merged, range(limit), strict=False)]


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
    found = next_firings_of(rule, timezone=timezone, anchor=anchor, leap=leap, after=now, limit=limit)
    whose = example if entities == 1 else f"{entities:,} share it, such as {example}"
    return [_next_firing(firing, timezone, entities, whose) for firing in found]


def _next_firing(firing: Firing, timezone: str, entities: int, whose: str) -> NextFiring:
    local = firing.due_at.astimezone(zone(timezone))
    return NextFiring(firing.slot, local, firing.due_at, timezone, firing.note, entities, whose)
