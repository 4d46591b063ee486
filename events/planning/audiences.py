"""Whom a rule concerns, and their firings: computed once for each distinct (zone, anchor date, leap policy).

People who share those three share their slots, so a rule over a million people costs one calendar computation a
group; the rows themselves are written by one INSERT ... SELECT that joins the groups to the people.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.errors import InvalidField
from events.models import Rule, RuleState
from events.planning.recurrences import firings_of
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from events.timing import Firing


class UnusableAnchor(InvalidField):
    """{field}: {problem}. {remedy}"""


ONE_MEMBER = "e.deleted_at IS NULL AND e.id = %(rule_entity)s"
KIND_MEMBERS = "e.deleted_at IS NULL AND e.kind = %(rule_kind)s AND e.attributes @> %(rule_filter)s::jsonb"

ZONE = "COALESCE(NULLIF(%(rule_zone)s, ''), e.timezone)"
ANCHOR = "CASE WHEN %(rule_anchor)s = '' THEN '' ELSE COALESCE(e.attributes ->> %(rule_anchor)s, '') END"

GROUPS = f"SELECT DISTINCT {ZONE}, {ANCHOR}, e.leap FROM events_entity e WHERE {{members}}"

DESIRED = f"""
    SELECT %(rule_id)s::bigint AS rule_id, e.id AS entity_id, s.slot, s.fold, s.timezone, s.note, s.due_at,
           CASE WHEN %(rule_snapshot)s
                THEN jsonb_build_object('payload', %(rule_payload)s::jsonb, 'attributes', e.attributes) END AS snapshot
    FROM events_entity e
    JOIN unnest(%(zones)s::text[], %(anchors)s::text[], %(leaps)s::text[], %(slots)s::timestamp[],
                %(folds)s::smallint[], %(notes)s::text[], %(dues)s::timestamptz[])
         AS s(timezone, anchor, leap, slot, fold, note, due_at)
      ON s.timezone = {ZONE} AND s.anchor = {ANCHOR} AND s.leap = e.leap
    WHERE {{members}} AND (NOT %(since_creation)s OR s.due_at >= e.created_at)
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Entities that share their slots: their zone, the anchor as written ("" without one), their leap policy."""

    timezone: str
    anchor: str
    leap: str


def audience_sql(rule: Rule, entity_ids: list[int] | None) -> tuple[str, dict[str, Any]]:
    """The condition on `events_entity e` for the rule's living members, narrowed to some ids if given."""
    members = KIND_MEMBERS if rule.entity_id is None else ONE_MEMBER
    if entity_ids is not None:
        members += " AND e.id = ANY(%(member_ids)s)"
    return members, {
        "rule_id": rule.pk,
        "rule_entity": rule.entity_id,
        "rule_kind": rule.audience_kind,
        "rule_filter": json.dumps(rule.audience_filter),
        "rule_zone": rule.timezone,
        "rule_anchor": rule.anchor,
        "rule_snapshot": rule.snapshot,
        "rule_payload": json.dumps(rule.payload),
        "member_ids": entity_ids,
    }


def groups(rule: Rule, entity_ids: list[int] | None = None) -> list[Group]:
    """The distinct (zone, anchor, leap) among the rule's members."""
    members, parameters = audience_sql(rule, entity_ids)
    with connection.cursor() as cursor:
        cursor.execute(GROUPS.format(members=members), parameters)
        return [Group(*row) for row in cursor.fetchall()]


def desired_rows(
    rule: Rule,
    *,
    after: datetime,
    before: datetime,
    entity_ids: list[int] | None = None,
    since_creation: bool = True,
) -> Desired:
    """The rows that the rule wants with after <= due_at < before, for its members or for some of them.

    `since_creation`: none is due before its entity was known.
    """
    members, parameters = audience_sql(rule, entity_ids)
    found = [
        (group, firing)
        for group in groups(rule, entity_ids)
        for firing in _firings(rule, group, after, before)
    ]
    return Desired(
        DESIRED.format(members=members),
        {
            **parameters,
            "since_creation": since_creation,
            "zones": [group.timezone for group, _ in found],
            "anchors": [group.anchor for group, _ in found],
            "leaps": [group.leap for group, _ in found],
            "slots": [firing.slot for _, firing in found],
            "folds": [firing.fold for _, firing in found],
            "notes": [firing.note for _, firing in found],
            "dues": [firing.due_at for _, firing in found],
        },
    )


def _firings(rule: Rule, group: Group, after: datetime, before: datetime) -> Iterator[Firing]:
    if rule.anchor and anchor_date(group.anchor) is None:
        return iter(())
    return firings_of(
        rule,
        timezone=group.timezone,
        anchor=anchor_date(group.anchor),
        leap=group.leap,
        after=after,
        before=before,
    )


def anchor_date(text: str) -> date | None:
    """The date that an attribute names, or None where it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def check_anchor(rule: Rule) -> None:
    """Raise UnusableAnchor if the rule is anchored on an attribute that none of its members has as a date."""
    if rule.anchor and not any(anchor_date(group.anchor) for group in groups(rule)):
        whom = str(rule.entity) if rule.entity else f"any {rule.audience_kind} of the audience"
        raise UnusableAnchor(
            field="anchor",
            problem=f"{rule.anchor!r} is not a date attribute of {whom}, so nothing would ever fire",
            remedy=f'Give them one, such as {{"{rule.anchor}": "1990-05-17"}}, or anchor on another attribute.',
        )


def anchors_of(kind: str) -> set[str]:
    """The attributes from which live rules of this kind's audiences start, and which so must be dates."""
    rules = Rule.objects.filter(audience_kind=kind).exclude(anchor="").exclude(state=RuleState.RETIRED)
    return set(rules.values_list("anchor", flat=True))
