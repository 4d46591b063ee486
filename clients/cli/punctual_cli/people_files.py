"""A file of people, line by line: what each says, as the API takes it, and as it stood."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from punctual_cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

REQUIRED = ("external_id", "timezone")
OWN_COLUMNS = (*REQUIRED, "kind", "name", "leap")
NDJSON = {".ndjson", ".jsonl"}
# Without a bound a file of one line would be read whole.
LONGEST_LINE = 1_048_576


class UnreadablePeople(CliError):
    """{path}{where} cannot be read: {problem}. {remedy}."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class Line:
    """One person: the line on which it begins, its text, and what is sent; or why it cannot be sent."""

    number: int
    text: str
    entity: dict[str, Any] | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """A file's lines, to be gone through once; `head` stands before them, also in a file of refused ones."""

    head: str
    lines: Iterator[Line]


def read_people(path: Path, *, kind: str, tell: Callable[[int], None]) -> People:
    """Return the people of a .csv or .ndjson file, in constant memory; `tell` hears of bytes that were read.

    Raises UnreadablePeople, also while the lines are gone through.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", *NDJSON}:
        remedy = "Name a file that ends in .csv or .ndjson"
        raise UnreadablePeople(path=path, where="", problem="its name does not say what it is", remedy=remedy)
    texts = _texts(path, tell)
    if suffix in NDJSON:
        return People("", _ndjson(texts, kind))
    return _csv(path, texts, kind)


def _texts(path: Path, tell: Callable[[int], None]) -> Iterator[str]:
    try:
        with path.open("rb") as stream:
            number = 0
            while raw := stream.readline(LONGEST_LINE + 1):
                number += 1
                tell(len(raw))
                yield _text(path, number, raw)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        remedy = "Name a file that you may read"
        raise UnreadablePeople(path=path, where="", problem=problem, remedy=remedy) from error


def _text(path: Path, number: int, raw: bytes) -> str:
    where = f", line {number},"
    if len(raw) > LONGEST_LINE:
        remedy = "Has it line ends?"
        raise UnreadablePeople(path=path, where=where, problem="it has more than 1 MiB", remedy=remedy[:-1])
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        remedy = f"Convert it first, for example: iconv -f WINDOWS-1252 -t UTF-8 {path} > utf8{path.suffix}"
        raise UnreadablePeople(path=path, where=where, problem="it is not UTF-8", remedy=remedy) from error


def _ndjson(texts: Iterator[str], kind: str) -> Iterator[Line]:
    for number, text in enumerate(texts, start=1):
        if text.strip():
            yield _json_line(number, text, kind)


def _json_line(number: int, text: str, kind: str) -> Line:
    text = text if text.endswith("\n") else f"{text}\n"
    try:
        given = json.loads(text)
    except ValueError as error:
        return Line(number, text, None, f"it is not JSON ({error})")
    if not isinstance(given, dict):
        return Line(number, text, None, "it is no JSON object")
    return Line(number, text, {"kind": kind, **given})


def _csv(path: Path, texts: Iterator[str], kind: str) -> People:
    rows = csv.reader(texts, strict=True)
    try:
        head = next((cells for cells in rows if cells), [])
    except csv.Error as error:
        raise UnreadablePeople(
            path=path, where=", line 1,", problem=str(error), remedy="Check its quotes"
        ) from error
    names = [name.strip() for name in head]
    missing = [name for name in REQUIRED if name not in names]
    if missing or len(set(names)) < len(names):
        problem = f"its first line has no {missing[0]}" if missing else "its first line has a column twice"
        remedy = "Its first line names the columns, such as external_id,timezone,name,birthday"
        raise UnreadablePeople(path=path, where="", problem=problem, remedy=remedy)
    return People(_csv_text(head), _csv_lines(path, rows, names, kind))


def _csv_lines(path: Path, rows: Any, names: Sequence[str], kind: str) -> Iterator[Line]:
    first = rows.line_num + 1
    try:
        for cells in rows:
            if cells:
                yield _csv_line(first, names, cells, kind)
            first = rows.line_num + 1
    except csv.Error as error:
        where, remedy = f", line {first},", "Check its quotes; the lines behind it were not read"
        raise UnreadablePeople(path=path, where=where, problem=str(error), remedy=remedy) from error


def _csv_line(number: int, names: Sequence[str], cells: Sequence[str], kind: str) -> Line:
    text = _csv_text(cells)
    if len(cells) != len(names):
        return Line(number, text, None, f"it has {len(cells)} cells, and the first line {len(names)}")
    filled = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    own = {name: filled.pop(name) for name in OWN_COLUMNS if name in filled}
    return Line(number, text, {"kind": kind, **own, "attributes": filled})


def _csv_text(cells: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
