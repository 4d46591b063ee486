"""The first message of a group makes it, and its occurrence, after those who came before have ended theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.grouping.messages import Taken
from events.grouping.sealing import seal_now
from events.lifecycle import Reason
from events.timing import TZDATA_VERSION
from events.transitions import Given, give
from events.transitions.groups import FREE_SLOT, WAITS
from events.transitions.statements import run

if TYPE_CHECKING:
    from events.grouping.messages import Message
    from events.models import GroupType
    from events.transitions import Origin

NO_ROOM = "it has no room for the next message"

# Who deletes an entity, or makes its key known as another one's, waits, or is waited for.
HOLD_ENTITY = """
SELECT e.id FROM events_entity e
WHERE {account} AND e.kind = %(kind)s AND e.external_id = %(key)s AND e.deleted_at IS NULL FOR NO KEY UPDATE
"""

# One that is there is not touched; one that was deleted lives again, as whoever imports it would have it.
REVIVE_OR_ADD = """
INSERT INTO events_entity AS e (owner_id, kind, external_id, timezone, name, attributes, leap, version, created_at,
                                updated_at)
VALUES (%(owner)s, %(kind)s, %(key)s, 'UTC', '', '{}', '', 1, %(now)s, %(now)s)
ON CONFLICT (owner_id, kind, external_id) DO UPDATE
SET deleted_at = NULL, version = e.version + 1, updated_at = %(now)s WHERE e.deleted_at IS NOT NULL
RETURNING id
"""


def hold_entity(kind: str, key: str, *, owner: int | None, origin: Origin) -> int | None:
    """The id of the entity that a key names; None where there is none.

    It is locked until the transaction ends: so one after another opens a group of one key, and sees what the one
    before has taken.
    """
    account = "e.owner_id IS NULL" if owner is None else "e.owner_id = %(owner)s"
    rows = run(HOLD_ENTITY.format(account=account), origin, owner=owner, kind=kind, key=key)
    return rows[0]["id"] if rows else None


def revive_or_add(kind: str, key: str, *, owner: int | None, origin: Origin) -> list[int]:
    """Make the entity that a key names, where there is none; its id if it is new, or lives again."""
    return [row["id"] for row in run(REVIVE_OR_ADD, origin, owner=owner, kind=kind, key=key)]


# What is not sealed though it takes no more is; and where a group that begins now is due.
PLACE = f"""
WITH last AS MATERIALIZED (
    SELECT g.id, {WAITS} AS is_open FROM events_group g JOIN events_occurrence o ON o.id = g.occurrence_id
    WHERE g.type_id = %(type_id)s AND g.key = %(key)s AND g.sealed_at IS NULL FOR NO KEY UPDATE OF o, g
), sealed AS (
    UPDATE events_group g SET sealed_at = GREATEST(%(now)s, g.opened_at)
    FROM last WHERE g.id = last.id AND NOT last.is_open
), placed AS (
    SELECT t.rule_id, CASE
               WHEN t.max_items <= 1 OR t.max_bytes <= %(size)s THEN %(now)s
               ELSE GREATEST(%(now)s, LEAST(%(execute_at)s, %(now)s + t.max_wait)) END AS due_at
    FROM events_grouptype t WHERE t.id = %(type_id)s
)
SELECT p.due_at, (SELECT id FROM last WHERE is_open) AS still_open,
       {FREE_SLOT.format(due_at="p.due_at", rule_id="p.rule_id", entity_id="%(entity_id)s", id="0")} AS slot
FROM placed p
"""  # noqa: S608 - put together from constants

OPEN = """
WITH opened AS (
    INSERT INTO events_group (type_id, key, occurrence_id, item_count, item_bytes, opened_at, sealed_at)
    VALUES (%(type_id)s, %(key)s, %(occurrence_id)s, 1, %(size)s, %(now)s,
            CASE WHEN %(due_at)s <= %(now)s THEN %(now)s END)
    RETURNING id
), item AS (
    INSERT INTO events_groupitem (group_id, position, key, content, size, taken_at)
    SELECT id, 1, %(item_key)s, %(content)s::jsonb, %(size)s, %(now)s FROM opened
)
SELECT id FROM opened
"""


def open_group(message: Message, group_type: GroupType, *, entity_id: int, origin: Origin) -> Taken:
    """Where the message is now: alone in a new group. The caller holds the entity, and found no group with room."""
    place: dict[str, Any] = {"type_id": group_type.pk, "entity_id": entity_id}
    place |= message.parameters(group_type.rule.owner_id)
    (placed,) = run(PLACE, origin, **place)
    if placed["still_open"] is not None:
        seal_now([placed["still_open"]], why=NO_ROOM, reason=Reason.MOVED, origin=origin)
        (placed,) = run(PLACE, origin, **place)  # that one may have the slot now
    due_at = placed["due_at"]
    given = Given(group_type.rule_id, entity_id, placed["slot"], fold=0, timezone="UTC", due_at=due_at)
    (row,) = give([given], tzdata_version=TZDATA_VERSION, origin=origin)
    (opened,) = run(OPEN, origin, occurrence_id=row.id, due_at=due_at, **place)
    return Taken(opened["id"], 1, due_at, is_sealed=due_at <= origin.now, is_first=True)
