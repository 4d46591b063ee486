"""What happens to rows whose holder went silent: the lease ran out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import LOST_ATTEMPT, Reason, State
from events.shards import WHOLE, Shard, in_shard
from events.transitions.statements import (
    FINAL_SQL,
    HOLD_IF_EDITED,
    LOG_TOGETHER,
    UNCLAIMED_STATE,
    run,
    wake_for,
)

if TYPE_CHECKING:
    from events.transitions.origin import Origin

# A chunk that a worker has taken up outlives its claim: see chunk_runs.
RETURN_CLAIMS = f"""
WITH target AS (
    SELECT o.id, o.claim_token FROM events_occurrence o
    WHERE o.state = '{State.PENDING}' AND o.lease_expires_at <= %(now)s AND {in_shard("o.entity_id")}
      AND NOT EXISTS (SELECT FROM events_chunkstart c
                      WHERE c.claim_token = o.claim_token AND o.id = ANY(c.occurrences))
    ORDER BY o.lease_expires_at LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
), moved AS (
    UPDATE events_occurrence o
    SET state = {UNCLAIMED_STATE}, reason = '{Reason.CLAIM_LAPSED}', claim_token = NULL, lease_expires_at = NULL
    FROM target t WHERE o.id = t.id
    RETURNING o.id, '{State.PENDING}' AS from_state, o.state AS to_state, o.reason, o.attempt,
              t.claim_token, NULL::jsonb AS detail, o.available_at
), logged AS ({LOG_TOGETHER})
SELECT count(*) AS moved, min(available_at) AS earliest FROM moved
"""


def return_lapsed_claims(*, limit: int, shard: Shard = WHOLE, origin: Origin) -> int:
    """PENDING -> SCHEDULED | RETRYING where the lease ran out (the message was lost or is late); how many moved."""
    row = run(RETURN_CLAIMS, origin, limit=limit, **shard.parameters)[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])


@dataclass(frozen=True, slots=True)
class Lapses:
    """How many lost attempts became what."""

    retrying: int
    failed: int
    unknown: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.retrying + self.failed + self.unknown


# The attempt says which kind of handler was running, so that no handler must be installed here.
# Who was lost in company is not counted as failed: one row may have killed the worker of all. From then on it travels
# with ever fewer, and is counted once it is alone.
SETTLE_LOST = f"""
WITH lost AS (
    SELECT o.id, o.claim_token, o.failures, o.rule_id, a.handler_kind, CASE WHEN EXISTS (
               SELECT 1 FROM events_attempt other
               WHERE other.task_id = a.task_id AND other.occurrence_id <> o.id AND a.task_id <> ''
           ) THEN 0 ELSE 1 END AS counts
    FROM events_occurrence o JOIN events_attempt a ON a.occurrence_id = o.id AND a.number = o.attempt
    WHERE o.state = '{State.PROCESSING}' AND o.lease_expires_at <= %(now)s AND {in_shard("o.entity_id")}
    ORDER BY o.lease_expires_at LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
), target AS (
    SELECT lost.id, lost.claim_token, lost.counts,
           CASE WHEN lost.handler_kind = '{Kind.NON_IDEMPOTENT}' THEN '{State.UNKNOWN}'
                WHEN lost.failures + lost.counts >= r.max_attempts THEN '{State.FAILED}'
                ELSE '{State.RETRYING}' END AS to_state
    FROM lost JOIN events_rule r ON r.id = lost.rule_id
), moved AS (
    UPDATE events_occurrence o
    SET state = t.to_state, reason = '{Reason.WORKER_LOST}', failures = o.failures + t.counts,
        available_at = CASE WHEN t.to_state = '{State.RETRYING}' THEN %(now)s ELSE o.available_at END,
        hold = CASE WHEN t.to_state = '{State.RETRYING}' THEN {HOLD_IF_EDITED} ELSE '' END,
        claim_token = NULL, lease_expires_at = NULL,
        finished_at = CASE WHEN t.to_state IN ({FINAL_SQL}) THEN %(now)s::timestamptz END
    FROM target t WHERE o.id = t.id
    RETURNING o.id, '{State.PROCESSING}' AS from_state, o.state AS to_state, o.reason, o.attempt,
              t.claim_token, NULL::jsonb AS detail
), attempted AS (
    UPDATE events_attempt a SET finished_at = %(now)s, outcome = '{LOST_ATTEMPT}'
    FROM moved m WHERE a.occurrence_id = m.id AND a.number = m.attempt
), logged AS ({LOG_TOGETHER})
SELECT to_state, count(*) AS moved FROM moved GROUP BY to_state
"""


def settle_lost_attempts(*, limit: int, shard: Shard = WHOLE, origin: Origin) -> Lapses:
    """PROCESSING -> RETRYING, FAILED or UNKNOWN, by the handler's kind, where the lease ran out."""
    settled = run(SETTLE_LOST, origin, limit=limit, **shard.parameters)
    moved = {row["to_state"]: int(row["moved"]) for row in settled}
    lapses = Lapses(
        retrying=moved.get(State.RETRYING, 0),
        failed=moved.get(State.FAILED, 0),
        unknown=moved.get(State.UNKNOWN, 0),
    )
    wake_for(origin.now if lapses.retrying else None, origin)
    return lapses
