"""What other moments would do to a rule's unsent rows, counted before anything is moved. Reads alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.lifecycle import Reason
from events.transitions.schedules import RULE_SCOPE, SAME_SLOT, STANDING, Desired
from events.transitions.statements import UNSENT_SQL

if TYPE_CHECKING:
    from datetime import datetime


class Change(StrEnum):
    """What becomes of a row: it moves, is withdrawn, is written, or holds as it is."""

    MOVED = "moved"
    WITHDRAWN = "withdrawn"
    WRITTEN = "written"
    HOLDS = "holds"


@dataclass(frozen=True, slots=True)
class Shift:
    """So many rows of one zone change alike; `slot`, `before` and `after` are those of the one that is due first.

    `before` is None where there was no row, `after` where there will be none.
    """

    change: Change
    timezone: str
    rows: int
    slot: datetime
    before: datetime | None
    after: datetime | None


FIRST_OF_EACH = """
SELECT DISTINCT ON (change, timezone)
       change, timezone, count(*) OVER (PARTITION BY change, timezone), slot, before, after
FROM changed ORDER BY change, timezone, COALESCE(before, after), slot
"""

PRESENT = f"""
WITH desired AS MATERIALIZED ({{desired}}), standing AS MATERIALIZED (
    SELECT o.id, d.due_at FROM {STANDING}
), compared AS (
    SELECT CASE WHEN o.due_at <> s.due_at THEN '{Change.MOVED}' ELSE '{Change.HOLDS}' END AS change,
           o.timezone, o.tzdata_version, o.slot, o.due_at AS before, s.due_at AS after
    FROM standing s JOIN events_occurrence o ON o.id = s.id
    WHERE {RULE_SCOPE} AND NOT o.given AND o.state IN ({UNSENT_SQL})
    UNION ALL
    SELECT '{Change.WITHDRAWN}', o.timezone, o.tzdata_version, o.slot, o.due_at, NULL
    FROM events_occurrence o
    WHERE {RULE_SCOPE} AND NOT o.given AND o.state IN ({UNSENT_SQL}) AND o.id NOT IN (SELECT id FROM standing)
), changed AS (
    SELECT * FROM compared WHERE change <> '{Change.HOLDS}' OR tzdata_version <> %(tzdata_version)s
)
{FIRST_OF_EACH}
"""

MISSING = f"""
WITH desired AS MATERIALIZED ({{desired}}), changed AS (
    SELECT '{Change.WRITTEN}' AS change, d.timezone, d.slot, NULL::timestamptz AS before, d.due_at AS after
    FROM desired d LEFT JOIN LATERAL (
        SELECT * FROM events_occurrence o WHERE {SAME_SLOT} OFFSET 0
    ) AS o ON true
    WHERE o.id IS NULL OR o.state = 'CANCELLED' AND o.reason IN ('{Reason.SUPERSEDED}', '{Reason.ENTITY_DELETED}')
)
{FIRST_OF_EACH}
"""


def foresee(wanted: Desired, missing: Desired, *, rule_id: int, tzdata_version: str) -> list[Shift]:
    """What moving the rule's unsent rows to `wanted`, and writing what is `missing`, would change, by zone.

    What holds is told where another release of the zone data resolved it.
    """
    own: dict[str, Any] = {"rule_scope": rule_id, "tzdata_version": tzdata_version}
    found = []
    for statement, desired in ((PRESENT, wanted), (MISSING, missing)):
        with connection.cursor() as cursor:
            cursor.execute(statement.format(desired=desired.sql), {**own, **desired.parameters})
            found += [Shift(Change(change), *rest) for change, *rest in cursor.fetchall()]
    return found
