"""What can be declared. A further kind is one more class here or beside it, and an entry in KINDS."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django.db.models import Model

from events.operations.declared.columns import Column, values_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from events.operations.declared.given import Given, Place
    from events.transitions import Origin

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One thing that a file declares: its values by key, only those that are given, and the lines of its keys."""

    kind: str
    name: str
    place: Place
    values: Mapping[str, Any]
    lines: Mapping[str, int]


@dataclass(slots=True)
class Declared:
    """What all files together declare, by the key of its kind; a kind that no file mentions has no entry."""

    by_kind: dict[str, list[Declaration]] = field(default_factory=lambda: defaultdict(list))

    def of(self, key: str) -> list[Declaration]:
        """The declarations of a kind."""
        return self.by_kind.get(key, [])

    def names(self, key: str) -> set[str]:
        """Their names."""
        return {declaration.name for declaration in self.of(key)}


@dataclass(frozen=True, slots=True)
class Doing:
    """By whom, when, and how far ahead rows are written."""

    horizon: timedelta
    origin: Origin


class Kind(ABC, Generic[Row]):
    """Declared under `key` as a list; each is known by its name.

    `columns` are the keys of which each is a column; `more` are others, with how they are read.
    """

    key: ClassVar[str]
    noun: ClassVar[str]
    columns: Mapping[str, Column]
    more: ClassVar[Mapping[str, Callable[[str, Given], Any]]] = {}

    @abstractmethod
    def hold(self, declared: Declared, *, everything: bool) -> dict[str, Row]:
        """The rows that are declared, by name; `everything`: also those that would be ended. They are locked.

        The kinds hold theirs in the order of KINDS, each after all that an edit of one such row locks before it.
        """

    @abstractmethod
    def everything(self) -> list[Row]:
        """All rows that a file would declare."""

    @abstractmethod
    def blank(self) -> Row:
        """A new row, not saved."""

    @abstractmethod
    def check(self, row: Row, *, before: Row | None, now: datetime) -> None:
        """Put the row's values into the form in which they are kept. Raises InvalidInput."""

    @abstractmethod
    def create(self, row: Row, doing: Doing) -> None:
        """Write a new one. Raises InvalidInput."""

    @abstractmethod
    def change(self, row: Row, doing: Doing) -> None:
        """Write an edited one. Raises InvalidInput."""

    def uses(self, declaration: Declaration) -> set[str]:  # noqa: ARG002
        """The names of what it names of kinds before it."""
        return set()

    def key_of(self, declaration: Declaration, column: str) -> str:
        """The key that says of a column what was refused, or ""."""
        return next((key for key in (column, column.partition(".")[0]) if key in declaration.lines), "")

    def check_known(self, row: Row) -> None:
        """Raise Refusal if what is known under a declared name is no longer to be touched."""

    def turn(self, row: Row, declaration: Declaration) -> tuple[str, Callable[[Doing], object]] | None:  # noqa: ARG002
        """What its declared state asks for besides: the verb, and what does it."""
        return None

    def end(self, row: Row) -> Callable[[Doing], object] | None:  # noqa: ARG002
        """What ends one that no file declares any more; None: it stays."""
        return None

    def wanted(self, declaration: Declaration, known: Row | None, now: datetime) -> Row:  # noqa: ARG002
        """The row as it is declared, not saved. Raises InvalidField."""
        return self.filled(known, declaration.values)

    def filled(self, known: Row | None, values: Mapping[str, Any]) -> Row:
        """A copy of the known row, or a new one, with these values and the defaults of all others."""
        row = self.blank() if known is None else copy.copy(known)
        for name, column in self.columns.items():
            value = values.get(name, column.default())
            if known is None or not column.same(column.of(known), value):
                column.put(row, value)
        return row

    def declared(self, row: Row) -> dict[str, Any]:
        """The row as a file declares it, without what is as by default."""
        values = values_in(row, self.columns)
        return {
            name: column.write(values[name])
            for name, column in self.columns.items()
            if not column.same(values[name], column.default())
        }
