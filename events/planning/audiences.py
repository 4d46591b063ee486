"""Whom a rule concerns, and their firings: computed once for each distinct (zone, anchor date, leap policy).

People who share those three share their slots, so a rule over a million people costs one calendar computation a
group, or less where several groups mean the same; the rows themselves are written by an INSERT ... SELECT that joins
the groups to the people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection

from events.errors import InvalidField
from events.models import EveryFrom, Rule, RuleState
from events.planning.anchors import LIKELY, anchor_date, likely_days
from events.planning.completions import rows_after_completion
from events.planning.members import ANCHOR, SNAPSHOT, ZONE, audience_sql
from events.planning.timetables import Timetable
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class UnusableAnchor(InvalidField):
    """{field}: {problem}. {remedy}"""


MEMBERS = "SELECT e.id FROM events_entity e WHERE {members}"
GROUPS = f"SELECT DISTINCT {ZONE}, {ANCHOR}, e.leap FROM events_entity e WHERE {{members}}"

OPENINGS = f"""
    FROM events_entity e
    JOIN unnest(%(zones)s::text[], %(anchors)s::text[], %(leaps)s::text[], %(slots)s::timestamp[],
                %(folds)s::smallint[], %(notes)s::text[], %(opens)s::timestamptz[], %(closes)s::timestamptz[])
         AS s(timezone, anchor, leap, slot, fold, note, opens_at, closes_at)
      ON s.timezone = {ZONE} AND s.anchor = {ANCHOR} AND s.leap = e.leap
"""

DESIRED = f"""
    SELECT %(rule_id)s::bigint AS rule_id, e.id AS entity_id, s.slot, s.fold, s.timezone, s.note,
           s.opens_at AS due_at, {SNAPSHOT} AS snapshot
    {OPENINGS}
    WHERE {{members}} AND (NOT %(since_creation)s OR s.opens_at >= e.created_at)
"""

# A draw is a function of the rule's seed, the entity, the window and its own number, so that whoever plans again finds
# the same moments. SHA-256, of which the first 48 bits are a fraction, is the same in every release of PostgreSQL.
FRACTION = """
    ('x' || encode(substr(sha256(convert_to(concat_ws(':', %(rule_seed)s, e.id, extract(epoch FROM s.slot), s.fold,
                                                      number), 'UTF8')), 1, 6), 'hex'))::bit(48)::bigint
    / 281474976710656::float8
"""

# So many points of what spacing leaves of the window, in order, each moved on by the spacing before it: all choices
# of moments that far apart are equally likely. What is left of a window may be too short for the spacing, which then
# gives way. Draws of one window are told apart by microseconds of their slots.
DRAWN = f"""
    SELECT * FROM (
        SELECT %(rule_id)s::bigint AS rule_id, e.id AS entity_id,
               s.slot + d.nth * interval '1 microsecond' AS slot, s.fold, s.timezone, s.note,
               s.opens_at + (floor(d.fraction * (length - (%(rule_draws)s - 1) * apart)) + d.nth * apart)
                            * interval '1 microsecond' AS due_at, {SNAPSHOT} AS snapshot, e.created_at
        {OPENINGS}
        CROSS JOIN LATERAL (SELECT extract(epoch FROM s.closes_at - s.opens_at)::float8 * 1e6 AS length) AS span
        CROSS JOIN LATERAL (SELECT extract(epoch FROM %(rule_spacing)s::interval)::float8 * 1e6 AS least) AS spacing
        CROSS JOIN LATERAL (
            SELECT CASE WHEN (%(rule_draws)s - 1) * least < length THEN least ELSE floor(length / %(rule_draws)s) END
                   AS apart
        ) AS spaced
        CROSS JOIN LATERAL (
            SELECT fraction, row_number() OVER (ORDER BY fraction) - 1 AS nth
            FROM (SELECT {FRACTION} AS fraction FROM generate_series(1, %(rule_draws)s::int) AS number) AS each
        ) AS d
        WHERE {{members}}
    ) AS drawn
    WHERE due_at >= %(due_after)s AND due_at < %(due_before)s AND (NOT %(since_creation)s OR due_at >= created_at)
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Entities that share their slots: their zone, the anchor as written ("" without one), their leap policy."""

    timezone: str
    anchor: str
    leap: str


def groups(rule: Rule, entity_ids: Sequence[int] | None = None) -> list[Group]:
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
    entity_ids: Sequence[int] | None = None,
    since_creation: bool = True,
    timetable: Timetable | None = None,
) -> Desired:
    """The rows that the rule wants with after <= due_at < before, for its members or for some of them.

    `since_creation`: none is due before its entity was known. Of an interval that counts from the end of the one
    before: the next row of each, wherever it lies, and then only of those that have none to come. For whoever asks
    portion by portion: the `timetable` of the same span.
    """
    if rule.every_from == EveryFrom.COMPLETION:
        return rows_after_completion(rule, entity_ids, anew=not since_creation)
    timetable = timetable or Timetable(rule, after=after, before=before)
    if entity_ids is None:
        entity_ids = likely_members(rule, after=after, before=before)
    members, parameters = audience_sql(rule, entity_ids)
    found = [
        (group, opening)
        for group in groups(rule, entity_ids)
        for opening in timetable.openings(group.timezone, group.anchor, group.leap)
    ]
    return Desired(
        (DESIRED if rule.window is None else DRAWN).format(members=members),
        {
            **parameters,
            "since_creation": since_creation,
            "due_after": after,
            "due_before": before,
            "zones": [group.timezone for group, _ in found],
            "anchors": [group.anchor for group, _ in found],
            "leaps": [group.leap for group, _ in found],
            "slots": [opening.slot for _, opening in found],
            "folds": [opening.fold for _, opening in found],
            "notes": [opening.note for _, opening in found],
            "opens": [opening.opens_at for _, opening in found],
            "closes": [opening.closes_at for _, opening in found],
        },
    )


def likely_members(rule: Rule, *, after: datetime, before: datetime) -> list[int] | None:
    """The ids of the members whose anchor may fire with after <= due_at < before, sorted; None where any may."""
    days = likely_days(rule, after=after, before=before)
    if days is None:
        return None
    members, parameters = audience_sql(rule, None)
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS.format(members=members + LIKELY), {**parameters, "likely_days": days})
        return sorted(entity_id for (entity_id,) in cursor.fetchall())


def check_anchor(rule: Rule) -> None:
    """Raise UnusableAnchor if the rule is anchored on an attribute that none of its members has as a date."""
    if rule.anchor and not any(anchor_date(group.anchor) for group in groups(rule)):
        whom = str(rule.entity) if rule.entity else f"any {rule.audience_kind} of the audience"
        raise UnusableAnchor(
            field="anchor",
            problem=f"{rule.anchor!r} is not a date attribute of {whom}, so nothing would ever fire",
            remedy=f'Give them one, such as {{"{rule.anchor}": "1990-05-17"}}, or anchor on another attribute.',
        )


def anchors_of(kind: str, *, owner: int | None = None) -> set[str]:
    """The attributes from which an account's live rules of this kind's audiences start, and which so must be dates."""
    rules = Rule.objects.filter(owner=owner, audience_kind=kind)
    rules = rules.exclude(anchor="").exclude(state=RuleState.RETIRED)
    return set(rules.values_list("anchor", flat=True))
