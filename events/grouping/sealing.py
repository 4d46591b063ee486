"""A group takes no more messages: because its next one finds it so, because a person says so, or one is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import Reason
from events.transitions.groups import MOVE_MOMENT, WAITS
from events.transitions.statements import LOG_MOVED, UNSENT_SQL, id_array, run, wake_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions import Origin

SEAL_NOW = f"""
WITH open AS MATERIALIZED (
    SELECT g.id, g.occurrence_id, o.due_at, o.rule_id, o.entity_id
    FROM events_group g JOIN events_occurrence o ON o.id = g.occurrence_id
    WHERE g.id = ANY(%(groups)s::bigint[]) AND g.sealed_at IS NULL AND {WAITS}
    ORDER BY o.id FOR NO KEY UPDATE OF o, g
), decided AS MATERIALIZED (
    SELECT open.*, %(now)s::timestamptz AS next_due, %(reason)s AS reason,
           jsonb_build_object('why', %(why)s::text, 'due_at', jsonb_build_array(due_at, %(now)s::timestamptz)) AS detail
    FROM open
), grown AS (
    UPDATE events_group g SET sealed_at = GREATEST(%(now)s, g.opened_at) FROM decided d WHERE g.id = d.id
), {MOVE_MOMENT}
SELECT id, occurrence_id FROM decided ORDER BY id
"""  # noqa: S608 - put together from constants


def seal_now(
    groups: Sequence[int], *, why: str, reason: Reason = Reason.FIRE_NOW, origin: Origin
) -> list[int]:
    """Seal those of the groups that are open, due now; their occurrences' ids. The log tells why."""
    rows = run(SEAL_NOW, origin, groups=id_array(groups), reason=reason, why=why)
    wake_for(origin.now if rows else None, origin)
    return [row["occurrence_id"] for row in rows]


MARK_SEALED = """
WITH locked AS (
    SELECT g.id FROM events_group g JOIN events_occurrence o ON o.id = g.occurrence_id
    WHERE g.occurrence_id = ANY(%(occurrences)s::bigint[]) AND g.sealed_at IS NULL
    ORDER BY o.id FOR NO KEY UPDATE OF o, g
)
UPDATE events_group g SET sealed_at = GREATEST(%(now)s, g.opened_at) FROM locked WHERE g.id = locked.id
"""


def mark_sealed(occurrences: Sequence[int], *, origin: Origin) -> None:
    """Say of the groups of these occurrences, which no longer wait, that they take no more."""
    run(MARK_SEALED, origin, occurrences=id_array(occurrences))


DROP = f"""
WITH locked AS (
    SELECT o.id, o.state, o.attempt, o.claim_token, g.id AS group_id
    FROM events_occurrence o JOIN events_group g ON g.occurrence_id = o.id
    WHERE o.id = ANY(%(occurrences)s::bigint[]) AND o.state IN ({UNSENT_SQL}) AND o.attempt = 0
    ORDER BY o.id FOR NO KEY UPDATE OF o
), dropped AS (
    UPDATE events_groupitem i SET dropped_at = %(now)s FROM locked
    WHERE i.group_id = locked.group_id AND i.position = %(position)s AND i.dropped_at IS NULL
    RETURNING i.group_id
), moved AS (
    SELECT id, state AS from_state, state AS to_state, '{Reason.AMENDED}' AS reason, attempt, claim_token,
           jsonb_build_object('why', %(why)s::text, 'dropped', %(position)s) AS detail
    FROM locked JOIN dropped USING (group_id)
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""  # noqa: S608 - put together from constants


def drop(occurrences: Sequence[int], *, position: int, why: str, origin: Origin) -> list[int]:
    """Leave one message of the groups of these occurrences out; the ids that were not yet at work and had it.

    A group that no worker has touched may still change. What one has read stays as it was read.
    """
    rows = run(DROP, origin, occurrences=id_array(occurrences), position=position, why=why)
    return [row["id"] for row in rows]
