"""Intervals that count from the end of the one before: whose next moment is known now, and when it is."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING

from django.db import connection

from events.lifecycle import UNSENT, Reason
from events.planning.members import SNAPSHOT, ZONE, audience_sql
from events.planning.recurrences import policies_of
from events.timing import Recurrence, next_after_completion, next_firings, zone
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from events.models import Rule
    from events.timing import Firing

# An edit took them back before anything happened: as if they had never been.
WITHDRAWN = (Reason.SUPERSEDED.value, Reason.ENTITY_DELETED.value)

# Each member with the end of its latest occurrence, or none if it never had one; a member whose latest one is at work,
# or whose outcome nobody knows, has no next moment yet, and is left out.
ENDS = f"""
SELECT e.id, {ZONE} AS zone, e.leap, last.finished_at, GREATEST(e.created_at, %(timed_since)s) AS since
FROM events_entity e
LEFT JOIN LATERAL (
    SELECT o.state, o.finished_at FROM events_occurrence o
    WHERE o.rule_id = %(rule_id)s AND o.entity_id = e.id AND o.state <> ALL(%(overlooked)s)
      AND NOT (o.state = 'CANCELLED' AND o.reason = ANY(%(withdrawn)s))
    ORDER BY o.slot DESC LIMIT 1
) AS last ON true
WHERE {{members}} AND (last.state IS NULL OR last.finished_at IS NOT NULL)
"""  # noqa: S608 - constants

DESIRED = """
    SELECT %(rule_id)s::bigint AS rule_id, e.id AS entity_id, s.slot, s.fold, s.timezone, s.note, s.due_at,
           {snapshot} AS snapshot
    FROM events_entity e
    JOIN unnest(%(entities)s::bigint[], %(zones)s::text[], %(slots)s::timestamp[], %(folds)s::smallint[],
                %(notes)s::text[], %(dues)s::timestamptz[]) AS s(entity_id, timezone, slot, fold, note, due_at)
      ON s.entity_id = e.id
"""


def rows_after_completion(rule: Rule, entity_ids: list[int] | None, *, anew: bool) -> Desired:
    """The next row of each member, or of some of them, wherever it lies; the caller adds or compares.

    It is one duration after the end of the member's latest occurrence, to the second; the first is the first moment
    of the interval, counted from the rule's start, since the member and the rule's times are known. `anew`: as if
    nothing were to come; otherwise only for those who have none to come.
    """
    _, parameters = audience_sql(rule, entity_ids)
    next_of = _next_of(rule)
    found = [
        (entity_id, timezone, firing)
        for entity_id, timezone, leap, ended_at, since in _ends(rule, entity_ids, anew=anew)
        if (firing := next_of(timezone, leap, ended_at, since)) is not None
    ]
    return Desired(
        DESIRED.format(snapshot=SNAPSHOT),
        {
            **parameters,
            "entities": [entity_id for entity_id, _, _ in found],
            "zones": [timezone for _, timezone, _ in found],
            "slots": [firing.slot for _, _, firing in found],
            "folds": [firing.fold for _, _, firing in found],
            "notes": [firing.note for _, _, firing in found],
            "dues": [firing.due_at for _, _, firing in found],
        },
    )


def is_any_awaited(rule: Rule) -> bool:
    """Whether a member has no row to come, though its next moment is known."""
    return bool(_ends(rule, None, anew=False))


def _ends(
    rule: Rule, entity_ids: list[int] | None, *, anew: bool
) -> list[tuple[int, str, str, datetime | None, datetime]]:
    members, parameters = audience_sql(rule, entity_ids)
    own: dict[str, Any] = {
        "timed_since": rule.timed_since,
        "overlooked": sorted(UNSENT) if anew else [],
        "withdrawn": list(WITHDRAWN),
    }
    with connection.cursor() as cursor:
        cursor.execute(ENDS.format(members=members), {**parameters, **own})
        rows: list[tuple[int, str, str, datetime | None, datetime]] = cursor.fetchall()
    return rows


def _next_of(rule: Rule) -> Callable[[str, str, datetime | None, datetime], Firing | None]:
    """The function from a member's zone, leap policy, end of its latest and begin, to its next firing.

    Members who begin alike share the answer.
    """
    start = datetime.combine(rule.start_date or date.min, rule.local_time or time.min)
    from_start = Recurrence(start, every=rule.every)

    @cache
    def next_of(timezone: str, leap: str, ended_at: datetime | None, since: datetime) -> Firing | None:
        tz, policies = zone(timezone), policies_of(rule, leap)
        if ended_at is not None:
            return next_after_completion(rule.every, ended_at.replace(microsecond=0), tz, policies)
        return next(iter(next_firings(from_start, tz, policies, after=since, limit=1)), None)

    return next_of
