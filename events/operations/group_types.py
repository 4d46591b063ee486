"""Types of groups: how messages of a type are collected, and who is told of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from events import grouping, transitions
from events.errors import InvalidField
from events.lifecycle import Reason
from events.models import GroupType, Rule, RuleRole, RuleState
from events.operations.errors import InvalidInput, Refusal, check_version, wrong_columns
from events.operations.payloads import check_object, check_payload
from events.operations.rule_checks import KEPT_BY_THE_ENGINE, LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.transitions import Origin

# What a type says of its dispatch is kept in the columns of its rule, and of its collecting in its own.
OF_RULE = (
    "handler", "payload", "max_attempts", "backoff_base", "backoff_cap", "grace", "expires_after", "overlap",
    "at_most_once", "when_unknown",
)  # fmt: skip
OF_TYPE = ("entity_kind", "moves", "max_wait", "max_items", "max_bytes")
KEPT = {"id", "rule", "version", "created_at", "updated_at"}
# A worker has the whole of a group in its memory, and of a chunk's groups.
MOST_BYTES = 16 * 1024 * 1024
LONGEST_WAIT = timedelta(days=3_653)
# The longest of keys, as JSON may write it.
LONGEST_KEY = "\N{LINEAR B SYLLABLE B008 A}" * 200


class InvalidGroupType(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


def new_group_type(*, owner: int | None = None, **values: Any) -> GroupType:
    """A type that is not saved yet, of an account (None: the operators'), with these values; others as by default."""
    rule = Rule(owner_id=owner, role=RuleRole.GROUPS)
    made = GroupType(rule=rule)
    for name, value in values.items():
        put_value(made, name, value)
    return made


def put_value(group_type: GroupType, name: str, value: Any) -> None:
    """Set one of a type's values, wherever it is kept."""
    setattr(group_type if name in OF_TYPE else group_type.rule, name, value)


def value_of(group_type: GroupType, name: str) -> Any:
    """One of a type's values."""
    return getattr(group_type if name in OF_TYPE else group_type.rule, name)


def check_group_type(group_type: GroupType) -> None:
    """Raise InvalidGroupType with every field that is wrong."""
    rule = group_type.rule
    group_type.entity_kind = group_type.entity_kind.strip()
    rule.role, rule.audience_kind = RuleRole.GROUPS, group_type.entity_kind
    refusals = [*_missing(group_type)] or [*_wrong_columns(group_type)]
    refusals = refusals or [*_too_long(group_type)] or [*_wrong_meanings(group_type)]
    if refusals:
        raise InvalidGroupType(f"group type {rule.name!r}", refusals)


def _missing(group_type: GroupType) -> Iterator[InvalidField]:
    """What the database would refuse without naming the column."""
    if not group_type.entity_kind:
        yield Refusal(field="entity_kind", problem="it is empty", remedy="Give a kind, such as group.")
    for name in ("max_items", "max_bytes", "max_attempts"):
        given = value_of(group_type, name)
        if given is not None and given < 1:
            yield Refusal(field=name, problem=f"{given} is too few", remedy="Give one or more.")


def _wrong_columns(group_type: GroupType) -> Iterator[InvalidField]:
    for refusal in wrong_columns(group_type.rule, KEPT_BY_THE_ENGINE):
        if refusal.field != "audience_kind":  # the type's own column says the same
            yield refusal
    yield from wrong_columns(group_type, KEPT)


def _too_long(group_type: GroupType) -> Iterator[InvalidField]:
    bounds = {name: most for name, most in LONGEST.items() if name in OF_RULE} | {"max_wait": LONGEST_WAIT}
    for name, most in bounds.items():
        given = value_of(group_type, name)
        if given is not None and given > most:
            yield Refusal(
                field=name, problem=f"{given} is too long", remedy=f"Give {most.days:,} days at most."
            )
    if group_type.max_wait is not None and group_type.max_wait <= timedelta(0):
        yield Refusal(
            field="max_wait",
            problem=f"{group_type.max_wait} is no time to wait",
            remedy="Give a time above zero, or none.",
        )
    if group_type.max_bytes > MOST_BYTES:
        yield Refusal(
            field="max_bytes",
            problem=f"{group_type.max_bytes:,} bytes are too many",
            remedy=f"Give {MOST_BYTES:,} at most.",
        )


def _wrong_meanings(group_type: GroupType) -> Iterator[InvalidField]:
    """Whether the handler could work with a group at all, and with a full one."""
    rule = group_type.rule
    try:
        check_object("payload", rule.payload)
        if not rule.payload and _is_refused(rule, 0):
            check_payload(rule.handler, {})  # what it misses is told, rather than what it does not know
        check_payload(rule.handler, _sample(rule, 0))
    except InvalidField as refusal:
        yield refusal
        return
    if _is_refused(rule, group_type.max_bytes):
        yield Refusal(
            field="max_bytes",
            problem=f"handler {rule.handler!r} refuses a group of {group_type.max_bytes:,} bytes",
            remedy="Give fewer: what comes beyond them goes into another group.",
        )


def _is_refused(rule: Rule, size: int) -> bool:
    try:
        check_payload(rule.handler, _sample(rule, size))
    except InvalidField:
        return True
    return False


def _sample(rule: Rule, size: int) -> dict[str, Any]:
    """The payload of a group of this size."""
    messages = {
        "type": rule.name, "id": LONGEST_KEY, "group": 2**63 - 1, "execute_at": "2026-11-22T09:00:00.000001Z",
        "items": 2**31 - 1, "data": [{"text": "x" * (size - len(json.dumps([{"text": ""}])))}], "message": [],
    }  # fmt: skip
    return grouping.dispatched(rule.payload, messages)


@transaction.atomic
def create_group_type(group_type: GroupType, *, origin: Origin) -> GroupType:
    """Write a new type and its rule. Raises InvalidGroupType."""
    check_group_type(group_type)
    rule = group_type.rule
    rule.timed_since = origin.now
    rule.save(force_insert=True)
    group_type.rule = rule
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


def follows(group_type: GroupType) -> bool:
    """Whether an account's type is the operators' of that name, as they have it."""
    offered = GroupType.objects.select_related("rule").filter(
        rule__owner=None, rule__name=group_type.rule.name
    )
    return any(_is_alike(each, group_type) for each in offered)


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
