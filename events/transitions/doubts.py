"""UNKNOWN rows: asked about by their handler, or settled by their rule's policy."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from events.lifecycle import Reason, State
from events.shards import WHOLE, Shard, in_shard
from events.transitions.statements import LOG_MOVED, run, wake_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions.origin import Origin

# So often is a receiver asked, beyond the attempts that the rule allows, before a person or the policy must decide.
MOST_QUESTIONS = 8
LONGEST_WAIT = timedelta(days=3650)

# Not past its expiry: what did not happen could not be called any more.
CAN_BE_ASKED = f"""
    r.handler = ANY(%(verifying)s) AND r.state <> 'retired' AND e.deleted_at IS NULL
    AND o.failures < r.max_attempts + {MOST_QUESTIONS}
    AND (r.expires_after IS NULL OR o.due_at + r.expires_after > %(now)s)
"""

UNKNOWN_ROWS = f"""
    FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id JOIN events_entity e ON e.id = o.entity_id
    WHERE o.state = '{State.UNKNOWN}' AND {in_shard("o.entity_id")}
"""

ASK = f"""
WITH target AS (
    SELECT o.id, interval '1 second' * least(
               {LONGEST_WAIT.total_seconds()}, extract(epoch FROM r.backoff_cap),
               extract(epoch FROM r.backoff_base) * power(2, least(o.failures, 30) - 1)) AS wait
    {UNKNOWN_ROWS} AND r.state = 'active' AND {CAN_BE_ASKED}
    ORDER BY o.id LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.RETRYING}', reason = '{Reason.VERIFYING}', available_at = %(now)s + target.wait
    FROM target WHERE o.id = target.id
    RETURNING o.id, '{State.UNKNOWN}' AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              NULL::jsonb AS detail, o.available_at
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved, min(available_at) AS earliest FROM moved
"""


def ask_about_unknown(verifying: Sequence[str], *, limit: int, shard: Shard = WHOLE, origin: Origin) -> int:
    """UNKNOWN -> RETRYING for rows whose handler, one of these, can ask what became of them; how many moved.

    Asked anew after the rule's backoff, and at most MOST_QUESTIONS times.
    """
    row = run(ASK, origin, verifying=list(verifying), limit=limit, **shard.parameters)[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])


BY_POLICY = f"""
WITH target AS (
    SELECT o.id, r.when_unknown
    {UNKNOWN_ROWS} AND r.when_unknown <> 'ask' AND r.handler = ANY(%(installed)s) AND NOT ({CAN_BE_ASKED})
    ORDER BY o.id LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
), moved AS (
    UPDATE events_occurrence o
    SET state = CASE target.when_unknown WHEN 'complete' THEN '{State.COMPLETED}' ELSE '{State.CANCELLED}' END,
        reason = '{Reason.RESOLVED}', finished_at = %(now)s
    FROM target WHERE o.id = target.id
    RETURNING o.id, '{State.UNKNOWN}' AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              jsonb_build_object('policy', target.when_unknown) AS detail
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved FROM moved
"""


def resolve_by_policy(
    verifying: Sequence[str],
    installed: Sequence[str],
    *,
    limit: int,
    shard: Shard = WHOLE,
    origin: Origin,
) -> int:
    """UNKNOWN -> COMPLETED or CANCELLED where the rule says so and its handler cannot be asked; how many moved.

    Whether a handler that is not installed could be asked is not known: its rows wait.
    """
    parameters = {"verifying": list(verifying), "installed": list(installed), "limit": limit}
    return int(run(BY_POLICY, origin, **parameters, **shard.parameters)[0]["moved"])
