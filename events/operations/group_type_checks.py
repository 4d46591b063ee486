"""Whether a group type can be kept: its columns first, then whether its handler could work with its groups."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from events import grouping
from events.errors import InvalidField
from events.models import GroupType, Rule, RuleRole
from events.models.fields import LARGEST_ID
from events.operations.errors import InvalidInput, Refusal, wrong_columns
from events.operations.payloads import check_object, check_payload
from events.operations.rule_checks import KEPT_BY_THE_ENGINE, LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        "type": rule.name, "id": LONGEST_KEY, "group": LARGEST_ID, "execute_at": "2026-11-22T09:00:00.000001Z",
        "items": 2**31 - 1, "data": [{"text": "x" * (size - len(json.dumps([{"text": ""}])))}], "message": [],
    }  # fmt: skip
    return grouping.dispatched(rule.payload, messages)
