"""A made-up past, to try a machine at scale: whole stories of rows in one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import CLOSED, Reason, State
from events.transitions.statements import alike, run

if TYPE_CHECKING:
    from uuid import UUID

    from events.transitions.origin import Origin
    from events.transitions.schedules import Desired

# At most so many moved together: a few hundred, as in a chunk.
CHUNK = 250
# How long after (or before) its due moment each step of a story was made.
PLANNED = timedelta(days=-1)
CLAIMED = timedelta(milliseconds=10)
STARTED = timedelta(milliseconds=20)
SETTLED = timedelta(milliseconds=40)

TELL_PAST = f"""
WITH desired AS ({{desired}}), written AS (
    INSERT INTO events_occurrence (rule_id, entity_id, slot, fold, timezone, tzdata_version, note, due_at,
                                   available_at, snapshot, state, reason, hold, attempt, failures,
                                   created_at, started_at, finished_at)
    SELECT d.rule_id, d.entity_id, d.slot, d.fold, d.timezone, %(tzdata_version)s, d.note, d.due_at,
           d.due_at, d.snapshot, %(state)s, %(reason)s, '', 1, CASE WHEN %(state)s = '{State.FAILED}' THEN 1 ELSE 0 END,
           d.due_at + %(planned)s, d.due_at + %(started)s, d.due_at + %(settled)s
    FROM desired d
    RETURNING id, due_at, CASE WHEN %(apart)s THEN id END AS apart
), attempted AS (
    INSERT INTO events_attempt (occurrence_id, occurrences, blocks, number, handler_kind, task_id, worker,
                                started_at, finished_at, outcome, detail)
    SELECT alone, together, blocks, 1, %(kind)s, %(token)s::text, %(actor)s,
           due_at + %(started)s, due_at + %(settled)s, %(reason)s,
           CASE WHEN %(state)s = '{State.FAILED}' THEN jsonb_build_object('why', 'a load, not a call') END
    FROM {alike(f"due_at, id / {CHUNK}, apart", of="written")}
), logged AS (
    INSERT INTO events_transition (occurrence_id, occurrences, blocks, from_state, to_state, reason, actor, attempt,
                                   claim_token, correlation_id, at)
    SELECT alone, together, blocks, m.from_state, m.to_state, m.reason, %(actor)s, m.attempt,
           CASE WHEN m.place > 1 THEN %(token)s::uuid END, %(correlation_id)s, due_at + m.later
    FROM {alike(f"due_at, id / {CHUNK}", of="written")} CROSS JOIN (VALUES
        (1, '', '{State.SCHEDULED}', '{Reason.PLANNED}', 0, %(planned)s),
        (2, '{State.SCHEDULED}', '{State.PENDING}', '{Reason.CLAIMED}', 0, %(claimed)s),
        (3, '{State.PENDING}', '{State.PROCESSING}', '{Reason.STARTED}', 1, %(started)s),
        (4, '{State.PROCESSING}', %(state)s, %(reason)s, 1, %(settled)s)
    ) AS m(place, from_state, to_state, reason, attempt, later)
    ORDER BY due_at, m.place
)
SELECT count(*) AS written FROM written
"""


def tell_past(
    desired: Desired, *, state: State, kind: str, token: UUID, tzdata_version: str, origin: Origin
) -> int:
    """Write the desired rows as if each had run once, on time, under that claim; how many.

    `state` is COMPLETED or FAILED (rejected), `kind` the handler's. None of them may exist.
    """
    reason = {State.COMPLETED: Reason.COMPLETED, State.FAILED: Reason.REJECTED}[state]
    steps = {"planned": PLANNED, "claimed": CLAIMED, "started": STARTED, "settled": SETTLED}
    row = run(
        TELL_PAST.format(desired=desired.sql),
        origin,
        state=state,
        reason=reason,
        kind=kind,
        apart=kind != Kind.TRANSACTIONAL or state not in CLOSED,
        token=token,
        tzdata_version=tzdata_version,
        **steps,
        **desired.parameters,
    )[0]
    return int(row["written"])
