"""The verbs of planning. Each is one transaction, or runs in its caller's; running one twice adds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Min, Q

from events.lifecycle import UNSENT
from events.models import Occurrence, Rule, RuleState
from events.planning.audiences import desired_rows
from events.planning.serial import alone
from events.timing import TZDATA_VERSION
from events.transitions import cancel_superseded, move_rescheduled, schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from events.transitions import Origin

LIVE = (RuleState.ACTIVE, RuleState.PAUSED)


def kind_of(rule: Rule) -> str:
    """The kind of entity that the rule concerns."""
    return rule.audience_kind or rule.entity.kind  # type: ignore[union-attr]  # a constraint: one of the two


def plan_due_rules(*, horizon: timedelta, origin: Origin) -> int:
    """Move every live rule's planned end to the horizon; how many rows were written.

    A rule is planned when less than half of the horizon is left, so that most passes find nothing to do.
    """
    ids = Rule.objects.filter(
        Q(planned_until=None) | Q(planned_until__lt=origin.now + horizon / 2),
        state__in=LIVE,
    ).values_list("pk", flat=True)
    return sum(_extend(rule_id, horizon=horizon, origin=origin) for rule_id in ids)


@transaction.atomic
def _extend(rule_id: int, *, horizon: timedelta, origin: Origin) -> int:
    alone(kind_of(Rule.objects.select_related("entity").get(pk=rule_id)))
    rule = Rule.objects.get(pk=rule_id)
    if rule.state not in LIVE:
        return 0
    return plan_rule(rule, until=origin.now + horizon, origin=origin)


def plan_rule(rule: Rule, *, until: datetime, origin: Origin) -> int:
    """Write the rule's rows from where its plan ends (or from now) until an instant; how many.

    The caller holds `alone`. A plan that ended in the past, because nothing ran, is continued from there: what was
    missed becomes rows too.
    """
    since = rule.planned_until or origin.now
    if until <= since:
        return 0
    written = schedule(
        desired_rows(rule, after=since, before=until),
        tzdata_version=TZDATA_VERSION,
        origin=origin,
    )
    Rule.objects.filter(pk=rule.pk).update(planned_until=until)
    rule.planned_until = until
    return written


def plan_entities(entity_ids: list[int], *, kinds: Iterable[str], origin: Origin) -> int:
    """Write the rows of new entities, as far as each of their rules is planned; how many. Caller holds `together`."""
    return sum(
        schedule(
            desired_rows(rule, after=origin.now, before=rule.planned_until, entity_ids=entity_ids),
            tzdata_version=TZDATA_VERSION,
            origin=origin,
        )
        for rule in _rules_for(entity_ids, kinds)
        if rule.planned_until
    )


def replan_rule(rule: Rule, *, horizon: timedelta, origin: Origin) -> int:
    """Make the rule's unsent rows what it wants now: withdraw, move, write; how many rows changed.

    The caller holds `alone`.
    """
    until = max(rule.planned_until or origin.now, origin.now + horizon)
    since = min(_oldest_unsent(Q(rule=rule)) or origin.now, origin.now)
    wanted = desired_rows(rule, after=since, before=until)
    changed = cancel_superseded(wanted, rule_id=rule.pk, origin=origin)
    changed += move_rescheduled(wanted, rule_id=rule.pk, tzdata_version=TZDATA_VERSION, origin=origin)
    changed += schedule(
        desired_rows(rule, after=origin.now, before=until),
        tzdata_version=TZDATA_VERSION,
        origin=origin,
    )
    Rule.objects.filter(pk=rule.pk).update(planned_until=until)
    return changed


def replan_entities(entity_ids: list[int], *, kinds: Iterable[str], origin: Origin) -> int:
    """Make these entities' unsent rows what their rules want now; how many rows changed. Caller holds `together`."""
    since = min(_oldest_unsent(Q(entity__in=entity_ids)) or origin.now, origin.now)
    changed = 0
    for rule in _rules_for(entity_ids, kinds):
        until = rule.planned_until or origin.now
        wanted = desired_rows(rule, after=since, before=until, entity_ids=entity_ids)
        changed += cancel_superseded(wanted, rule_id=rule.pk, entity_ids=entity_ids, origin=origin)
        changed += move_rescheduled(
            wanted,
            rule_id=rule.pk,
            entity_ids=entity_ids,
            tzdata_version=TZDATA_VERSION,
            origin=origin,
        )
        changed += schedule(
            desired_rows(rule, after=origin.now, before=until, entity_ids=entity_ids),
            tzdata_version=TZDATA_VERSION,
            origin=origin,
        )
    return changed


@dataclass(frozen=True, slots=True)
class Backfill:
    """How many rows a backfill wrote, or, in a dry run, would write."""

    rows: int


def backfill(
    rule: Rule, *, after: datetime, before: datetime, why: str, origin: Origin, dry_run: bool
) -> Backfill:
    """Write the rule's missing rows with after <= due_at < before, past ones too. A second run writes none."""
    with transaction.atomic():
        alone(kind_of(rule))
        rows = schedule(
            desired_rows(rule, after=after, before=before, since_creation=False),
            tzdata_version=TZDATA_VERSION,
            origin=origin,
            why=why,
        )
        if dry_run:
            transaction.set_rollback(True)
    return Backfill(rows)


def _rules_for(entity_ids: list[int], kinds: Iterable[str]) -> list[Rule]:
    concerned = Q(audience_kind__in=set(kinds)) | Q(entity__in=entity_ids)
    return list(Rule.objects.filter(concerned, state__in=LIVE).order_by("pk"))


def _oldest_unsent(scope: Q) -> datetime | None:
    unsent = Occurrence.objects.filter(scope, state__in=sorted(UNSENT))
    oldest: datetime | None = unsent.aggregate(oldest=Min("due_at"))["oldest"]
    return oldest
