"""What there is already where triggers belong: locked, so that all is decided on what stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events.lifecycle import UNSENT
from events.operations.trigger_places import TriggerRow
from events.transitions.statements import UNSENT_SQL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.operations.trigger_places import Pair, Place


class Standing(NamedTuple):
    """What there is of a pair: what is unsent; what is at its place's instant, or at its slot to the millisecond."""

    unsent: list[TriggerRow]
    near: list[TriggerRow]


COLUMNS = "id, rule_id, entity_id, slot, fold, timezone, due_at, state, payload"
# Waits for whoever has an unsent row, and then looks at it as it is; what is near is told as it was before.
STANDING = f"""
WITH pair AS MATERIALIZED (
    SELECT * FROM unnest(%(rules)s::bigint[], %(entities)s::bigint[], %(slots)s::timestamp[],
                         %(instants)s::timestamptz[]) AS p(of_rule, of_entity, wished_slot, wished_at)
), unsent AS MATERIALIZED (
    SELECT o.* FROM pair JOIN events_occurrence o ON (o.rule_id, o.entity_id) = (of_rule, of_entity)
    WHERE o.given AND o.state IN ({UNSENT_SQL}) ORDER BY o.id FOR UPDATE OF o
)
SELECT true, {COLUMNS} FROM unsent
UNION ALL
SELECT false, {COLUMNS} FROM pair JOIN events_occurrence o ON (o.rule_id, o.entity_id) = (of_rule, of_entity)
WHERE o.due_at = wished_at OR o.slot >= wished_slot AND o.slot < wished_slot + interval '1 millisecond'
ORDER BY id
"""  # noqa: S608 - put together from constants


def standing_of(places: Sequence[Place]) -> dict[Pair, Standing]:
    """What there is of each pair; what is unsent is locked, so none of it starts before this transaction ends."""
    found = {place.pair: Standing([], []) for place in places}
    asked = [place for place in places if not place.event.is_new]
    while asked:
        for is_unsent, row in _rows(asked):
            standing = found[row.rule_id, row.entity_id]
            (standing.unsent if is_unsent else standing.near).append(row)
        # One that a worker started in this very instant is in neither as it is now: look again.
        asked = [place for place in asked if _has_started(found[place.pair])]
        found |= {place.pair: Standing([], []) for place in asked}
    return found


def _rows(places: Sequence[Place]) -> Iterator[tuple[bool, TriggerRow]]:
    parameters: dict[str, Any] = {
        "rules": [place.rule_id for place in places],
        "entities": [place.event.id for place in places],
        "slots": [place.slot if place.trigger.at else None for place in places],
        "instants": [place.trigger.at for place in places],
    }
    with connection.cursor() as cursor:
        cursor.execute(STANDING, parameters)
        for is_unsent, *facts, payload in cursor.fetchall():
            yield is_unsent, TriggerRow._make((*facts, payload and json.loads(payload)))


def _has_started(standing: Standing) -> bool:
    """Whether something that is near was unsent before others were waited for, and is not any more."""
    locked = {row.id for row in standing.unsent}
    return any(row.state in UNSENT and row.id not in locked for row in standing.near)
