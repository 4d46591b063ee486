"""A message joins the open group of its key: one statement, and so one round trip, which commits by itself."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from events.grouping.messages import Taken
from events.lifecycle import Reason
from events.models import Moves
from events.transitions.groups import MOVE_MOMENT, WAITS
from events.transitions.statements import WAKE_CHANNEL, WAKE_WITHIN, run

if TYPE_CHECKING:
    from events.grouping.messages import Message
    from events.transitions import Origin

# For so long a sender's key is known again after its group was sealed.
REMEMBERED = timedelta(hours=24)

# What came under this key before: in the open group, or lately. Groups of a key are found by their occurrences' slots,
# which are never before the moment at which their last message came.
REPEATED = f"""
    SELECT i.group_id, i.position, o.due_at, g.sealed_at IS NOT NULL OR NOT {WAITS} AS is_sealed
    FROM type JOIN events_entity e ON e.kind = type.entity_kind AND e.external_id = %(key)s AND {{account_of_entity}}
    JOIN events_occurrence o ON o.rule_id = type.rule_id AND o.entity_id = e.id
                            AND o.slot >= (%(now)s - %(remembered)s) AT TIME ZONE 'UTC'
    JOIN events_group g ON g.occurrence_id = o.id AND g.type_id = type.id
    JOIN events_groupitem i ON i.group_id = g.id AND i.key = %(item_key)s AND i.key > ''
    WHERE i.taken_at > %(now)s - %(remembered)s OR (g.sealed_at IS NULL AND {WAITS})
    ORDER BY i.id DESC LIMIT 1
"""  # noqa: S608 - put together from constants
NONE_REPEATED = """
    SELECT NULL::bigint AS group_id, 0 AS position, NULL::timestamptz AS due_at, false AS is_sealed WHERE false
"""

# Waits for whoever has the row, and then looks at it as it is: PostgreSQL checks the conditions again on the locked
# versions of both rows. The items that others took meanwhile it cannot see; the unique index of their keys can.
APPEND = f"""
WITH type AS MATERIALIZED (
    SELECT t.id, t.rule_id, t.entity_kind, t.moves, t.max_wait, t.max_items, t.max_bytes
    FROM events_grouptype t JOIN events_rule r ON r.id = t.rule_id
    WHERE r.name = %(type)s AND {{account_of_rule}} AND r.state <> 'retired'
), repeated AS MATERIALIZED ({{repeated}}), open AS MATERIALIZED (
    SELECT g.id, g.occurrence_id, g.item_count + 1 AS position, g.item_bytes + %(size)s AS bytes, g.opened_at,
           o.due_at, o.rule_id, o.entity_id, type.moves, type.max_wait, type.max_items, type.max_bytes
    FROM type JOIN events_group g ON g.type_id = type.id AND g.key = %(key)s AND g.sealed_at IS NULL
    JOIN events_occurrence o ON o.id = g.occurrence_id
    WHERE {WAITS} AND g.item_bytes + %(size)s <= type.max_bytes AND NOT EXISTS (SELECT 1 FROM repeated)
    FOR NO KEY UPDATE OF o, g
), item AS (
    INSERT INTO events_groupitem (group_id, position, key, content, size, taken_at)
    SELECT id, position, %(item_key)s, %(content)s::jsonb, %(size)s, %(now)s FROM open
    ON CONFLICT DO NOTHING RETURNING group_id
), wished AS (
    SELECT open.*, position >= max_items OR bytes >= max_bytes AS is_full, CASE moves
               WHEN '{Moves.KEEP}' THEN due_at
               WHEN '{Moves.EARLIEST}' THEN LEAST(due_at, %(execute_at)s)
               WHEN '{Moves.LATEST}' THEN GREATEST(due_at, %(execute_at)s)
               ELSE %(execute_at)s END AS wish
    FROM open JOIN item ON item.group_id = open.id
), settled AS (
    SELECT wished.*, CASE WHEN is_full THEN %(now)s
                          ELSE GREATEST(%(now)s, LEAST(wish, opened_at + max_wait)) END AS next_due
    FROM wished
), decided AS MATERIALIZED (
    SELECT settled.*, next_due <= %(now)s AS is_sealed,
           CASE WHEN next_due <= %(now)s THEN '{Reason.MOVED}' END AS reason,
           jsonb_build_object('due_at', jsonb_build_array(due_at, next_due),
                              'sealed', CASE WHEN is_full THEN 'full' ELSE 'due' END) AS detail
    FROM settled
), grown AS (
    UPDATE events_group g
    SET item_count = d.position, item_bytes = d.bytes,
        sealed_at = CASE WHEN d.is_sealed THEN GREATEST(%(now)s, g.opened_at) END
    FROM decided d WHERE g.id = d.id
), {MOVE_MOMENT}
SELECT group_id, position, due_at, is_sealed, true AS is_repeated, NULL AS woken FROM repeated
UNION ALL
SELECT id, position, next_due, is_sealed, false,
       CASE WHEN next_due < due_at AND next_due < %(now)s + %(wake_within)s
            THEN pg_notify('{WAKE_CHANNEL}', '')::text END
FROM decided
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL FROM open WHERE NOT EXISTS (SELECT 1 FROM item)
"""  # noqa: S608 - put together from constants


def append(message: Message, *, owner: int | None, origin: Origin) -> Taken | None:
    """Where the message is now, or was before; None where no group of its key is open, or none that has room for it.

    Its type's policy may move the moment of the group; the log tells only of the message that seals it, for each one's
    own wish is kept with it.
    """
    rows = _append(message, owner, origin)
    if rows and rows[0]["group_id"] is None:  # in this instant another one took it under its key: look again
        rows = _append(message, owner, origin)
    if not rows or rows[0]["group_id"] is None:
        return None
    (row,) = rows
    return Taken(row["group_id"], row["position"], row["due_at"], row["is_sealed"], row["is_repeated"])


def _append(message: Message, owner: int | None, origin: Origin) -> list[dict[str, Any]]:
    return run(
        _statement(owner, keyed=bool(message.item_key)),
        origin,
        remembered=REMEMBERED,
        wake_within=WAKE_WITHIN,
        **message.parameters(owner),
    )


def _statement(owner: int | None, *, keyed: bool) -> str:
    return _written(is_operators=owner is None, keyed=keyed)


@cache
def _written(*, is_operators: bool, keyed: bool) -> str:
    """Whose it is is said so that the unique indexes by account find it.

    In one line, because the driver reads longer statements (of 4,096 characters) anew each time.
    """
    whose = "{}.owner_id IS NULL" if is_operators else "{}.owner_id = %(owner)s"
    repeated = REPEATED.format(account_of_entity=whose.format("e")) if keyed else NONE_REPEATED
    statement = APPEND.format(account_of_rule=whose.format("r"), repeated=repeated)
    return " ".join(statement.split())
