"""A dead letter's payload, put right by a person; the log keeps what was changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction

from events.lifecycle import DEAD_LETTERS, Reason
from events.transitions.groups import GROUP_PAYLOAD
from events.transitions.statements import LOG_MOVED, id_array, run, sql_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from events.transitions.origin import Origin

DEAD_SQL = sql_list(DEAD_LETTERS)

# What its handler would be told: its own payload, or the one that was kept when it was planned, or what its group has
# collected, or its rule's.
EFFECTIVE = f"""
SELECT o.id, r.handler,
       COALESCE(o.payload, o.snapshot -> 'payload', CASE WHEN g.id IS NOT NULL THEN {GROUP_PAYLOAD} END, r.payload)
FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id LEFT JOIN events_group g ON g.occurrence_id = o.id
WHERE o.id = ANY(%(ids)s::bigint[]) AND o.state IN ({DEAD_SQL})
ORDER BY o.id FOR NO KEY UPDATE OF o
"""


class DeadLetter(NamedTuple):
    """A dead letter, its handler, and what that would be told."""

    id: int
    handler: str
    payload: Any


def dead_letters(ids: Sequence[int]) -> list[DeadLetter]:
    """Those of the rows that are FAILED or UNKNOWN, locked until the transaction ends, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(EFFECTIVE, {"ids": id_array(ids)})
        return [DeadLetter(number, handler, json.loads(payload)) for number, handler, payload in cursor]


# The row keeps the reason of its death.
AMEND = f"""
WITH moved AS (
    UPDATE events_occurrence o SET payload = edit.payload
    FROM unnest(%(ids)s::bigint[], %(payloads)s::jsonb[], %(details)s::jsonb[]) AS edit(id, payload, detail)
    WHERE o.id = edit.id AND o.state IN ({DEAD_SQL})
    RETURNING o.id, o.state AS from_state, o.state AS to_state, '{Reason.AMENDED}' AS reason, o.attempt, o.claim_token,
              edit.detail
), logged AS ({LOG_MOVED})
SELECT id FROM moved ORDER BY id
"""


def amend(edits: Mapping[int, Mapping[str, Any]], *, why: str, origin: Origin) -> list[int]:
    """Give FAILED | UNKNOWN rows payloads of their own, which stay theirs whatever their rule says; the ids that did.

    The log's detail has "changes": by JSON pointer (RFC 6901), the value before and after; null where there is none.
    """
    with transaction.atomic():
        before = {row.id: row.payload for row in dead_letters(list(edits))}
        details = [{"why": why, "changes": dict(changes(before[row], edits[row]))} for row in before]
        done = run(
            AMEND, origin,
            ids=id_array(before),
            payloads=[json.dumps(edits[row]) for row in before],
            details=[json.dumps(detail) for detail in details],
        )  # fmt: skip
    return [row["id"] for row in done]


def changes(before: Any, after: Any, pointer: str = "") -> Iterator[tuple[str, list[Any]]]:
    """What differs between two JSON values, as (JSON pointer, [before, after]); an array is one value."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):  # in Python True is 1
            yield pointer, [before, after]
        return
    for key in sorted({*before, *after}):
        step = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        if key in before and key in after:
            yield from changes(before[key], after[key], step)
        else:
            yield step, [before.get(key), after.get(key)]
