"""The verbs of planning. Each is one transaction, or runs in its caller's; running one twice adds nothing."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.db.models import Max, Min, Q

from events.errors import InvalidField
from events.lifecycle import UNSENT, Hold, Reason
from events.models import GIVEN_ROLES, Entity, EveryFrom, Occurrence, OnMove, Rule, RuleState
from events.planning.audiences import desired_rows
from events.planning.completions import is_any_awaited, rows_after_completion
from events.planning.members import after_kept, kept_rows
from events.planning.serial import alone, together
from events.shards import WHOLE
from events.timing import TZDATA_VERSION
from events.transitions import cancel_superseded, move_rescheduled, release, schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from events.shards import Shard
    from events.transitions import Desired, Origin

# Local times of one instant lie up to 26 hours apart.
FARTHEST_MOVE = timedelta(hours=26)
# Whoever flies over the date line is a day ahead at once, and must have rows by then: none comes due unplanned.
LEAST_AHEAD = FARTHEST_MOVE + timedelta(hours=1)
logger = logging.getLogger(__name__)

LIVE = (RuleState.ACTIVE, RuleState.PAUSED)
PLANNED = Q(state__in=LIVE) & ~Q(role__in=GIVEN_ROLES)


def kind_of(rule: Rule) -> str:
    """The kind of entity that the rule concerns."""
    return rule.audience_kind or rule.entity.kind  # type: ignore[union-attr]  # a constraint: one of the two


def is_behind(now: datetime) -> bool:
    """Whether the plan of any live rule ends in the past, so that what is due has no rows."""
    return Rule.objects.filter(PLANNED, planned_until__lt=now).exists()


def plan_rule(rule: Rule, *, until: datetime, origin: Origin, entity_ids: Sequence[int] | None = None) -> int:
    """Write the rule's rows from where its plan ends (or from now) until an instant; how many.

    The caller holds `alone`, or a seat. A plan that ended in the past, because nothing ran, is continued from there:
    what was missed becomes rows too. `entity_ids`: the members for whom the caller has not done so, or who alone may
    have any.
    """
    since = rule.planned_until or origin.now
    if until <= since:
        return 0
    written = schedule(
        desired_rows(rule, after=since, before=until, entity_ids=entity_ids),
        tzdata_version=TZDATA_VERSION,
        origin=origin,
        among_known=entity_ids is not None,
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
    # They may reach another destination now: the next claim looks.
    release([rule.pk], cause=Hold.BREAKER_OPEN, reason=Reason.STILL_WANTED, origin=origin)
    changed = _replan(rule, None, span=span_of(Q(rule=rule), origin.now), until=until, origin=origin)
    Rule.objects.filter(pk=rule.pk).update(planned_until=until)
    return changed


def replan_entities(entity_ids: list[int], *, kinds: Iterable[str], origin: Origin) -> int:
    """Make these entities' unsent rows what their rules want now; how many rows changed. Caller holds `together`.

    What is planned of a rule that keeps it stays as it is, for whoever is still its member.
    """
    span, changed = span_of(Q(entity__in=entity_ids), origin.now), 0
    for rule in _rules_for(entity_ids, kinds):
        until = rule.planned_until or origin.now
        if rule.on_move == OnMove.KEEP:
            changed += _keep(rule, entity_ids, until=until, origin=origin)
        else:
            changed += _replan(rule, entity_ids, span=span, until=until, origin=origin)
    return changed


def _keep(rule: Rule, entity_ids: list[int], *, until: datetime, origin: Origin) -> int:
    """What is planned stays, unless its entity left the audience; only what comes after it is written anew."""
    missing = after_kept(missing_rows(rule, entity_ids, until=until, origin=origin), until)
    return make_so(rule, kept_rows(rule, entity_ids), missing, entity_ids=entity_ids, origin=origin)


def _replan(rule: Rule, entity_ids: list[int] | None, *, span: Span, until: datetime, origin: Origin) -> int:
    """For all of the rule's entities, or some: withdraw what is not wanted, move what is, write what is missing.

    Rows may lie beyond the plan's end, where somebody is about to move it: those that hold are left to them.
    """
    before = span.last if span.last - FARTHEST_MOVE >= until else until
    wanted = desired_rows(rule, after=span.first, before=before, entity_ids=entity_ids, since_creation=False)
    # Until it is withdrawn, the row of before would stand for the next one after a completion.
    is_after_completion = rule.every_from == EveryFrom.COMPLETION
    missing = wanted if is_after_completion else missing_rows(rule, entity_ids, until=until, origin=origin)
    return make_so(rule, wanted, missing, entity_ids=entity_ids, origin=origin)


def missing_rows(rule: Rule, entity_ids: list[int] | None, *, until: datetime, origin: Origin) -> Desired:
    """What the rule wants from now on until an instant; many of these rows exist."""
    return desired_rows(rule, after=origin.now, before=until, entity_ids=entity_ids)


def make_so(
    rule: Rule, wanted: Desired, missing: Desired, *, entity_ids: list[int] | None = None, origin: Origin
) -> int:
    """Withdraw the unsent rows that are not wanted, move those that are, write the missing ones; how many changed."""
    scope: dict[str, Any] = {"rule_id": rule.pk, "entity_ids": entity_ids, "origin": origin}
    scope["tzdata_version"] = TZDATA_VERSION
    changed = cancel_superseded(wanted, **scope) + move_rescheduled(wanted, **scope)
    return changed + schedule(missing, tzdata_version=TZDATA_VERSION, origin=origin, among_known=True)


def plan_after_completion(*, shard: Shard = WHOLE, origin: Origin) -> int:
    """Write the rows whose moment is known since the one before has ended, of a shard's entities; how many."""
    waiting = Rule.objects.filter(every_from=EveryFrom.COMPLETION, state__in=LIVE).order_by("pk")
    written = 0
    # Asked in every pass, and there are none in most: so their ids first, and where there are none nothing else.
    for rule in Rule.objects.select_related("entity").in_bulk(waiting.values_list("pk", flat=True)).values():
        try:
            written += _plan_after_completion(rule, shard, origin) if is_any_awaited(rule, shard) else 0
        except InvalidField:  # the isolation point: one rule that cannot be planned stops no other
            logger.exception("rule %s cannot be planned", rule.pk)
    return written


@transaction.atomic
def _plan_after_completion(rule: Rule, shard: Shard, origin: Origin) -> int:
    alone(kind_of(rule))
    rule.refresh_from_db()
    if rule.state not in LIVE or rule.every_from != EveryFrom.COMPLETION:
        return 0
    wanted = rows_after_completion(rule, None, anew=False, shard=shard)
    return schedule(wanted, tzdata_version=TZDATA_VERSION, origin=origin)


def replan_edited(*, shard: Shard = WHOLE, origin: Origin) -> int:
    """Look whether rows that ran while their rule or entity was edited still hold; how many were looked at."""
    pairs: dict[int, set[int]] = defaultdict(set)
    held = shard.among(Occurrence.objects.filter(hold=Hold.EDITED), "entity_id")
    for rule_id, entity_id in held.values_list("rule_id", "entity_id"):
        pairs[rule_id].add(entity_id)
    return sum(_replan_edited(rule_id, sorted(ids), origin) for rule_id, ids in pairs.items())


@transaction.atomic
def _replan_edited(rule_id: int, entity_ids: list[int], origin: Origin) -> int:
    rule = Rule.objects.select_related("entity").get(pk=rule_id)
    together({kind_of(rule), *Entity.objects.filter(pk__in=entity_ids).values_list("kind", flat=True)})
    rule.refresh_from_db()
    held = Q(rule=rule, entity__in=entity_ids, hold=Hold.EDITED)
    until = rule.planned_until or origin.now
    is_planned = rule.state in LIVE and rule.role not in GIVEN_ROLES
    if is_planned and rule.on_move == OnMove.KEEP and not _timed_since_start(rule, held):
        _keep(rule, entity_ids, until=until, origin=origin)
    elif is_planned:
        span = span_of(Q(rule=rule, entity__in=entity_ids), origin.now)
        _replan(rule, entity_ids, span=span, until=until, origin=origin)
    return release(
        [rule_id], entity_ids=entity_ids, cause=Hold.EDITED, reason=Reason.STILL_WANTED, origin=origin
    )


def _timed_since_start(rule: Rule, held: Q) -> bool:
    """Whether the rule's own moments were edited while any of these rows ran."""
    return Occurrence.objects.filter(held, started_at__lt=rule.timed_since).exists()


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
            among_known=True,
        )
        if dry_run:
            transaction.set_rollback(True)
    return Backfill(rows)


def _rules_for(entity_ids: list[int], kinds: Iterable[str]) -> list[Rule]:
    accounts = set(Entity.objects.filter(pk__in=entity_ids).values_list("owner", flat=True).distinct())
    theirs = Q(owner__in=accounts - {None}) | (Q(owner=None) if None in accounts else Q(pk__in=()))
    concerned = (theirs & Q(audience_kind__in=set(kinds))) | Q(entity__in=entity_ids)
    return list(Rule.objects.filter(PLANNED, concerned).order_by("pk"))


class Span(NamedTuple):
    """From when until when an edit must know what is wanted, for every unsent row to be found again."""

    first: datetime
    last: datetime


def span_of(scope: Q, now: datetime) -> Span:
    """The span of the scope's unsent rows that were planned, wherever on earth they move; now is within it."""
    unsent = Occurrence.objects.filter(scope, given=False, state__in=sorted(UNSENT))
    found = unsent.aggregate(oldest=Min("due_at"), newest=Max("due_at"))
    oldest, newest = found["oldest"] or now, found["newest"] or now
    return Span(min(oldest, now) - FARTHEST_MOVE, max(newest, now) + FARTHEST_MOVE)
