"""From claimed to running, and from running to an outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from events.handling import Kind
from events.lifecycle import Reason, State
from events.transitions.statements import (
    CLAIMABLE_SQL,
    FINAL_SQL,
    HOLD_IF_EDITED,
    LOG_MOVED,
    LOG_TOGETHER,
    STATE_OF_ID,
    id_array,
    run,
    run_for_rows,
    wake_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from events.transitions.origin import Origin


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """The rule as it stood when the row started: a later edit concerns later starts.

    `kind` is the handler's, or a stricter one that the rule asks for; `is_awaited`: another occurrence
    may wait for the end of this one; `is_grouped`: its payload is what a group has collected.
    """

    id: int
    name: str
    payload: Mapping[str, Any]
    max_attempts: int
    backoff_base: timedelta
    backoff_cap: timedelta
    expires_after: timedelta | None
    is_awaited: bool
    is_grouped: bool
    kind: Kind


class Started(NamedTuple):
    """One started row: what its attempt needs to know. A named tuple, because a chunk makes hundreds of them."""

    id: int
    rule: RuleFacts
    attempt: int
    failures: int
    idempotency_key: UUID
    slot: datetime
    timezone: str
    due_at: datetime
    started_at: datetime
    snapshot: Mapping[str, Any] | None
    entity_kind: str
    external_id: str
    entity_name: str
    entity_timezone: str
    attributes: Mapping[str, Any]


# Of rows that are `wanted` (id, rule_id, entity_id, due_at): those that may run, with the facts of their entity.
FACTS = f"""e.kind AS entity_kind, e.external_id, e.name AS entity_name, e.timezone AS entity_timezone, e.attributes,
           CASE WHEN r.at_most_once AND %(kind)s = '{Kind.IDEMPOTENT}'
                THEN '{Kind.NON_IDEMPOTENT}' ELSE %(kind)s END AS kind"""
ALLOWED = """wanted w JOIN events_rule r ON r.id = w.rule_id JOIN events_entity e ON e.id = w.entity_id
    WHERE r.state = 'active' AND r.handler = %(handler)s AND e.deleted_at IS NULL
      AND (r.expires_after IS NULL OR w.due_at + r.expires_after > %(now)s)"""
OWN = """o.id, o.rule_id, o.failures, o.idempotency_key, o.slot, o.timezone,
              o.due_at AT TIME ZONE 'UTC' AS due_utc,
              CASE WHEN o.payload IS NULL THEN o.snapshot
                   ELSE COALESCE(o.snapshot, '{}') || jsonb_build_object('payload', o.payload) END AS snapshot"""
# The rule's facts travel with the first row of each rule alone.
STARTED = """
SELECT id, rule_id, attempt, failures, idempotency_key, slot, timezone, due_utc,
       snapshot, entity_kind, external_id, entity_name, entity_timezone, attributes,
       CASE WHEN row_number() OVER (PARTITION BY rule_id ORDER BY id) = 1
            THEN (SELECT jsonb_build_object(
                      'name', r.name, 'payload', r.payload, 'max_attempts', r.max_attempts,
                      'backoff_base', extract(epoch FROM r.backoff_base),
                      'backoff_cap', extract(epoch FROM r.backoff_cap),
                      'expires_after', extract(epoch FROM r.expires_after),
                      'is_awaited', r.overlap = 'queue' OR r.every_from = 'completion',
                      'is_grouped', r.role = 'groups', 'kind', kind
                  ) FROM events_rule r WHERE r.id = rule_id) END AS rule
"""

# `wanted` waits for nobody: what another transaction is moving is not started, so that rule and entity are read as they
# are now. Locked rows stay where they lie (ctid), so no index is searched for them again.
START = f"""
WITH wanted AS MATERIALIZED (
    SELECT o.ctid AS place, o.rule_id, o.entity_id, o.due_at FROM events_occurrence o
    WHERE o.id = ANY(%(ids)s::bigint[]) AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PENDING}'
      AND o.available_at <= %(now)s
    FOR UPDATE SKIP LOCKED
), allowed AS MATERIALIZED (
    SELECT w.place, {FACTS} FROM {ALLOWED}
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.PROCESSING}', reason = '{Reason.STARTED}', attempt = o.attempt + 1,
        lease_expires_at = %(lease_until)s, started_at = %(now)s
    FROM allowed w WHERE o.ctid = w.place
    RETURNING {OWN}, o.attempt, '{State.PENDING}' AS from_state, o.state AS to_state, o.reason, o.claim_token,
              NULL::jsonb AS detail,
              w.entity_kind, w.external_id, w.entity_name, w.entity_timezone, w.attributes, w.kind
), attempted AS (
    INSERT INTO events_attempt (occurrence_id, number, handler_kind, task_id, worker, started_at, outcome)
    SELECT id, attempt, kind, %(task_id)s, %(actor)s, %(now)s, '' FROM moved
), logged AS ({LOG_TOGETHER})
{STARTED} FROM moved ORDER BY id
"""


def start(
    ids: Sequence[int],
    *,
    token: UUID,
    handler: str,
    kind: str,
    task_id: str,
    lease_until: datetime,
    origin: Origin,
) -> list[Started]:
    """PENDING -> PROCESSING, with an attempt row each, for the rows that may still run; in the order of their ids.

    A row that is stale, doubled, cancelled, early, expired, paused, or edited to another handler does not move.
    """
    _, rows = run_for_rows(
        START, origin,
        ids=id_array(sorted(ids)), token=token, handler=handler, kind=kind, task_id=task_id, lease_until=lease_until,
    )  # fmt: skip
    return started_rows(rows, origin.now)


def started_rows(rows: Iterable[tuple[Any, ...]], started_at: datetime) -> list[Started]:
    """What `STARTED` selected, as values."""
    rules: dict[int, RuleFacts] = {}
    return [_started(row, rules, started_at) for row in rows]


def _started(row: tuple[Any, ...], rules: dict[int, RuleFacts], now: datetime) -> Started:
    row_id, rule_id, *plain, due_utc, snapshot, kind, external_id, name, timezone, attributes, facts = row
    if facts is not None:  # sent with the first row of each rule, because a set's rows mostly share one
        rules[rule_id] = _rule_facts(rule_id, json.loads(facts))
    return Started._make((
        row_id, rules[rule_id], *plain, due_utc.replace(tzinfo=UTC), now, snapshot and json.loads(snapshot),
        kind, external_id, name, timezone, {} if attributes == "{}" else json.loads(attributes),
    ))  # fmt: skip


def _rule_facts(rule_id: int, facts: dict[str, Any]) -> RuleFacts:
    for name in ("backoff_base", "backoff_cap", "expires_after"):
        facts[name] = None if facts[name] is None else timedelta(seconds=float(facts[name]))
    return RuleFacts(id=rule_id, **{**facts, "kind": Kind(facts["kind"])})


FENCE = f"""
SELECT o.id FROM events_occurrence o
WHERE o.id = ANY(%(ids)s::bigint[]) AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PROCESSING}'
ORDER BY o.id FOR UPDATE
"""


def fence(ids: Sequence[int], *, token: UUID, origin: Origin) -> set[int]:
    """Lock the running rows that this claim still holds, until the transaction ends; their ids."""
    return {row["id"] for row in run(FENCE, origin, ids=id_array(ids), token=token)}


class Settlement(NamedTuple):
    """What an attempt came to, or several. `available_at` is set for a row that will be tried again."""

    to_state: State
    reason: Reason
    outcome: str
    detail: Mapping[str, Any] | None = None
    available_at: datetime | None = None
    counts_as_failure: bool = False

    def columns(self) -> tuple[Any, ...]:
        """As the statement wants them."""
        detail = None if self.detail is None else json.dumps(self.detail)
        failures = int(self.counts_as_failure)
        return str(self.to_state), str(self.reason), self.outcome, detail, self.available_at, failures


# Rows that came to the same share one settlement: most sets are a list of ids and a single one.
SETTLED = """
    SELECT row.id, verdict.* FROM unnest(%(ids)s::bigint[], %(numbers)s::int[]) AS row(id, number)
    JOIN unnest(%(known)s::int[], %(states)s::text[], %(reasons)s::text[], %(outcomes)s::text[],
                %(details)s::jsonb[], %(available)s::timestamptz[], %(failures)s::int[])
         AS verdict(number, state, reason, outcome, detail, available_at, failures) USING (number)
"""

SETTLE = f"""
WITH settled AS ({SETTLED}), moved AS (
    UPDATE events_occurrence o
    SET state = s.state, reason = s.reason, available_at = COALESCE(s.available_at, o.available_at),
        failures = o.failures + s.failures, claim_token = NULL, lease_expires_at = NULL,
        hold = CASE WHEN s.state = '{State.RETRYING}' THEN {HOLD_IF_EDITED} ELSE '' END,
        finished_at = CASE WHEN s.state IN ({FINAL_SQL}) THEN %(now)s::timestamptz END
    FROM settled s
    WHERE o.id = s.id AND o.claim_token = %(token)s AND {STATE_OF_ID} = '{State.PROCESSING}'
    RETURNING o.id, '{State.PROCESSING}' AS from_state, o.state AS to_state, o.reason, o.attempt,
              %(token)s::uuid AS claim_token, NULL::jsonb AS detail, s.outcome, s.detail AS answer,
              CASE WHEN o.state IN ({CLAIMABLE_SQL}) THEN o.available_at END AS wake_at
), attempted AS (
    UPDATE events_attempt a SET finished_at = %(now)s, outcome = m.outcome, detail = m.answer
    FROM moved m WHERE a.occurrence_id = m.id AND a.number = m.attempt
), logged AS ({LOG_TOGETHER})
SELECT id, wake_at FROM moved
"""

LOG_LATE = f"""
WITH late AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[]) AS late(id, outcome)
), locked AS (
    SELECT o.id, o.state, o.attempt, late.outcome
    FROM events_occurrence o JOIN late ON late.id = o.id FOR SHARE OF o
), moved AS (
    SELECT id, state AS from_state, state AS to_state, '{Reason.LATE_ANSWER}' AS reason, attempt,
           %(token)s::uuid AS claim_token, jsonb_build_object('outcome', outcome) AS detail
    FROM locked
)
{LOG_MOVED}
"""


def settle(settlements: Mapping[int, Settlement], *, token: UUID, origin: Origin) -> set[int]:
    """PROCESSING -> where each attempt's outcome leads, by the id of its row, under the fence; the ids that moved.

    A row whose claim was lost does not move; its late answer is appended to the log.
    """
    if not settlements:
        return set()
    rows = run(SETTLE, origin, token=token, **as_arrays(settlements))
    moved = {row["id"] for row in rows}
    wake_for(min((row["wake_at"] for row in rows if row["wake_at"]), default=None), origin)
    note_late(
        {row: each.outcome for row, each in settlements.items() if row not in moved},
        token=token,
        origin=origin,
    )
    return moved


def note_late(outcomes: Mapping[int, str], *, token: UUID, origin: Origin) -> None:
    """Append to the log that a worker which had lost these rows' claims answered; nothing else moves."""
    if outcomes:
        run(LOG_LATE, origin, token=token, ids=id_array(outcomes), outcomes=list(outcomes.values()))


def as_arrays(settlements: Mapping[int, Settlement]) -> dict[str, Any]:
    """The parameters of `SETTLED`."""
    ids = sorted(settlements)
    shared = {id(each): each for each in settlements.values()}
    numbers = {key: number for number, key in enumerate(shared)}
    columns = [each.columns() for each in shared.values()]
    states, reasons, outcomes, details, available, failures = zip(*columns, strict=True)
    return {
        "ids": id_array(ids),
        "numbers": id_array(numbers[id(settlements[row])] for row in ids),
        "known": id_array(numbers.values()),
        "states": list(states),
        "reasons": list(reasons),
        "outcomes": list(outcomes),
        "details": list(details),
        "available": list(available),
        "failures": list(failures),
    }
