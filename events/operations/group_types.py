"""Types of groups: how messages of a type are collected, and who is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from events import transitions
from events.lifecycle import Reason
from events.models import GroupType, Rule, RuleState
from events.operations.errors import check_version
from events.operations.group_type_checks import (
    OF_RULE,
    OF_TYPE,
    check_group_type,
    new_group_type,
    put_value,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.transitions import Origin


@transaction.atomic
def create_group_type(group_type: GroupType, *, origin: Origin) -> GroupType:
    """Write a new type and its rule. Raises InvalidGroupType."""
    check_group_type(group_type)
    rule = group_type.rule
    rule.timed_since = rule.created_at = rule.updated_at = origin.now
    rule.save(force_insert=True)
    group_type.rule = rule
    group_type.created_at = group_type.updated_at = origin.now
    group_type.save(force_insert=True)
    return group_type


@transaction.atomic
def change_group_type(
    group_type: GroupType, *, origin: Origin, expected_version: int | None = None
) -> GroupType:
    """Write an edited type: it counts for the messages that come from now on, and for dispatches that start.

    Accounts that use the operators' type as it was follow it. One that was retired lives again. `expected_version` is
    the one that the editor saw; None asks for none. Raises InvalidGroupType, StaleVersion.
    """
    held = _held(group_type)
    check_version(f"group type {held.rule.name!r}", expected=expected_version, current=held.version)
    check_group_type(group_type)
    rule = group_type.rule
    followers = _followers(held)
    rule.version, rule.updated_at = F("version") + 1, origin.now
    if rule.state == RuleState.RETIRED:
        rule.state = RuleState.ACTIVE
    rule.save(update_fields=[*OF_RULE, "audience_kind", "state", "version", "updated_at"])
    group_type.version, group_type.updated_at = F("version") + 1, origin.now
    group_type.save(update_fields=[*OF_TYPE, "version", "updated_at"])
    for follower in followers:
        change_group_type(_with_values_of(group_type, follower), origin=origin)
    return GroupType.objects.select_related("rule").get(pk=group_type.pk)


def put_group_type(
    name: str, *, owner: int | None = None, origin: Origin, expected_version: int | None = None, **values: Any
) -> GroupType:
    """Create or change an account's type of this name, with these values and the defaults of all others.

    Raises InvalidGroupType, StaleVersion.
    """
    found = GroupType.objects.select_related("rule").filter(rule__owner=owner, rule__name=name).first()
    if found is None:
        return create_group_type(new_group_type(owner=owner, name=name, **values), origin=origin)
    blank = new_group_type()
    for key in (*OF_RULE, *OF_TYPE):
        put_value(found, key, values.get(key, value_of(blank, key)))
    return change_group_type(found, origin=origin, expected_version=expected_version)


@transaction.atomic
def retire_group_type(
    group_type: GroupType, *, why: str, origin: Origin, expected_version: int | None = None
) -> int:
    """Take no more messages of the type; its groups that were not sent are CANCELLED(rule_retired); how many.

    So are those of accounts that use the operators' type as it was. Who wants them sent flushes them before.
    Raises StaleVersion.
    """
    held = _held(group_type)
    check_version(f"group type {held.rule.name!r}", expected=expected_version, current=held.version)
    Rule.objects.filter(pk=held.rule_id).exclude(state=RuleState.RETIRED).update(
        state=RuleState.RETIRED, version=F("version") + 1, updated_at=origin.now
    )
    GroupType.objects.filter(pk=held.pk).update(version=F("version") + 1, updated_at=origin.now)
    with_theirs = sum(retire_group_type(follower, why=why, origin=origin) for follower in _followers(held))
    return with_theirs + transitions.cancel_all(
        rule_id=held.rule_id, reason=Reason.RULE_RETIRED, why=why, origin=origin
    )


def _held(group_type: GroupType) -> GroupType:
    found = GroupType.objects.select_related("rule").select_for_update(no_key=True)
    return found.get(pk=group_type.pk)


def adopt(name: str, *, owner: int, origin: Origin) -> GroupType | None:
    """The account's type of this name, from now on its own, as the operators have it; None where they have none."""
    offered = GroupType.objects.select_related("rule").select_for_update(no_key=True)
    offered = offered.filter(rule__owner=None, rule__name=name).exclude(rule__state=RuleState.RETIRED)
    found = offered.first()  # held, so that of two first messages one adopts it
    if found is None:
        return None
    own = GroupType.objects.select_related("rule").filter(rule__owner=owner, rule__name=name).first()
    if own is None:
        made = _with_values_of(found, new_group_type(owner=owner, name=name))
        return create_group_type(made, origin=origin)
    if own.rule.state != RuleState.RETIRED:
        return own
    return change_group_type(_with_values_of(found, own), origin=origin)


def following(group_types: Sequence[GroupType]) -> set[int]:
    """The ids of those of an account's types that are the operators' of their names, as they have them."""
    names = {each.rule.name for each in group_types}
    offered = GroupType.objects.select_related("rule").filter(rule__owner=None, rule__name__in=names)
    by_name = {each.rule.name: each for each in offered}
    return {
        each.pk
        for each in group_types
        if each.rule.name in by_name and _is_alike(by_name[each.rule.name], each)
    }


def _followers(group_type: GroupType) -> list[GroupType]:
    """Accounts' types that are as the operators' one, which is not changed yet."""
    if group_type.rule.owner_id is not None:
        return []
    theirs = GroupType.objects.select_related("rule").filter(
        rule__owner__isnull=False, rule__name=group_type.rule.name
    )
    live = theirs.exclude(rule__state=RuleState.RETIRED).order_by("pk")
    return [each for each in live if _is_alike(group_type, each)]


def _is_alike(one: GroupType, other: GroupType) -> bool:
    return all(value_of(one, name) == value_of(other, name) for name in (*OF_RULE, *OF_TYPE))


def _with_values_of(source: GroupType, target: GroupType) -> GroupType:
    for name in (*OF_RULE, *OF_TYPE):
        put_value(target, name, value_of(source, name))
    return target
