"""Types of groups as a file declares them."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from events.models import GroupType, Rule, RuleState
from events.operations.declared.columns import column_of
from events.operations.declared.kinds import Kind
from events.operations.group_type_checks import OF_RULE, OF_TYPE, check_group_type, new_group_type, put_value
from events.operations.group_types import change_group_type, create_group_type, retire_group_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import QuerySet

    from events.operations.declared.columns import Column
    from events.operations.declared.kinds import Declaration, Declared, Doing

WHY_ENDED = "no file declares it any more"
OF_RULES = {field.name: field for field in Rule._meta.concrete_fields}
OF_TYPES = {field.name: field for field in GroupType._meta.concrete_fields}
# Files declare the operators' types: what an account has is its own affair.
OPERATORS_OWN = GroupType.objects.filter(rule__owner=None).select_related("rule")


def _column_of_rule(name: str) -> Column:
    return column_of(OF_RULES[name], of=attrgetter(f"rule.{name}"), put=partial(_put, name=name))


def _put(row: GroupType, value: Any, *, name: str) -> None:
    put_value(row, name, value)


class GroupTypeKind(Kind[GroupType]):
    """A type that was retired lives again where a file declares it."""

    key, noun = "group_types", "group type"
    columns = (
        {"name": _column_of_rule("name")}
        | {name: column_of(OF_TYPES[name]) for name in OF_TYPE}
        | {name: _column_of_rule(name) for name in OF_RULE}
    )

    def hold(self, declared: Declared, *, everything: bool) -> dict[str, GroupType]:
        """Rules and types together, in the order of the types."""
        chosen = Q(rule__name__in=declared.names(self.key))
        if everything and self.key in declared.by_kind:
            chosen |= ~Q(rule__state=RuleState.RETIRED)
        found = OPERATORS_OWN.filter(chosen).select_for_update(no_key=True).order_by("pk")
        return {row.rule.name: row for row in found}

    def everything(self) -> list[GroupType]:
        """All that are not retired."""
        return list(_live())

    def blank(self) -> GroupType:
        """With a rule of its own."""
        return new_group_type()

    def filled(self, known: GroupType | None, values: Any) -> GroupType:
        """A copy with a copy of its rule: what is known stays as it was seen."""
        if known is not None:
            known = GroupType.objects.select_related("rule").get(pk=known.pk)
        return super().filled(known, values)

    def check(self, row: GroupType, *, before: GroupType | None, now: datetime) -> None:  # noqa: ARG002
        """Raises InvalidGroupType."""
        check_group_type(row)

    def create(self, row: GroupType, doing: Doing) -> None:
        """Raises InvalidGroupType."""
        create_group_type(row, origin=doing.origin)

    def change(self, row: GroupType, doing: Doing) -> None:
        """Raises InvalidGroupType."""
        change_group_type(row, origin=doing.origin)

    def turn(self, row: GroupType, declaration: Declaration) -> tuple[str, Callable[[Doing], object]] | None:  # noqa: ARG002
        """A retired one is taken up again, as it is declared."""
        if row.pk is None or not Rule.objects.filter(pk=row.rule_id, state=RuleState.RETIRED).exists():
            return None
        return "take up", lambda doing: change_group_type(row, origin=doing.origin)

    def end(self, row: GroupType) -> Callable[[Doing], object] | None:
        """Retired, with what it has not sent."""
        return lambda doing: retire_group_type(row, why=WHY_ENDED, origin=doing.origin)


def _live() -> QuerySet[GroupType]:
    return OPERATORS_OWN.exclude(rule__state=RuleState.RETIRED)
