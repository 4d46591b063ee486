"""What operators may do to rows. Each verb moves what may legally move and says which ids did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import DEAD_LETTERS, Reason, State
from events.transitions.errors import IllegalMove, known_reason
from events.transitions.statements import (
    CLAIMABLE_SQL,
    LOG_MOVED,
    UNSENT_SQL,
    id_array,
    run,
    wake_for,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions.origin import Origin

CANCEL = f"""
WITH target AS (
    SELECT o.id, o.state, o.claim_token FROM events_occurrence o
    WHERE {{scope}} AND o.state IN ({{states}}) ORDER BY o.id FOR UPDATE
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.CANCELLED}', reason = %(reason)s, hold = '', claim_token = NULL,
        lease_expires_at = NULL, finished_at = %(now)s
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, t.claim_token,
              jsonb_build_object('why', %(why)s::text) AS detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""


def cancel(
    ids: Sequence[int], *, reason: Reason = Reason.CANCELLED, why: str = "", origin: Origin
) -> list[int]:
    """UNSENT -> CANCELLED: it will not fire, even if its message is already on the way; the ids that moved.

    Raises UnknownReason.
    """
    statement = CANCEL.format(scope="o.id = ANY(%(ids)s)", states=UNSENT_SQL)
    rows = run(statement, origin, ids=list(ids), reason=known_reason(reason), why=why)
    return [row["id"] for row in rows]


def cancel_all(
    *,
    rule_id: int | None = None,
    entity_id: int | None = None,
    reason: Reason,
    why: str,
    origin: Origin,
) -> int:
    """UNSENT -> CANCELLED for all rows of a rule, or of an entity; how many moved. Raises UnknownReason."""
    scope = "o.rule_id = %(rule_id)s" if rule_id is not None else "o.entity_id = %(entity_id)s"
    statement = CANCEL.format(scope=scope, states=UNSENT_SQL)
    return len(
        run(
            statement,
            origin,
            rule_id=rule_id,
            entity_id=entity_id,
            reason=known_reason(reason),
            why=why,
        )
    )


FIRE_NOW = f"""
WITH moved AS (
    UPDATE events_occurrence o SET available_at = %(now)s, reason = '{Reason.FIRE_NOW}'
    WHERE o.id = ANY(%(ids)s) AND o.state IN ({CLAIMABLE_SQL}) AND o.hold = ''
    RETURNING o.id, o.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              jsonb_build_object('why', %(why)s::text) AS detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""


def fire_now(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """Make claimable rows available at once; the ids that were."""
    moved = [row["id"] for row in run(FIRE_NOW, origin, ids=list(ids), why=why)]
    wake_for(origin.now if moved else None, origin)
    return moved


REPLAY = f"""
WITH target AS (
    SELECT o.id, o.state FROM events_occurrence o
    JOIN events_rule r ON r.id = o.rule_id JOIN events_entity e ON e.id = o.entity_id
    WHERE o.id = ANY(%(ids)s) AND o.state IN ('{State.FAILED}', '{State.UNKNOWN}')
      AND r.state <> 'retired' AND e.deleted_at IS NULL
      AND (r.expires_after IS NULL OR o.due_at + r.expires_after > %(now)s)
    ORDER BY o.id FOR UPDATE OF o
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.RETRYING}', reason = '{Reason.REPLAYED}', available_at = %(now)s, failures = 0,
        finished_at = NULL
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              jsonb_build_object('why', %(why)s::text) AS detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""


def replay(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """FAILED | UNKNOWN -> RETRYING with its attempts renewed and its idempotency key kept; the ids that moved.

    What would not start again does not move: of a retired rule, of a deleted entity, or past its expiry.
    """
    moved = [row["id"] for row in run(REPLAY, origin, ids=list(ids), why=why)]
    wake_for(origin.now if moved else None, origin)
    return moved


RESOLVE = f"""
WITH target AS (
    SELECT o.id, o.state FROM events_occurrence o
    WHERE o.id = ANY(%(ids)s) AND o.state IN ('{State.FAILED}', '{State.UNKNOWN}') ORDER BY o.id FOR UPDATE
), moved AS (
    UPDATE events_occurrence o
    SET state = %(to_state)s, reason = '{Reason.RESOLVED}', finished_at = %(now)s
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              jsonb_build_object('why', %(why)s::text) AS detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""


def resolve(ids: Sequence[int], *, to_state: State, why: str, origin: Origin) -> list[int]:
    """FAILED | UNKNOWN -> COMPLETED or CANCELLED, because a person says so; the ids that moved. Raises IllegalMove."""
    if to_state not in {State.COMPLETED, State.CANCELLED}:
        raise IllegalMove(
            what="A dead letter", from_state=" or ".join(sorted(DEAD_LETTERS)), to_state=to_state,
            remedy="A person settles it as COMPLETED or CANCELLED; new attempts are given by replaying it.",
        )  # fmt: skip
    return [row["id"] for row in run(RESOLVE, origin, ids=list(ids), to_state=to_state, why=why)]


REFUSE = f"""
WITH locked AS (
    SELECT o.id, o.state, o.attempt, o.claim_token FROM events_occurrence o
    WHERE o.id = ANY(%(ids)s::bigint[]) ORDER BY o.id FOR SHARE {{others}}
), moved AS (
    SELECT id, state AS from_state, state AS to_state, '{Reason.REFUSED}' AS reason, attempt, claim_token,
           jsonb_build_object('verb', %(verb)s::text, 'why', %(why)s::text, 'state', state) AS detail
    FROM locked
), logged AS ({LOG_MOVED})
SELECT id FROM moved
"""


def refuse(ids: Sequence[int], *, verb: str, why: str, origin: Origin, wait: bool) -> list[int]:
    """Append to the log that somebody wanted this of these rows and was refused; the ids of which it says so.

    The rows stay as they are; locked they are, so that the log tells their moves in order. A row that another
    transaction is moving now is waited for, or left out.
    """
    statement = REFUSE.format(others="" if wait else "SKIP LOCKED")
    return [row["id"] for row in run(statement, origin, ids=id_array(ids), verb=verb, why=why)]
