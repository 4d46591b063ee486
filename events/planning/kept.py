"""What new zone data makes of rows that their rule keeps: each by the zone and date that it was planned with."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from events.lifecycle import UNSENT
from events.models import EveryFrom, Occurrence
from events.planning.members import audience_sql
from events.planning.recurrences import recurrence_of
from events.timing import Fold, Gap, resolve, zone
from events.timing.recurring import rules_of
from events.transitions import Desired

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from events.models import Rule

# `p` is what became of each wall time that is planned. Whatever else a note says stays.
KEPT_WALL_TIMES = """
    SELECT o.rule_id, o.entity_id, o.slot, o.fold, o.timezone, p.due_at, o.snapshot,
           CASE WHEN p.due_at = o.due_at THEN o.note ELSE p.note END AS note
    FROM events_occurrence o JOIN events_entity e ON e.id = o.entity_id
    JOIN unnest(%(zones)s::text[], %(slots)s::timestamp[], %(folds)s::smallint[], %(notes)s::text[],
                %(dues)s::timestamptz[]) AS p(timezone, slot, fold, note, due_at)
      ON (p.timezone, p.slot, p.fold) = (o.timezone, o.slot, o.fold)
    WHERE o.rule_id = %(rule_id)s AND NOT o.given AND o.state = ANY(%(unsent)s) AND {members}
"""

# What is drawn, counted in elapsed time, or observed on another day than its slot's moves where its entity is the same.
KEPT_MOMENTS = """
    SELECT o.rule_id, o.entity_id, o.slot, o.fold, o.timezone, COALESCE(d.due_at, o.due_at) AS due_at, o.snapshot,
           COALESCE(d.note, o.note) AS note
    FROM events_occurrence o JOIN events_entity e ON e.id = o.entity_id
    LEFT JOIN ({wanted}) AS d ON (d.entity_id, d.slot, d.fold, d.timezone) = (o.entity_id, o.slot, o.fold, o.timezone)
    WHERE o.rule_id = %(rule_id)s AND NOT o.given AND o.state = ANY(%(unsent)s) AND {members}
"""


def kept_anew(rule: Rule, wanted: Desired) -> Desired:
    """The rule's unsent rows with the instants that the installed zone data gives them, for whoever is its member.

    `wanted` is what the rule would plan now.
    """
    members, parameters = audience_sql(rule, None)
    parameters["unsent"] = sorted(UNSENT)
    if _has_wall_times(rule):
        planned = Occurrence.objects.filter(rule=rule, state__in=sorted(UNSENT))
        moments = planned.order_by("timezone", "slot", "fold").values_list("timezone", "slot", "fold")
        firings = _resolved(rule, moments.distinct())
        return Desired(KEPT_WALL_TIMES.format(members=members), {**parameters, **firings})
    sql = KEPT_MOMENTS.format(members=members, wanted=wanted.sql)
    return Desired(sql, {**wanted.parameters, **parameters})


def _has_wall_times(rule: Rule) -> bool:
    """Whether every one of the rule's moments is its slot, read in its zone."""
    elsewhere = rule.window is not None or rule.calendar is not None or rule.cron
    if elsewhere or rule.every_from == EveryFrom.COMPLETION:
        return False
    recurrence = recurrence_of(rule, date.min)
    instants = any(getattr(moment, "tzinfo", None) for moment in recurrence.rdates)
    return not instants and not any(each.freq.is_elapsed for each in rules_of(recurrence))


def _resolved(rule: Rule, planned: Iterable[tuple[str, datetime, int]]) -> dict[str, list[object]]:
    """The columns of the instants of these wall times; one that the rule's policies skip has none."""
    policy = Fold.FIRST if rule.fold == Fold.BOTH else Fold(rule.fold)
    found = [
        (timezone, slot, fold, firing.note, firing.due_at)
        for timezone, slot, fold in planned
        for firing in resolve(slot, zone(timezone), gap=Gap(rule.gap), fold=Fold.SECOND if fold else policy)
    ]
    names = ("zones", "slots", "folds", "notes", "dues")
    return {name: [row[column] for row in found] for column, name in enumerate(names)}
