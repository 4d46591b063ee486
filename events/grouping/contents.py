"""What a group's handler is told: all of its messages, in order, but those that were dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events.models import GroupType
from events.transitions.groups import GROUP_PAYLOAD
from events.transitions.statements import id_array

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONTENTS = f"""
SELECT o.id, EXISTS (SELECT 1 FROM events_groupitem i WHERE i.group_id = g.id AND i.dropped_at IS NULL) AS has_any,
       {GROUP_PAYLOAD} AS payload
FROM events_occurrence o JOIN events_group g ON g.occurrence_id = o.id JOIN events_rule r ON r.id = o.rule_id
WHERE o.id = ANY(%(ids)s::bigint[])
"""  # noqa: S608 - put together from constants


class Contents(NamedTuple):
    """The payload of a group's dispatch, and whether any message is left in it."""

    payload: Mapping[str, Any]
    has_any: bool


def contents_of(occurrences: Iterable[int]) -> dict[int, Contents]:
    """What the groups of these occurrences tell, by occurrence.

    Asked after a start has committed, it is final: a message joins a group only while its occurrence waits, and no
    worker has touched it.
    """
    with connection.cursor() as cursor:
        cursor.execute(CONTENTS, {"ids": id_array(occurrences)})
        return {row: Contents(json.loads(payload), has_any) for row, has_any, payload in cursor}


def largest_of(rules: Iterable[int]) -> dict[int, int]:
    """How many bytes of messages a group of these rules may have, by rule."""
    return dict(GroupType.objects.filter(rule__in=list(rules)).values_list("rule_id", "max_bytes"))


def dispatched(payload: Mapping[str, Any], messages: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that a handler is given for these messages, where this is the type's own; as the database has it."""
    return {**payload, "data": messages} if payload else dict(messages)
