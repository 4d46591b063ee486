"""Rules come, change, rest and go; their rows follow in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import transaction
from django.db.models import F

from events import planning, transitions
from events.errors import PunctualError
from events.lifecycle import Hold, Reason
from events.models import GIVEN_ROLES, Calendar, EveryFrom, Rule, RuleState
from events.operations.errors import check_version
from events.operations.rule_checks import EDITABLE, check_rule, has_same_moments

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from events.planning import Backfill
    from events.transitions import Origin


class RetiredRule(PunctualError):
    """Rule {name!r} is retired, so nothing of it may fire any more. Choose a live rule."""


@transaction.atomic
def create_rule(rule: Rule, *, horizon: timedelta, origin: Origin) -> Rule:
    """Write a new rule and its rows up to the horizon; raises InvalidRule."""
    _hold_calendar(rule)
    check_rule(rule, now=origin.now)
    planning.alone(planning.kind_of(rule))
    _time_anew(rule, origin)
    rule.created_at = rule.updated_at = origin.now
    rule.save(force_insert=True)
    planning.plan_rule(rule, until=origin.now + horizon, origin=origin)
    return rule


@transaction.atomic
def change_rule(
    rule: Rule, *, horizon: timedelta, origin: Origin, expected_version: int | None = None
) -> int:
    """Write an edited rule; withdraw, move and write its unsent rows to match; how many rows changed.

    Whether it is paused is not an edit's to say. `expected_version` is the one that the editor saw; None asks for
    none. Afterwards the rule has its new version. Raises InvalidRule, RetiredRule, StaleVersion.
    """
    _hold_calendar(rule)
    known = Rule.objects.select_related("entity").get(pk=rule.pk)
    for kind in sorted({planning.kind_of(known), planning.kind_of(rule)}):
        planning.alone(kind)
    before = Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    if before.state == RuleState.RETIRED:
        raise RetiredRule(name=before.name)
    check_version(f"rule {before.name!r}", expected=expected_version, current=before.version)
    check_rule(rule, now=origin.now, before=before)
    # What was due until now is due by the rule as it was, even if nobody planned it in time.
    planning.plan_rule(before, until=origin.now, origin=origin)
    rule.version, rule.updated_at = F("version") + 1, origin.now
    if not has_same_moments(before, rule):
        _time_anew(rule, origin)
        Rule.objects.filter(pk=rule.pk).update(draw_seed=rule.draw_seed, timed_since=rule.timed_since)
    rule.save(update_fields=[*EDITABLE, "version", "updated_at"])
    rule.refresh_from_db()
    return planning.replan_rule(rule, horizon=horizon, origin=origin)


def _hold_calendar(rule: Rule) -> None:
    """Until this transaction ends, nobody changes its calendar. Calendars are held before kinds of entities are."""
    held = Calendar.objects.select_for_update(no_key=True).filter(pk=rule.calendar_id or 0).first()
    if held is not None:  # what does not exist is for the columns' own check to say
        rule.calendar = held


def _time_anew(rule: Rule, origin: Origin) -> None:
    """Its moments are others from now on: what is drawn is drawn anew."""
    rule.draw_seed, rule.timed_since = uuid4(), origin.now


@transaction.atomic
def pause_rule(rule: Rule, *, origin: Origin, expected_version: int | None = None) -> bool:
    """Let nothing of the rule start until it is resumed; False if it was not active. Raises StaleVersion.

    Its rows are held when they come due, so that pausing a rule over a million people costs one row.
    """
    return _turn(rule, RuleState.ACTIVE, RuleState.PAUSED, origin, expected_version)


@transaction.atomic
def resume_rule(rule: Rule, *, origin: Origin, expected_version: int | None = None) -> int | None:
    """Let the rule start again; how many rows it had held back, or None if it was not paused. Raises StaleVersion."""
    if not _turn(rule, RuleState.PAUSED, RuleState.ACTIVE, origin, expected_version):
        return None
    return transitions.release([rule.pk], cause=Hold.RULE_PAUSED, reason=Reason.RULE_RESUMED, origin=origin)


@transaction.atomic
def retire_rule(rule: Rule, *, why: str, origin: Origin, expected_version: int | None = None) -> int:
    """End the rule for good: its unsent rows are CANCELLED(rule_retired), its history stays; how many rows.

    Raises StaleVersion.
    """
    planning.alone(planning.kind_of(rule))
    locked = Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    check_version(f"rule {locked.name!r}", expected=expected_version, current=locked.version)
    live = Rule.objects.filter(pk=rule.pk).exclude(state=RuleState.RETIRED)
    live.update(state=RuleState.RETIRED, version=F("version") + 1, updated_at=origin.now)
    return transitions.cancel_all(rule_id=rule.pk, reason=Reason.RULE_RETIRED, why=why, origin=origin)


class NothingToBackfill(PunctualError):
    """Rule {name!r} names no moments of the past: they are given one by one, or each counts from the end of the one
    before. Use fire now instead.
    """


def backfill(
    rule: Rule, *, after: datetime, before: datetime, why: str, origin: Origin, dry_run: bool
) -> Backfill:
    """Write the rule's missing rows between two instants, past ones too; a dry run only counts them.

    Raises RetiredRule, NothingToBackfill.
    """
    if rule.state == RuleState.RETIRED:
        raise RetiredRule(name=rule.name)
    if rule.every_from == EveryFrom.COMPLETION or rule.role in GIVEN_ROLES:
        raise NothingToBackfill(name=rule.name)
    return planning.backfill(rule, after=after, before=before, why=why, origin=origin, dry_run=dry_run)


def _turn(rule: Rule, old: RuleState, new: RuleState, origin: Origin, expected_version: int | None) -> bool:
    locked = Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    check_version(f"rule {locked.name!r}", expected=expected_version, current=locked.version)
    turned = Rule.objects.filter(pk=rule.pk, state=old).update(
        state=new, version=F("version") + 1, updated_at=origin.now
    )
    rule.refresh_from_db()
    return bool(turned)
