"""YAML files as texts, lists and mappings, each with its line: no word of them is taken for anything else yet.

Built from the parser's events, so that no tag makes an object, NO stays a text, and 09:00 is no number of minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, cast

import yaml

from events.operations.declared import Fault, Fields, File, InvalidDeclared, Items, Place, Text
from events.operations.errors import Refusal, storable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.operations.declared import Given

MOST_BYTES = 1_000_000
# What anchors are repeated by counts each time: some lines can name a billion texts otherwise.
MOST_EXPANDED, EACH = 2_000_000, 10
DEEPEST = 64
LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read_paths(paths: Sequence[Path]) -> list[File]:
    """Return the files, read. Raises InvalidDeclared with the first mistake of each that cannot be."""
    files: list[File] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            files.append(File(str(path), read_text(str(path), _text_of(path))))
        except InvalidDeclared as error:
            faults += error.faults
    if faults:
        raise InvalidDeclared(faults)
    return files


def read_text(name: str, text: str) -> Given:
    """Return what a file of this name says. Raises InvalidDeclared."""
    try:
        return _Reader(name, yaml.parse(text, Loader=LOADER)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        _refuse(name, mark.line + 1 if mark else 0, f"it is not YAML: {problem}", "Correct it.")
    except yaml.YAMLError as error:  # characters that YAML does not take
        problem = str(error).partition("\n")[0]
        _refuse(
            name, 0, f"it is not YAML: {problem}", "Leave those characters out, or write them as \\u0007."
        )


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        _refuse(str(path), 0, f"it cannot be read ({error.strerror})", "Name a file.")
    if len(content) > MOST_BYTES:
        _refuse(
            str(path), 0, f"it has more than {MOST_BYTES:,} bytes", "Split it: several files may be given."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        _refuse(str(path), line, "it is not UTF-8", "Save it as UTF-8.")


def _refuse(name: str, line: int, problem: str, remedy: str, *, key: str = "") -> NoReturn:
    raise InvalidDeclared([Fault(Place(name, line), "", Refusal(field=key, problem=problem, remedy=remedy))])


@dataclass(slots=True)
class _Reader:
    name: str
    events: Iterator[yaml.Event]
    anchors: dict[str, tuple[Given, int]] = field(default_factory=dict)
    expanded: int = 0
    depth: int = 0

    def document(self) -> Given:
        """The only document of the file."""
        next(self.events)
        first = next(self.events)
        if isinstance(first, yaml.StreamEndEvent):
            self._refuse(first, "the file is empty", "Begin it with version: 1.")
        given = self._node(next(self.events))
        next(self.events)
        more = next(self.events)
        if not isinstance(more, yaml.StreamEndEvent):
            self._refuse(more, "a second document begins here", "Make two files of it.")
        return given

    def _node(self, event: yaml.Event) -> Given:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self.expanded
        if getattr(event, "tag", None):
            self._refuse(event, f"tags such as {event.tag} are not read", "Leave it out.")  # type: ignore[attr-defined]
        given = self._new(event)
        anchor = cast("yaml.NodeEvent", event).anchor
        if anchor:
            self.anchors[anchor] = given, self.expanded - before
        return given

    def _new(self, event: yaml.Event) -> Given:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(event, "it is nested too deeply", f"Keep it to {DEEPEST} levels.")
        self._count(event, EACH)
        given = self._items(event) if isinstance(event, yaml.SequenceStartEvent) else self._fields(event)
        self.depth -= 1
        return given

    def _scalar(self, event: yaml.ScalarEvent) -> Text:
        self._count(event, EACH + len(event.value))
        if not storable(event.value):
            self._refuse(
                event,
                "it has characters that the database cannot keep",
                "Leave out NUL, and halves of surrogate pairs.",
            )
        return Text(_line(event), event.value, is_plain=event.style in {None, ""})

    def _items(self, start: yaml.Event) -> Items:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event))
        return Items(_line(start), tuple(items))

    def _fields(self, start: yaml.Event) -> Fields:
        fields: dict[str, Given] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, fields)
            fields[key] = replace(self._node(next(self.events)), line=_line(event))
        return Fields(_line(start), fields)

    def _key(self, event: yaml.Event, before: dict[str, Any]) -> str:
        given = self._node(event)
        if not isinstance(given, Text):
            self._refuse(event, "a key is a list or a mapping", "Make it a text.")
        if given.is_plain and given.text == "<<":
            self._refuse(event, "mappings are not merged", "Write the keys out.", key="<<")
        if given.text in before:
            first = before[given.text].line
            self._refuse(event, f"it is given twice, first on line {first}", "Keep one.", key=given.text[:60])
        return given.text

    def _alias(self, event: yaml.AliasEvent) -> Given:
        name = str(event.anchor)
        known = self.anchors.get(name)
        if known is None:
            self._refuse(event, f"*{name} repeats nothing that stands above", "Correct it.")
        given, size = known
        self._count(event, size)
        return given

    def _count(self, event: yaml.Event, size: int) -> None:
        self.expanded += size
        if self.expanded > MOST_EXPANDED:
            self._refuse(event, "there is too much in it, with all that is repeated", "Split it.")

    def _refuse(self, event: yaml.Event, problem: str, remedy: str, *, key: str = "") -> NoReturn:
        _refuse(self.name, _line(event), problem, remedy, key=key)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
