"""An account's group types as JSON says them: by the same keys, read by the same columns, as in configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import InvalidField
from events.models import GroupType
from events.operations.declared.columns import values_in
from events.operations.declared.given import is_nothing, refuse, unknown_key
from events.operations.declared.group_type_kind import GroupTypeKind
from events.operations.group_type_checks import InvalidGroupType, new_group_type
from events.operations.own_rules import given_of

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = {name: column for name, column in GroupTypeKind.columns.items() if name != "name"}


class OwnGroupTypes(GroupTypeKind):
    """As a file declares them, but of an account."""

    def __init__(self, owner: int) -> None:
        self.owner = owner

    def blank(self) -> GroupType:
        """Empty, and the account's."""
        return new_group_type(owner=self.owner)


def group_type_of(
    name: str, given: Mapping[str, Any], *, owner: int, known: GroupType | None = None
) -> GroupType:
    """A type as JSON says it, not saved: a new one, or a copy of the known one. What is left out has its default.

    Raises InvalidGroupType with every key that cannot be read; whether the type can be kept is for
    `create_group_type` and `change_group_type` to say.
    """
    values: dict[str, Any] = {"name": name}
    refusals: list[InvalidField] = []
    for key, value in given.items():
        try:
            values |= _read(key, value)
        except InvalidField as refusal:
            refusals.append(refusal)
    if refusals:
        raise InvalidGroupType(f"group type {name!r}", refusals)
    return OwnGroupTypes(owner).filled(known, values)


def _read(key: str, value: Any) -> dict[str, Any]:
    if key == "name":
        refuse(key, "its name is in the address", "Leave it out.")
    if key not in COLUMNS:
        raise unknown_key(key, COLUMNS)
    given = given_of(value)
    return {} if is_nothing(given) else {key: COLUMNS[key].read(key, given)}


def written_group_type(group_type: GroupType) -> dict[str, Any]:
    """All its columns by key, as a file or JSON would say them."""
    return {name: COLUMNS[name].write(value) for name, value in values_in(group_type, COLUMNS).items()}
