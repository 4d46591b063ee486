"""Claimable rows that are kept from being claimed, visibly, and let go when the cause is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import Hold, Reason, State
from events.shards import WHOLE, Shard, in_shard
from events.transitions.siblings import IN_THE_WAY
from events.transitions.statements import CLAIMABLE_SQL, LOG_MOVED, STATE_OF_ID, id_array, run, wake_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions.origin import Origin

HOLD = f"""
WITH moved AS (
    UPDATE events_occurrence o SET hold = %(hold)s, reason = %(hold)s, destination = %(destination)s
    WHERE o.id = ANY(%(ids)s::bigint[]) AND {STATE_OF_ID} IN ({CLAIMABLE_SQL}) AND o.hold = ''
    RETURNING o.id, o.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              CASE WHEN o.destination <> '' THEN jsonb_build_object('destination', o.destination) END AS detail
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved FROM moved
"""


def hold(ids: Sequence[int], *, cause: Hold, destination: str = "", origin: Origin) -> int:
    """Keep claimable rows from being claimed, visibly, until they are released; how many were held."""
    return int(run(HOLD, origin, ids=id_array(ids), hold=cause, destination=destination)[0]["moved"])


# Rows that another transaction is moving are left to the next look.
RELEASE = f"""
WITH target AS (
    SELECT o.id FROM events_occurrence o WHERE {{which}} AND {in_shard("o.entity_id")}
    ORDER BY o.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE events_occurrence o SET hold = '', reason = %(reason)s FROM target WHERE o.id = target.id
    RETURNING o.id, o.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              NULL::jsonb AS detail, o.available_at
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved, min(available_at) AS earliest FROM moved
"""

OF_RULES = "o.hold = %(hold)s AND o.rule_id = ANY(%(rule_ids)s)"
OF_PAIRS = f"{OF_RULES} AND o.entity_id = ANY(%(entity_ids)s)"
BREAKER_CLOSED = f"""
    o.hold = '{Hold.BREAKER_OPEN}' AND NOT EXISTS (
        SELECT 1 FROM events_breaker b JOIN events_rule r ON r.handler = b.handler
        WHERE r.id = o.rule_id AND b.destination = o.destination AND b.state <> 'closed')
"""
# The oldest that each breaker holds whose next probe is due, and whose latest probe is not on its way to a worker.
PROBES = f"""
    o.id IN (
        SELECT oldest.id FROM events_breaker b CROSS JOIN LATERAL (
            SELECT held.id FROM events_occurrence held JOIN events_rule r ON r.id = held.rule_id
            WHERE held.hold = '{Hold.BREAKER_OPEN}' AND held.destination = b.destination AND r.handler = b.handler
              AND {in_shard("held.entity_id")}
            ORDER BY held.available_at, held.id LIMIT 1
        ) AS oldest
        WHERE b.state <> 'closed' AND b.probe_at <= %(now)s
          AND NOT EXISTS (SELECT 1 FROM events_occurrence p WHERE p.id = b.probe AND p.state = '{State.PENDING}')
    ) AND o.hold = '{Hold.BREAKER_OPEN}'
"""

# One for each rule and entity, the oldest: the others would only be held again behind it.
OVERLAP_ENDED = f"""
    o.id IN (
        SELECT DISTINCT ON (held.rule_id, held.entity_id) held.id FROM events_occurrence held
        WHERE held.hold = '{Hold.OVERLAPPING}' ORDER BY held.rule_id, held.entity_id, held.due_at, held.id
    ) AND o.hold = '{Hold.OVERLAPPING}' AND NOT EXISTS (SELECT 1 FROM events_occurrence s WHERE {IN_THE_WAY})
"""
# Nobody waits where waiting is not the rule's policy any more.
NO_LONGER_QUEUED = f"""
    o.hold = '{Hold.OVERLAPPING}' AND o.rule_id IN (SELECT r.id FROM events_rule r WHERE r.overlap = 'allow')
"""
EVERY_ROW = 2**31 - 1


def release(
    rule_ids: Sequence[int],
    *,
    entity_ids: Sequence[int] | None = None,
    cause: Hold,
    reason: Reason,
    shard: Shard = WHOLE,
    origin: Origin,
) -> int:
    """Let the rows of these rules (of some entities) that were held for one cause be claimed again; how many."""
    which: dict[str, object] = {"rule_ids": list(rule_ids), "hold": cause}
    if entity_ids is None:
        return _release(OF_RULES, reason, origin, shard, **which)
    return _release(OF_PAIRS, reason, origin, shard, entity_ids=list(entity_ids), **which)


def release_closed_breakers(*, limit: int, shard: Shard = WHOLE, origin: Origin) -> int:
    """Let rows be claimed again whose destination's breaker has closed; how many."""
    return _release(BREAKER_CLOSED, Reason.BREAKER_CLOSED, origin, shard, limit=limit)


def release_probes(*, shard: Shard = WHOLE, origin: Origin) -> int:
    """Let the oldest row go that each open breaker holds, where its next probe is due; how many."""
    return _release(PROBES, Reason.BREAKER_PROBE, origin, shard)


def release_overlapping(*, shard: Shard = WHOLE, origin: Origin) -> int:
    """Let the next row of each rule and entity go that waited for an earlier one which has ended; how many."""
    unqueued = _release(NO_LONGER_QUEUED, Reason.OVERLAP_ENDED, origin, shard)
    return unqueued + _release(OVERLAP_ENDED, Reason.OVERLAP_ENDED, origin, shard)


def _release(which: str, reason: Reason, origin: Origin, shard: Shard, **parameters: object) -> int:
    known = {"limit": EVERY_ROW, **shard.parameters, **parameters}
    row = run(RELEASE.format(which=which), origin, reason=reason, **known)[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])
