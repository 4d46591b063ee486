"""Rows whose moments are given one by one, and come from no recurrence: what happens to them is said by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from events.lifecycle import Reason, State
from events.timing import TZDATA_VERSION
from events.transitions.amendments import changes
from events.transitions.statements import LOG_MOVED, UNCLAIMED_STATE, UNSENT_SQL, run, wake_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from events.transitions.origin import Origin


@dataclass(frozen=True, slots=True)
class Given:
    """One moment: `slot` is its naive wall time in `timezone`, `due_at` its instant, `payload` its own (or None).

    `detail` is what the log tells of where it came from.
    """

    rule_id: int
    entity_id: int
    slot: datetime
    fold: int
    timezone: str
    due_at: datetime
    payload: Mapping[str, Any] | None = None
    note: str = ""
    detail: Mapping[str, Any] | None = None


class GivenRow(NamedTuple):
    """A row that was written: its id, whose it is, and whether it is a cancelled one that lives again."""

    id: int
    rule_id: int
    entity_id: int
    is_reinstated: bool


GIVE = f"""
WITH given AS (
    SELECT * FROM unnest(%(rules)s::bigint[], %(entities)s::bigint[], %(slots)s::timestamp[], %(folds)s::smallint[],
                         %(timezones)s::text[], %(due)s::timestamptz[], %(payloads)s::jsonb[], %(notes)s::text[],
                         %(details)s::jsonb[])
    AS g(rule_id, entity_id, slot, fold, timezone, due_at, payload, note, detail)
), written AS (
    INSERT INTO events_occurrence AS o (rule_id, entity_id, slot, fold, timezone, tzdata_version, note, due_at,
                                        available_at, payload, given, state, reason, hold, attempt, failures)
    SELECT rule_id, entity_id, slot, fold, timezone, %(tzdata_version)s, note, due_at,
           due_at, payload, true, '{State.SCHEDULED}', %(reason)s, '', 0, 0
    FROM given ORDER BY rule_id, entity_id, slot, fold
    ON CONFLICT (rule_id, entity_id, slot, fold) DO UPDATE
    SET state = '{State.SCHEDULED}', reason = '{Reason.REINSTATED}', timezone = EXCLUDED.timezone, given = true,
        note = EXCLUDED.note, tzdata_version = EXCLUDED.tzdata_version, due_at = EXCLUDED.due_at,
        available_at = EXCLUDED.due_at, payload = EXCLUDED.payload, snapshot = NULL, failures = 0, finished_at = NULL
    WHERE o.state = '{State.CANCELLED}'
    RETURNING o.*
), moved AS (
    SELECT w.id, CASE WHEN w.reason = '{Reason.REINSTATED}' THEN '{State.CANCELLED}' ELSE '' END AS from_state,
           w.state AS to_state, w.reason, w.attempt, w.claim_token, w.rule_id, w.entity_id, w.due_at, g.detail
    FROM written w JOIN given g ON (g.rule_id, g.entity_id, g.slot, g.fold) = (w.rule_id, w.entity_id, w.slot, w.fold)
), logged AS ({LOG_MOVED})
SELECT id, rule_id, entity_id, reason = '{Reason.REINSTATED}' AS is_reinstated, due_at FROM moved ORDER BY id
"""


def give(
    rows: Sequence[Given], *, tzdata_version: str, reason: Reason = Reason.GIVEN, origin: Origin
) -> list[GivenRow]:
    """Write rows for the given moments, and reinstate those that were cancelled; which were written.

    No two of them may name one slot. What stands at its slot in any other state is left as it is.
    """
    written = run(
        GIVE,
        origin,
        tzdata_version=tzdata_version,
        reason=reason,
        rules=[row.rule_id for row in rows],
        entities=[row.entity_id for row in rows],
        slots=[row.slot for row in rows],
        folds=[row.fold for row in rows],
        timezones=[row.timezone for row in rows],
        due=[row.due_at for row in rows],
        payloads=[None if row.payload is None else json.dumps(row.payload) for row in rows],
        notes=[row.note for row in rows],
        details=[None if row.detail is None else json.dumps(row.detail) for row in rows],
    )
    wake_for(min((row["due_at"] for row in written), default=None), origin)
    return [GivenRow(row["id"], row["rule_id"], row["entity_id"], row["is_reinstated"]) for row in written]


MOVE_GIVEN = f"""
WITH given AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(slots)s::timestamp[], %(folds)s::smallint[], %(timezones)s::text[],
                         %(due)s::timestamptz[], %(payloads)s::jsonb[])
    AS g(id, slot, fold, timezone, due_at, payload)
), target AS (
    SELECT o.id, o.state, o.claim_token, o.due_at AS due_before, g.slot, g.fold, g.timezone, g.due_at, g.payload
    FROM given g JOIN events_occurrence o ON o.id = g.id
    WHERE o.given AND o.state IN ({UNSENT_SQL}) ORDER BY o.id FOR UPDATE OF o
), moved AS (
    UPDATE events_occurrence o
    SET state = CASE WHEN t.state = '{State.PENDING}' THEN {UNCLAIMED_STATE} ELSE t.state END,
        reason = '{Reason.MOVED}', claim_token = NULL, lease_expires_at = NULL, slot = t.slot, fold = t.fold,
        timezone = t.timezone, due_at = t.due_at, payload = COALESCE(t.payload, o.payload),
        tzdata_version = %(tzdata_version)s,
        available_at = CASE WHEN t.due_at = t.due_before THEN o.available_at ELSE t.due_at END
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, t.claim_token,
              jsonb_build_object('due_at', jsonb_build_array(t.due_before, o.due_at)) AS detail, o.available_at
), logged AS ({LOG_MOVED})
SELECT id, to_state, available_at FROM moved ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class GivenMove:
    """Another moment for a row, as in `Given`, and another payload unless it is None."""

    id: int
    slot: datetime
    fold: int
    timezone: str
    due_at: datetime
    payload: Mapping[str, Any] | None = None


def move_all_given(moves: Sequence[GivenMove], *, tzdata_version: str, origin: Origin) -> dict[int, State]:
    """Give unsent rows of given moments other ones; the states of those that were unsent, by their ids.

    They keep their identity, and the old instants never fire. Whoever calls holds what keeps others from the new slots.
    """
    rows = run(
        MOVE_GIVEN,
        origin,
        tzdata_version=tzdata_version,
        ids=[move.id for move in moves],
        slots=[move.slot for move in moves],
        folds=[move.fold for move in moves],
        timezones=[move.timezone for move in moves],
        due=[move.due_at for move in moves],
        payloads=[None if move.payload is None else json.dumps(move.payload) for move in moves],
    )
    wake_for(min((row["available_at"] for row in rows), default=None), origin)
    return {row["id"]: State(row["to_state"]) for row in rows}


def move_given(
    occurrence_id: int,
    *,
    slot: datetime,
    fold: int = 0,
    timezone: str,
    due_at: datetime,
    payload: Mapping[str, Any] | None = None,
    origin: Origin,
) -> bool:
    """The same for one row; whether it was unsent."""
    move = GivenMove(occurrence_id, slot, fold, timezone, due_at, payload)
    return bool(move_all_given([move], tzdata_version=TZDATA_VERSION, origin=origin))


# What is on its way to a worker is told the new payload too: it is read when the row starts.
TELL_GIVEN = f"""
WITH told AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(payloads)s::jsonb[], %(details)s::jsonb[]) AS t(id, payload, detail)
), target AS (
    SELECT o.id, t.payload, t.detail FROM told t JOIN events_occurrence o ON o.id = t.id
    WHERE o.given AND o.state IN ({UNSENT_SQL}) ORDER BY o.id FOR UPDATE OF o
), moved AS (
    UPDATE events_occurrence o SET payload = t.payload FROM target t WHERE o.id = t.id
    RETURNING o.id, o.state AS from_state, o.state AS to_state, '{Reason.AMENDED}' AS reason, o.attempt,
              o.claim_token, t.detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved ORDER BY id
"""


def tell_given(
    payloads: Mapping[int, tuple[Mapping[str, Any], Mapping[str, Any]]], *, origin: Origin
) -> list[int]:
    """Give unsent rows of given moments other payloads, by id: before and after; the ids of those that were unsent.

    Nothing moves, and the log's detail has "changes" as that of `amend` does.
    """
    details = [{"changes": dict(changes(before, after))} for before, after in payloads.values()]
    rows = run(
        TELL_GIVEN,
        origin,
        ids=list(payloads),
        payloads=[json.dumps(after) for _, after in payloads.values()],
        details=[json.dumps(detail) for detail in details],
    )
    return [row["id"] for row in rows]
