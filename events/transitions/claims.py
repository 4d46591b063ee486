"""From waiting to claimed, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.lifecycle import Reason, State
from events.transitions.statements import (
    CLAIMABLE_SQL,
    LOG_MOVED,
    LOG_TOGETHER,
    STATE_OF_ID,
    UNCLAIMED_STATE,
    id_array,
    run,
    wake_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from events.transitions.origin import Origin

# By place (ctid), which cannot change while the caller holds the locks: no index is searched. PostgreSQL is not told
# how many there are, for with many it would rather walk the table.
CLAIM = f"""
WITH moved AS (
    UPDATE events_occurrence o
    SET state = '{State.PENDING}', reason = '{Reason.CLAIMED}',
        claim_token = %(token)s, lease_expires_at = %(lease_until)s
    WHERE o.ctid = ANY(ARRAY(SELECT unnest(%(places)s::tid[]))) AND o.state = %(from_state)s
    RETURNING o.id, %(from_state)s AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              NULL::jsonb AS detail
), logged AS ({LOG_TOGETHER})
SELECT count(*) AS moved FROM moved
"""


def claim(
    places: Sequence[str], *, from_state: State, token: UUID, lease_until: datetime, origin: Origin
) -> int:
    """SCHEDULED or RETRYING -> PENDING for the rows at these places, which the caller has locked; how many moved."""
    array = "{" + ",".join(f'"{place}"' for place in places) + "}"
    rows = run(CLAIM, origin, places=array, from_state=from_state, token=token, lease_until=lease_until)
    return int(rows[0]["moved"])


SKIP = f"""
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(because_of)s::bigint[]) AS wanted(id, because_of)
), target AS (
    SELECT o.id, o.state, wanted.because_of FROM events_occurrence o JOIN wanted ON wanted.id = o.id
    WHERE {STATE_OF_ID} IN ({CLAIMABLE_SQL}) ORDER BY o.id FOR UPDATE OF o
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.SKIPPED}', reason = %(reason)s, hold = '', finished_at = %(now)s
    FROM target WHERE o.id = target.id
    RETURNING o.id, target.state AS from_state, o.state AS to_state, o.reason, o.attempt, o.claim_token,
              CASE WHEN target.because_of IS NOT NULL
                   THEN jsonb_build_object('because_of', target.because_of) END AS detail
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved FROM moved
"""


def skip(skipped: Mapping[int, int | None], *, reason: Reason, origin: Origin) -> int:
    """SCHEDULED | RETRYING -> SKIPPED, each because of another occurrence or of none; how many moved."""
    return int(
        run(SKIP, origin, ids=list(skipped), because_of=list(skipped.values()), reason=reason)[0]["moved"]
    )


RECALL = f"""
WITH moved AS (
    UPDATE events_occurrence o
    SET state = {UNCLAIMED_STATE}, reason = %(reason)s, claim_token = NULL, lease_expires_at = NULL
    WHERE o.id = ANY(%(ids)s::bigint[]) AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PENDING}'
    RETURNING o.id, '{State.PENDING}' AS from_state, o.state AS to_state, o.reason, o.attempt,
              %(token)s::uuid AS claim_token, NULL::jsonb AS detail, o.available_at
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved, min(available_at) AS earliest FROM moved
"""


def recall(ids: Sequence[int], *, token: UUID, reason: Reason, origin: Origin) -> int:
    """PENDING -> SCHEDULED | RETRYING for rows that this claim still holds and nobody started; how many moved."""
    row = run(RECALL, origin, ids=id_array(ids), token=token, reason=reason)[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])


RENEW = f"""
UPDATE events_occurrence o SET lease_expires_at = %(lease_until)s
WHERE o.id = ANY(%(ids)s::bigint[]) AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PROCESSING}'
RETURNING o.id
"""


def renew(ids: Sequence[int], *, token: UUID, lease_until: datetime, origin: Origin) -> list[int]:
    """Lengthen the leases of rows at work; the ids that this claim still holds."""
    return [row["id"] for row in run(RENEW, origin, ids=id_array(ids), token=token, lease_until=lease_until)]
