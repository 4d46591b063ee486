"""Intervals that count from the end of the one before: whose next moment is known now, and when it is."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

from events.lifecycle import UNSENT, Reason
from events.planning.members import SNAPSHOT, ZONE, audience_sql
from events.planning.recurrences import policies_of
from events.shards import WHOLE, Shard, in_shard
from events.timing import Recurrence, next_after_completion, next_firings, zone
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.models import Rule
    from events.timing import Firing

# An edit took them back before anything happened: as if they had never been.
TAKEN_BACK = (Reason.SUPERSEDED.value, Reason.ENTITY_DELETED.value)

# What counts: not what an edit took back, nor, for whoever plans anew, what is still to come.
COUNTS = """o.rule_id = %(rule_id)s AND o.entity_id = e.id AND o.state <> ALL(%(overlooked)s)
      AND NOT (o.state = 'CANCELLED' AND o.reason = ANY(%(taken_back)s))"""

# Each member with the moment and the end of its latest occurrence, or none if it never had one; a member whose latest
# one is at work, or whose outcome nobody knows, has no next moment yet, and is left out. Who moves to the west has the
# greatest slot behind them, by a day and two hours at most.
ENDS = f"""
SELECT e.id, {ZONE} AS zone, e.leap, last.due_at, last.finished_at, GREATEST(e.created_at, %(timed_since)s) AS since
FROM events_entity e
LEFT JOIN LATERAL (
    SELECT o.slot FROM events_occurrence o WHERE {COUNTS} ORDER BY o.slot DESC LIMIT 1
) AS greatest ON true
LEFT JOIN LATERAL (
    SELECT o.due_at, o.finished_at FROM events_occurrence o
    WHERE {COUNTS} AND o.slot > greatest.slot - interval '2 days' ORDER BY o.due_at DESC, o.id DESC LIMIT 1
) AS last ON true
WHERE {{members}} AND (last.due_at IS NULL OR last.finished_at IS NOT NULL)
"""  # noqa: S608 - constants

# A slot that the member had before, in another zone, is told from it by microseconds.
DESIRED = f"""
    SELECT %(rule_id)s::bigint AS rule_id, e.id AS entity_id, s.slot + had.rows * interval '1 microsecond' AS slot,
           s.fold, s.timezone, s.note, s.due_at, {SNAPSHOT} AS snapshot
    FROM events_entity e
    JOIN unnest(%(entities)s::bigint[], %(zones)s::text[], %(slots)s::timestamp[], %(folds)s::smallint[],
                %(notes)s::text[], %(dues)s::timestamptz[]) AS s(entity_id, timezone, slot, fold, note, due_at)
      ON s.entity_id = e.id
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows FROM events_occurrence o
        WHERE {COUNTS} AND o.fold = s.fold AND o.slot >= s.slot AND o.slot < s.slot + interval '1 second'
          AND o.finished_at IS NOT NULL
    ) AS had
"""  # noqa: S608 - constants


class End(NamedTuple):
    """A member's latest occurrence: when it was due and ended, or None; the first one comes at `since` or later."""

    entity_id: int
    timezone: str
    leap: str
    due_at: datetime | None
    ended_at: datetime | None
    since: datetime


def rows_after_completion(
    rule: Rule, entity_ids: Sequence[int] | None, *, anew: bool, shard: Shard = WHOLE
) -> Desired:
    """The next row of each member, or of some of them, wherever it lies; the caller adds or compares.

    It is one duration after the end of the member's latest occurrence, to the second, and never before that one was
    due; the first is the first moment of the interval, counted from the rule's start, since the member and the rule's
    times are known. `anew`: as if nothing were to come; otherwise only for those who have none to come.
    """
    _, parameters = audience_sql(rule, entity_ids)
    next_of = _next_of(rule)
    found = [
        (end, firing)
        for end in _ends(rule, entity_ids, anew=anew, shard=shard)
        if (firing := next_of(*end[1:])) is not None
    ]
    return Desired(
        DESIRED,
        {
            **parameters,
            **_counting(anew=anew),
            "entities": [end.entity_id for end, _ in found],
            "zones": [end.timezone for end, _ in found],
            "slots": [firing.slot for _, firing in found],
            "folds": [firing.fold for _, firing in found],
            "notes": [firing.note for _, firing in found],
            "dues": [firing.due_at for _, firing in found],
        },
    )


def is_any_awaited(rule: Rule, shard: Shard = WHOLE) -> bool:
    """Whether a member has no row to come, though its next moment is known."""
    return bool(_ends(rule, None, anew=False, shard=shard))


def _counting(*, anew: bool) -> dict[str, list[str]]:
    return {"overlooked": sorted(UNSENT) if anew else [], "taken_back": list(TAKEN_BACK)}


def _ends(rule: Rule, entity_ids: Sequence[int] | None, *, anew: bool, shard: Shard) -> list[End]:
    members, parameters = audience_sql(rule, entity_ids)
    members += f" AND {in_shard('e.id')}"
    parameters |= {"timed_since": rule.timed_since, **_counting(anew=anew), **shard.parameters}
    with connection.cursor() as cursor:
        cursor.execute(ENDS.format(members=members), parameters)
        return [End(*row) for row in cursor.fetchall()]


def _next_of(rule: Rule) -> Callable[..., Firing | None]:
    """The function from all of an End but its member to the next firing. Members who stand alike share the answer."""
    start = datetime.combine(rule.start_date or date.min, rule.local_time or time.min)
    from_start = Recurrence(start, every=rule.every)

    @cache
    def next_of(
        timezone: str, leap: str, due_at: datetime | None, ended_at: datetime | None, since: datetime
    ) -> Firing | None:
        tz, policies = zone(timezone), policies_of(rule, leap)
        if due_at is None or ended_at is None:
            return next(iter(next_firings(from_start, tz, policies, after=since, limit=1)), None)
        found = next_after_completion(rule.every, ended_at.replace(microsecond=0), tz, policies)
        if found is None or found.due_at > due_at:
            return found
        return next_after_completion(
            rule.every, due_at, tz, policies
        )  # fired, or cancelled, ahead of its time

    return next_of
