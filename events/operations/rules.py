"""Rules come, change, rest and go; their rows follow in the same transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import F

from events import planning, transitions
from events.errors import InvalidField, PunctualError
from events.lifecycle import Hold, Reason
from events.models import Rule, RuleState
from events.operations.errors import InvalidInput, Refusal, check_version
from events.operations.payloads import check_object, check_payload
from events.timing import InvalidRecurrence, canonical_zone, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta

    from events.planning import Backfill
    from events.transitions import Origin

    Examination = Callable[[Rule, datetime], None]


class RetiredRule(PunctualError):
    """Rule {name!r} is retired, so nothing of it may fire any more. Choose a live rule."""


KEPT_BY_THE_ENGINE = {"state", "planned_until", "version", "created_at", "updated_at"}
WHEN = ("start_date", "local_time", "rrule", "anchor", "anchor_offset_days", "timezone")
EDITABLE = sorted({field.name for field in Rule._meta.concrete_fields} - KEPT_BY_THE_ENGINE - {"id"})


class InvalidRule(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


def check_rule(rule: Rule, *, now: datetime, before: Rule | None = None) -> None:
    """Make the rule's zone canonical and its RRULE bare; raise InvalidRule with every field that is wrong.

    Looks at the columns first, then at what they mean: a rule that could never fire is refused, unless it is an old
    one (`before`) whose moments are over and that is edited in other respects.
    """
    same_moments = before is not None and all(getattr(before, name) == getattr(rule, name) for name in WHEN)
    examined = [each for each in EXAMINATIONS if not (same_moments and each is _something_is_to_come)]
    refusals = list(_wrong_columns(rule)) or list(_wrong_meanings(rule, now, examined))
    if refusals:
        raise InvalidRule(f"rule {rule.name!r}", refusals)


def _wrong_columns(rule: Rule) -> Iterator[InvalidField]:
    try:
        rule.full_clean(exclude=KEPT_BY_THE_ENGINE)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            given = "" if name == NON_FIELD_ERRORS else f"{getattr(rule, name)!r}: "
            for message in messages:
                problem = f"{given}{message.rstrip('.')}"
                yield Refusal(field=name, problem=problem, remedy="Correct it and try again.")


def _wrong_meanings(rule: Rule, now: datetime, examined: Iterable[Examination]) -> Iterator[InvalidField]:
    refused: set[str] = set()
    for examine in examined:
        refusal = _refusal_of(examine, rule, now)
        if refusal is not None and refusal.field not in refused:  # one sentence for a field is enough
            refused.add(refusal.field)
            yield refusal


def _refusal_of(examine: Examination, rule: Rule, now: datetime) -> InvalidField | None:
    try:
        examine(rule, now)
    except InvalidField as refusal:
        return refusal
    return None


def _zone_exists(rule: Rule, now: datetime) -> None:  # noqa: ARG001 - one signature for all examinations
    if rule.timezone:
        rule.timezone = canonical_zone(rule.timezone)


def _recurrence_is_sound(rule: Rule, now: datetime) -> None:
    rule.rrule = rule.rrule.strip().removeprefix("RRULE:")
    anchor = now.date() if rule.anchor else None
    try:
        check(planning.recurrence_of(rule, anchor), planning.policies_of(rule, ""))
    except InvalidRecurrence as refusal:
        if repr(rule.rrule) in str(refusal):
            raise
        problem = f"{rule.rrule!r}: {refusal.facts['problem']}"
        raise Refusal(field=refusal.field, problem=problem, remedy=refusal.facts["remedy"]) from refusal


def _something_is_to_come(rule: Rule, now: datetime) -> None:
    zones = [rule.timezone] if rule.timezone else planning.EXTREME_ZONES
    if not rule.anchor and not any(
        planning.next_firings_of(rule, timezone=name, anchor=None, leap="", after=now, limit=1)
        for name in zones
    ):
        raise Refusal(
            field="rrule" if rule.rrule else "start_date",
            problem=f"the last occurrence of {rule.rrule or rule.start_date} is over, so it would never fire",
            remedy="Choose a later date, or a recurrence that goes on.",
        )


def _anchor_is_known(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    planning.check_anchor(rule)


def _handler_takes_the_payload(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    check_payload(rule.handler, rule.payload)


def _audience_filter_is_an_object(rule: Rule, now: datetime) -> None:  # noqa: ARG001
    check_object("audience_filter", rule.audience_filter)


EXAMINATIONS = (
    _zone_exists,
    _recurrence_is_sound,
    _something_is_to_come,
    _anchor_is_known,
    _handler_takes_the_payload,
    _audience_filter_is_an_object,
)


@transaction.atomic
def create_rule(rule: Rule, *, horizon: timedelta, origin: Origin) -> Rule:
    """Write a new rule and its rows up to the horizon; raises InvalidRule."""
    check_rule(rule, now=origin.now)
    planning.alone(planning.kind_of(rule))
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
    rule.save(update_fields=[*EDITABLE, "version", "updated_at"])
    rule.refresh_from_db()
    return planning.replan_rule(rule, horizon=horizon, origin=origin)


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


def backfill(
    rule: Rule, *, after: datetime, before: datetime, why: str, origin: Origin, dry_run: bool
) -> Backfill:
    """Write the rule's missing rows between two instants, past ones too; a dry run only counts them. RetiredRule."""
    if rule.state == RuleState.RETIRED:
        raise RetiredRule(name=rule.name)
    return planning.backfill(rule, after=after, before=before, why=why, origin=origin, dry_run=dry_run)


def _turn(rule: Rule, old: RuleState, new: RuleState, origin: Origin, expected_version: int | None) -> bool:
    locked = Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)
    check_version(f"rule {locked.name!r}", expected=expected_version, current=locked.version)
    turned = Rule.objects.filter(pk=rule.pk, state=old).update(
        state=new, version=F("version") + 1, updated_at=origin.now
    )
    rule.refresh_from_db()
    return bool(turned)
