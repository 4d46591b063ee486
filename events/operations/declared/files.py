"""Files of declarations, read key by key: all that is wrong is told at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from events.errors import InvalidField
from events.operations.declared.calendar_kind import CalendarKind
from events.operations.declared.given import (
    Fault,
    Fields,
    InvalidDeclared,
    Items,
    Place,
    Text,
    is_nothing,
    refuse,
    unknown_key,
)
from events.operations.declared.group_type_kind import GroupTypeKind
from events.operations.declared.kinds import Declaration, Declared
from events.operations.declared.rule_kind import RuleKind
from events.operations.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.operations.declared.given import File, Given
    from events.operations.declared.kinds import Kind

VERSION = "1"
# In the order in which they are written: what others name comes first.
KINDS: tuple[Kind[Any], ...] = (CalendarKind(), RuleKind(), GroupTypeKind())
KEYS = ("version", *(kind.key for kind in KINDS))


@dataclass(slots=True)
class _Reading:
    """One file at a time; what was refused so far."""

    declared: Declared = field(default_factory=Declared)
    faults: list[Fault] = field(default_factory=list)

    @contextmanager
    def noting(self, place: Place, what: str = "") -> Iterator[None]:
        try:
            yield
        except InvalidField as refusal:
            self.faults.append(Fault(place, what, refusal))


def read_files(files: Sequence[File]) -> Declared:
    """Return what the files declare. Raises InvalidDeclared with all that is wrong without a look at the database."""
    reading = _Reading()
    for file in files:
        with reading.noting(Place(file.name, file.given.line)):
            _read_file(reading, file)
    _refuse_twice(reading)
    if reading.faults:
        raise InvalidDeclared(reading.faults)
    return reading.declared


def _read_file(reading: _Reading, file: File) -> None:
    if not isinstance(file.given, Fields):
        refuse("", "the file is not a mapping", f"Begin it with version: {VERSION}.")
    fields = dict(file.given.fields)
    version = fields.pop("version", None)
    if version is None:
        refuse("version", "it is missing", f"Begin the file with version: {VERSION}.")
    with reading.noting(Place(file.name, version.line)):
        _check_version(version)
    for key, given in fields.items():
        with reading.noting(Place(file.name, given.line)):
            _read_kind(reading, file.name, key, given)


def _check_version(version: Given) -> None:
    if not (isinstance(version, Text) and version.text == VERSION):
        refuse("version", "this release does not know it", f"Write version: {VERSION}.")


def _read_kind(reading: _Reading, file: str, key: str, given: Given) -> None:
    kind = next((kind for kind in KINDS if kind.key == key), None)
    if kind is None:
        raise unknown_key(key, KEYS)
    declarations = reading.declared.by_kind[key]
    if is_nothing(given):
        return
    if not isinstance(given, Items):
        refuse(key, "it is not a list", f"Begin each {kind.noun} with - name: and its name.")
    for item in given.items:
        place = Place(file, item.line)
        with reading.noting(place):
            declarations.append(_read_one(reading, kind, place, item))


def _read_one(reading: _Reading, kind: Kind[Any], place: Place, given: Given) -> Declaration:
    if not isinstance(given, Fields):
        refuse(kind.key, f"it is no {kind.noun}", "Write its keys below one another, name first.")
    name = given.fields.get("name")
    if not isinstance(name, Text) or is_nothing(name) or not name.text.strip():
        refuse("name", f"a {kind.noun} has none", "Give it a name; it is known by that.")
    values, lines = {}, {}
    for key, value in given.fields.items():
        lines[key] = value.line
        with reading.noting(Place(place.file, value.line), f"{kind.noun} {shown(name.text)}"):
            if not is_nothing(value):
                values[key] = _value_of(kind, key, value)
    return Declaration(kind.key, name.text, place, values, lines)


def _value_of(kind: Kind[Any], key: str, given: Given) -> Any:
    if key in kind.more:
        return kind.more[key](key, given)
    if key in kind.columns:
        return kind.columns[key].read(key, given)
    raise unknown_key(key, [*kind.columns, *kind.more])


def _refuse_twice(reading: _Reading) -> None:
    for kind in KINDS:
        seen: dict[str, Place] = {}
        for one in reading.declared.of(kind.key):
            with reading.noting(one.place, f"{kind.noun} {shown(one.name)}"):
                if one.name in seen:
                    refuse("name", f"it is declared in {seen[one.name]} too", "Declare it once.")
            seen.setdefault(one.name, one.place)
