"""Chunks whose rows start and end in one transaction, beside the effects of their handler: from claimed to an outcome.

What is committed before the handler is called is one row for the whole chunk. The rows themselves stay PENDING, and
nobody waits for them: whoever moves one meanwhile is found out when they are settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from events.handling import Kind
from events.lifecycle import CLOSED, LOST_ATTEMPT, Reason, State
from events.transitions.lapses import Lapses
from events.transitions.runs import ALLOWED, FACTS, OWN, SETTLED, STARTED, as_arrays, started_rows
from events.transitions.statements import (
    FINAL_SQL,
    LOG_RUN,
    STATE_OF_ID,
    alike,
    hold_if_edited,
    id_array,
    run,
    run_for_rows,
    sql_list,
    wake_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from events.transitions.origin import Origin
    from events.transitions.runs import Settlement, Started


@dataclass(frozen=True, slots=True)
class Run:
    """A chunk that a worker has taken up: its record's id, its claim, its rows, and who has, when."""

    id: int
    token: UUID
    ids: tuple[int, ...]
    task_id: str
    origin: Origin

    @property
    def started_at(self) -> datetime:
        """When its attempts began."""
        return self.origin.now


TAKE_UP = """
INSERT INTO events_chunkstart (claim_token, first, occurrences, task_id, worker, started_at, lease_expires_at)
VALUES (%(token)s, %(first)s, %(ids)s::bigint[], %(task_id)s, %(actor)s, %(now)s, %(lease_until)s)
ON CONFLICT (claim_token, first) DO NOTHING RETURNING id
"""


def take_up(
    ids: Sequence[int], *, token: UUID, task_id: str, lease_until: datetime, origin: Origin
) -> Run | None:
    """Write down that this worker is at the chunk, to be committed before its handler is called.

    None if another copy of its message is already at work.
    """
    kept = run(
        TAKE_UP, origin,
        token=token, first=min(ids), ids=id_array(sorted(ids)), task_id=task_id, lease_until=lease_until,
    )  # fmt: skip
    return Run(kept[0]["id"], token, tuple(ids), task_id, origin) if kept else None


def _reading(lock: str) -> str:
    # The record is locked as long as the transaction lasts, by which recovery knows that its worker lives.
    return f"""
WITH held AS MATERIALIZED (
    SELECT id FROM events_chunkstart WHERE id = %(run)s FOR UPDATE
), wanted AS MATERIALIZED (
    SELECT {OWN}, o.attempt + 1 AS attempt, o.entity_id, o.due_at, o.xmin::text AS version FROM events_occurrence o
    WHERE EXISTS (SELECT FROM held) AND o.id = ANY(%(ids)s::bigint[]) AND o.claim_token = %(token)s
      AND {STATE_OF_ID} = '{State.PENDING}' AND o.available_at <= %(now)s {lock}
), allowed AS (
    SELECT w.*, {FACTS} FROM {ALLOWED}
)
{STARTED}, version FROM allowed ORDER BY id
"""


READ, READ_LOCKED = _reading(""), _reading("FOR UPDATE OF o SKIP LOCKED")


class Read(NamedTuple):
    """Rows as they were read, and which transactions had written them (xmin), so that any later one is noticed."""

    rows: list[Started]
    versions: set[str]


def read(chunk: Run, *, handler: str, locked: bool = False) -> Read:
    """The rows of the chunk that may run, in the order of their ids, with the attempt that this is for them.

    A row that is stale, cancelled, early, expired, paused, or edited to another handler is not among them; none is if
    recovery has given the chunk up. `locked`: nobody touches them from now on, and what another transaction is moving
    is left out.
    """
    _, rows = run_for_rows(
        READ_LOCKED if locked else READ, chunk.origin,
        run=chunk.id, ids=id_array(chunk.ids), token=chunk.token, handler=handler, kind=Kind.TRANSACTIONAL,
    )  # fmt: skip
    versions = {row[-1] for row in rows}
    return Read(started_rows((row[:-1] for row in rows), chunk.started_at), versions)


LEAVE = "DELETE FROM events_chunkstart WHERE id = %(run)s"

# An attempt has a row of its own where its occurrence may move again (`apart`): then it will be asked for by itself.
END = f"""
WITH ended AS ({LEAVE}), settled AS ({SETTLED}), moved AS (
    UPDATE events_occurrence o
    SET state = s.state, reason = s.reason, attempt = o.attempt + 1, failures = o.failures + s.failures,
        claim_token = NULL, lease_expires_at = NULL, started_at = %(started_at)s, finished_at = %(now)s
    FROM settled s
    WHERE o.id = s.id AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PENDING}'
      AND o.xmin = ANY(%(versions)s::xid[])
    RETURNING o.id, o.state AS to_state, o.reason, o.attempt, %(token)s::uuid AS claim_token,
              s.outcome, s.detail AS answer, o.started_at, %(actor)s AS started_by,
              CASE WHEN o.state NOT IN ({sql_list(CLOSED)}) THEN o.id END AS apart
), attempted AS (
    INSERT INTO events_attempt (occurrence_id, occurrences, blocks, number, handler_kind, task_id, worker,
                                started_at, finished_at, outcome, detail)
    SELECT alone, together, blocks, attempt, '{Kind.TRANSACTIONAL}', %(task_id)s, %(actor)s,
           %(started_at)s, %(now)s, outcome, answer
    FROM {alike("attempt, outcome, answer, apart")}
), logged AS ({LOG_RUN})
SELECT count(*) AS moved FROM moved
"""


def leave(chunk: Run) -> None:
    """The chunk as such is over: what is left of it is started row by row, or by nobody."""
    run(LEAVE, chunk.origin, run=chunk.id)


# Whoever moves rows by hand locks them in order and may wait for some of these, while these wait for others: it is the
# worker that steps back, long before PostgreSQL would choose one of the two.
PATIENCE = "SET LOCAL lock_timeout = '100ms'"


def end(chunk: Run, settlements: Mapping[int, Settlement], *, versions: set[str], origin: Origin) -> int:
    """PENDING -> PROCESSING -> the final state of each outcome, at once; the chunk is over. How many rows moved.

    A row that anybody has touched since it was read does not move: then its effect must not stay either. Raises
    OperationalError where somebody is at one at this moment, as nobody is where they were read locked.
    """
    if not settlements:
        leave(chunk)
        return 0
    if len(settlements) > 1:
        run(PATIENCE, origin)
    (row,) = run(
        END, origin,
        run=chunk.id, token=chunk.token, task_id=chunk.task_id, started_at=chunk.started_at,
        versions=id_array(versions), **as_arrays(settlements),
    )  # fmt: skip
    return int(row["moved"])


# Who was lost in company is not counted as failed, as in `lapses`: there all that share a task are company.
GIVE_UP = f"""
WITH lapsed AS MATERIALIZED (
    SELECT id FROM events_chunkstart WHERE lease_expires_at <= %(now)s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM events_chunkstart WHERE id IN (SELECT id FROM lapsed) RETURNING *
), lost AS MATERIALIZED (
    SELECT o.id, o.claim_token, o.failures, o.rule_id FROM events_occurrence o
    WHERE o.id = ANY(ARRAY(SELECT unnest(occurrences) FROM ended))
      AND o.claim_token = (SELECT claim_token FROM ended) AND {STATE_OF_ID} = '{State.PENDING}'
    ORDER BY o.id FOR UPDATE
), target AS (
    SELECT lost.id, lost.claim_token, e.started_at, e.worker, e.task_id, counted.counts,
           CASE WHEN lost.failures + counted.counts >= r.max_attempts THEN '{State.FAILED}'
                ELSE '{State.RETRYING}' END AS to_state
    FROM lost CROSS JOIN ended e JOIN events_rule r ON r.id = lost.rule_id
    CROSS JOIN LATERAL (SELECT (cardinality(e.occurrences) = 1)::int AS counts) AS counted
), moved AS (
    UPDATE events_occurrence o
    SET state = t.to_state, reason = '{Reason.WORKER_LOST}', attempt = o.attempt + 1,
        failures = o.failures + t.counts, claim_token = NULL, lease_expires_at = NULL, started_at = t.started_at,
        available_at = CASE WHEN t.to_state = '{State.RETRYING}' THEN %(now)s ELSE o.available_at END,
        hold = CASE WHEN t.to_state = '{State.RETRYING}' THEN {hold_if_edited("t.started_at")} ELSE '' END,
        finished_at = CASE WHEN t.to_state IN ({FINAL_SQL}) THEN %(now)s::timestamptz END
    FROM target t WHERE o.id = t.id
    RETURNING o.id, o.state AS to_state, o.reason, o.attempt, t.claim_token, t.started_at,
              t.worker AS started_by, t.task_id
), attempted AS (
    INSERT INTO events_attempt (occurrence_id, number, handler_kind, task_id, worker, started_at, finished_at,
                                outcome)
    SELECT id, attempt, '{Kind.TRANSACTIONAL}', task_id, started_by, started_at, %(now)s, '{LOST_ATTEMPT}' FROM moved
), logged AS ({LOG_RUN})
SELECT (SELECT count(*) FROM ended) AS chunks, count(*) FILTER (WHERE to_state = '{State.RETRYING}') AS retrying,
       count(*) FILTER (WHERE to_state = '{State.FAILED}') AS failed
FROM moved
"""


def give_up_one(*, origin: Origin) -> Lapses | None:
    """PENDING -> PROCESSING -> RETRYING or FAILED for the rows of one chunk that was lost with its worker.

    How many became what; None if no chunk was lost.
    """
    row = run(GIVE_UP, origin)[0]
    wake_for(origin.now if row["retrying"] else None, origin)
    return Lapses(retrying=row["retrying"], failed=row["failed"], unknown=0) if row["chunks"] else None
