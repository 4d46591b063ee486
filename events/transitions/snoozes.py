"""Put off: a row of a given moment stands for another one, with what that one would have told its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import Reason, State
from events.timing import TZDATA_VERSION
from events.transitions.statements import LOG_MOVED, UNSENT_SQL, run, wake_for

if TYPE_CHECKING:
    from datetime import datetime

    from events.transitions.origin import Origin

# What has been sent, or was skipped, stays as it is. The new row's slot is told apart from all others of its second by
# microseconds, so that a series which comes upon that second still has its own.
SNOOZE = f"""
WITH target AS (
    SELECT o.* FROM events_occurrence o
    WHERE o.id = %(id)s AND o.state IN ({UNSENT_SQL}, '{State.COMPLETED}', '{State.SKIPPED}') FOR UPDATE
), given AS (
    INSERT INTO events_occurrence AS o (rule_id, entity_id, slot, fold, timezone, tzdata_version, note, due_at,
                                        available_at, snapshot, payload, given, state, reason, hold, attempt, failures)
    SELECT t.rule_id, t.entity_id,
           %(slot)s::timestamp + (COALESCE(last.microseconds, 0) + 1) * interval '1 microsecond', %(fold)s, t.timezone,
           %(tzdata_version)s, 'snoozed from ' || to_char(t.slot, 'YYYY-MM-DD HH24:MI'), %(until)s, %(until)s,
           t.snapshot, t.payload, true, '{State.SCHEDULED}', '{Reason.GIVEN}', '', 0, 0
    FROM target t CROSS JOIN LATERAL (
        SELECT max(extract(microseconds FROM s.slot - %(slot)s::timestamp))::int AS microseconds
        FROM events_occurrence s
        WHERE s.rule_id = t.rule_id AND s.entity_id = t.entity_id AND s.fold = %(fold)s
          AND s.slot >= %(slot)s::timestamp AND s.slot < %(slot)s::timestamp + interval '1 second'
    ) AS last
    RETURNING o.*
), put_off AS (
    UPDATE events_occurrence o
    SET state = '{State.CANCELLED}', reason = '{Reason.SNOOZED}', hold = '', claim_token = NULL,
        lease_expires_at = NULL, finished_at = %(now)s
    FROM target t WHERE o.id = t.id AND t.state IN ({UNSENT_SQL})
    RETURNING o.*
), moved AS (
    SELECT p.id, t.state AS from_state, p.state AS to_state, p.reason, p.attempt, t.claim_token,
           jsonb_build_object('why', %(why)s::text, 'stands_for_it', g.id, 'until', g.due_at) AS detail
    FROM put_off p JOIN target t ON t.id = p.id CROSS JOIN given g
    UNION ALL
    SELECT g.id, '', g.state, g.reason, g.attempt, g.claim_token,
           jsonb_build_object('why', %(why)s::text, 'snoozed_from', t.id, 'was_due_at', t.due_at)
    FROM given g CROSS JOIN target t
), logged AS ({LOG_MOVED})
SELECT id FROM given
"""


def snooze(
    occurrence_id: int, *, until: datetime, slot: datetime, fold: int, why: str = "", origin: Origin
) -> int | None:
    """UNSENT -> CANCELLED(snoozed), and a row at `until` that stands for it; its id, or None if nothing was put off.

    Of what is COMPLETED or SKIPPED another one comes at `until`, and it stays. `slot` is the whole second of `until`
    as wall time in the row's zone. Whoever calls holds what keeps others from giving rows to the same entity.
    """
    rows = run(
        SNOOZE, origin,
        id=occurrence_id, until=until, slot=slot, fold=fold, why=why, tzdata_version=TZDATA_VERSION,
    )  # fmt: skip
    if not rows:
        return None
    wake_for(until, origin)
    return int(rows[0]["id"])
