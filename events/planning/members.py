"""Whom a rule concerns, in SQL: the living members of its audience, as `events_entity e`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from events.lifecycle import UNSENT
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from events.models import Rule

ONE_MEMBER = "e.deleted_at IS NULL AND e.id = %(rule_entity)s"
KIND_MEMBERS = "e.deleted_at IS NULL AND {owned} AND e.kind = %(rule_kind)s"
# A rule is about entities of its own account alone. Written as two, since an index serves either and none serves both.
OPERATORS_OWN, ACCOUNTS_OWN = "e.owner_id IS NULL", "e.owner_id = %(rule_owner)s"

ZONE = "COALESCE(NULLIF(%(rule_zone)s, ''), e.timezone)"
ANCHOR = "CASE WHEN %(rule_anchor)s = '' THEN '' ELSE COALESCE(e.attributes ->> %(rule_anchor)s, '') END"

SNAPSHOT = """
    CASE WHEN %(rule_snapshot)s
         THEN jsonb_build_object('payload', %(rule_payload)s::jsonb, 'attributes', e.attributes) END
"""


def audience_sql(rule: Rule, entity_ids: Sequence[int] | None) -> tuple[str, dict[str, Any]]:
    """The condition on `events_entity e` for the rule's living members, narrowed to some ids, or a range, if given."""
    owned = OPERATORS_OWN if rule.owner_id is None else ACCOUNTS_OWN
    members = KIND_MEMBERS.format(owned=owned) if rule.entity_id is None else ONE_MEMBER
    if rule.audience_filter:
        members += " AND e.attributes @> %(rule_filter)s::jsonb"
    if isinstance(entity_ids, range):
        members += f" AND e.id >= {entity_ids.start} AND e.id < {entity_ids.stop}"
    elif entity_ids is not None:
        members += " AND e.id = ANY(%(member_ids)s::bigint[])"
    return members, {
        "rule_id": rule.pk,
        "rule_owner": rule.owner_id,
        "rule_entity": rule.entity_id,
        "rule_kind": rule.audience_kind,
        "rule_filter": json.dumps(rule.audience_filter),
        "rule_zone": rule.timezone,
        "rule_anchor": rule.anchor,
        "rule_snapshot": rule.snapshot,
        "rule_payload": json.dumps(rule.payload),
        "rule_seed": str(rule.draw_seed),
        "rule_draws": rule.draws,
        "rule_spacing": rule.spacing,
        "member_ids": None if isinstance(entity_ids, range) else entity_ids,
    }


# What is still to come of the rule for its members, as it is planned: for those who keep it whatever moves.
KEPT = """
    SELECT o.rule_id, o.entity_id, o.slot, o.fold, o.timezone, o.note, o.due_at, o.snapshot
    FROM events_occurrence o JOIN events_entity e ON e.id = o.entity_id
    WHERE o.rule_id = %(rule_id)s AND NOT o.given AND o.state = ANY(%(unsent)s) AND {members}
"""


def kept_rows(rule: Rule, entity_ids: list[int]) -> Desired:
    """The unsent rows of those of the entities that are the rule's members still, just as they are."""
    members, parameters = audience_sql(rule, entity_ids)
    return Desired(KEPT.format(members=members), {**parameters, "unsent": sorted(UNSENT)})


AFTER_KEPT = """
    SELECT d.* FROM ({desired}) AS d
    WHERE NOT EXISTS (SELECT 1 FROM events_occurrence o
                      WHERE o.rule_id = d.rule_id AND o.entity_id = d.entity_id AND NOT o.given
                        AND o.state = ANY(%(unsent)s) AND o.due_at > d.due_at AND o.due_at < %(kept_until)s)
"""


def after_kept(desired: Desired, until: datetime) -> Desired:
    """Those of the desired rows that come after all that is planned of them for the same entity until an instant."""
    parameters = {**desired.parameters, "unsent": sorted(UNSENT), "kept_until": until}
    return Desired(AFTER_KEPT.format(desired=desired.sql), parameters)
