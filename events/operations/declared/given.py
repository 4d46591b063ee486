"""What a file says before anybody knows what it means: texts, lists and mappings, each with its line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from events.errors import PunctualError
from events.operations.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from events.errors import InvalidField

MOST_TOLD = 50
NOTHING = {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, as it is written. `is_plain`: without quotes, so that it may be a number, true, or nothing."""

    line: int
    text: str
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    items: tuple[Given, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping; the line of a value is that of its key."""

    line: int
    fields: Mapping[str, Given]


Given = Text | Items | Fields


@dataclass(frozen=True, slots=True)
class File:
    """A file of declarations, by the name that refusals call it."""

    name: str
    given: Given


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Fault:
    """One refusal, where it was made, and about what: "rule 'Rent'", or nothing."""

    place: Place
    what: str
    refusal: InvalidField

    def __str__(self) -> str:
        about = f"{self.what}: " if self.what else ""
        return f"{self.place}: {about}{str(self.refusal).removeprefix('__all__: ').removeprefix(': ')}"


class InvalidDeclared(PunctualError):
    """The files were refused: {count}; nothing was written.
    {problems}
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        faults = sorted(faults, key=lambda fault: (fault.place.file, fault.place.line))
        self.faults = tuple(faults)
        told = [f"- {fault}" for fault in faults[:MOST_TOLD]]
        if len(faults) > MOST_TOLD:
            told.append(f"… and {len(faults) - MOST_TOLD:,} more.")
        count = f"{len(faults):,} mistake{'' if len(faults) == 1 else 's'}"
        super().__init__(count=count, problems="\n".join(told))


def refuse(field: str, problem: str, remedy: str) -> NoReturn:
    """Raise Refusal."""
    raise Refusal(field=field, problem=problem, remedy=remedy)


def is_nothing(given: Given) -> bool:
    """Whether a key is there without a value, which is as if it were not."""
    return isinstance(given, Text) and given.is_plain and given.text in NOTHING


def unknown_key(name: str, known: Iterable[str]) -> Refusal:
    """The refusal of a key that nobody knows, with the one that was meant, or all there are."""
    names = list(known)
    close = get_close_matches(name[:60].lower(), names, n=1)
    remedy = f"Did you mean {close[0]}?" if close else f"Use {', '.join(names)}."
    return Refusal(field=name[:60], problem="there is no such key", remedy=remedy)
