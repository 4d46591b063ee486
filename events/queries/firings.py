"""The next firings of a rule, written or not: straight from the calendar, never from the rows."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db import connection

from events.planning import audience_sql, next_firings_of
from events.planning.audiences import ANCHOR, ZONE, anchor_date
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from events.models import Rule
    from events.timing import Firing

# An audience with more distinct (zone, anchor date, leap policy) than this is looked at from its nearest
# anniversaries on; the others cannot be among the next few of a yearly rule.
MOST_GROUPS = 3_000

# Days between today and the anniversary, in months of 31 days: only the order matters.
NEAREST_FIRST = """
    CASE WHEN {anchor} ~ '^[0-9]{{{{4}}}}-[0-9]{{{{2}}}}-[0-9]{{{{2}}}}$'
         THEN (substr({anchor}, 6, 2)::int * 31 + substr({anchor}, 9, 2)::int - %(today)s + 744) %% 372 END
""".format(anchor=f"({ANCHOR})")

SHARED = f"""
SELECT {ZONE}, {ANCHOR}, e.leap, count(*), min(COALESCE(NULLIF(e.name, ''), e.external_id))
FROM events_entity e WHERE {{members}}
GROUP BY 1, 2, 3 ORDER BY min({NEAREST_FIRST}) NULLS LAST, 1, 3 LIMIT {MOST_GROUPS}
"""  # noqa: S608 - constants


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
    # Two days of slack, because some zone is already in tomorrow, or still in yesterday.
    today = now.month * 31 + now.day - rule.anchor_offset_days - 2
    with connection.cursor() as cursor:
        cursor.execute(SHARED.format(members=members), {**parameters, "today": today % 372})
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
