"""Entities in a CSV file, read line by line: what each line says, and what is wrong with it."""

from __future__ import annotations

import codecs
import csv
import re
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from events.errors import PunctualError
from events.operations import EntityFacts, InvalidEntity, check_entity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

REQUIRED = ("external_id", "timezone")
OWN_COLUMNS = frozenset({*REQUIRED, "name", "kind", "leap", "version"})
# Far above any sane line, and below what would hurt: without a bound a file of one line would be read whole.
LONGEST_LINE = 1_048_576
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableFile(PunctualError):
    """{path} cannot be imported: {problem}. {remedy}"""


class WrongEncoding(PunctualError):
    """{path} is not UTF-8: line {line}, byte {byte} is 0x{value:02X}{guess}. Nothing was imported.
    Convert it first, for example: iconv -f {encoding} -t UTF-8 {path} > {path}.utf8 (or save it as "CSV UTF-8")
    """


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing that is wrong with one line."""

    line: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.problem}. {self.remedy.rstrip('.')}."


@dataclass(frozen=True, slots=True)
class Row:
    """What one line says, with the zone's canonical name; or why it was refused."""

    line: int
    facts: EntityFacts | None
    refusals: tuple[Refused, ...] = ()


def read_rows(path: Path, *, kind: str, tell: Callable[[int], None]) -> Iterator[Row]:
    """Every line of the file as a Row, in constant memory; `tell` hears how many bytes each line had.

    A line that cannot even be split ends the reading: what follows it could not be trusted.
    Raises UnreadableFile and WrongEncoding.
    """
    with _opened(path) as stream:
        lines = csv.reader(_decoded(stream, path, tell), strict=True)
        header: list[str] = []
        first_line = 1
        try:
            for cells in lines:
                if cells and not header:
                    header = _header(cells, path)
                elif cells:
                    yield _row(header, cells, first_line, kind)
                first_line = lines.line_num + 1
        except csv.Error as error:
            yield _unsplit(first_line, f"it is not CSV ({error})", NOT_CSV)
    if not header:
        raise UnreadableFile(
            path=path, problem="it is empty", remedy=f"Its first line names the columns: {COLUMNS}."
        )


NOT_CSV = "Check its quotes; the lines behind it were not read."
COLUMNS = "external_id,timezone,name,birthday"


def _opened(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        raise UnreadableFile(
            path=path, problem=problem, remedy="Name a CSV file that you may read."
        ) from error
    what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file, and it is read twice"
    raise UnreadableFile(path=path, problem=f"it is {what}", remedy="Name a CSV file.")


def _decoded(stream: BinaryIO, path: Path, tell: Callable[[int], None]) -> Iterator[str]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise UnreadableFile(
                path=path,
                problem=f"line {number} is longer than 1 MiB",
                remedy="Is it a CSV file with line ends?",
            )
        tell(len(raw))
        yield _text(raw, number, path)


def _text(raw: bytes, number: int, path: Path) -> str:
    start = len(codecs.BOM_UTF8) if number == 1 and raw.startswith(codecs.BOM_UTF8) else 0
    try:
        text = raw[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(raw, number, start + error.start, path) from error
    if "\x00" in text:
        raise _wrong_encoding(raw, number, raw.index(b"\x00"), path)
    return text


def _wrong_encoding(raw: bytes, number: int, position: int, path: Path) -> WrongEncoding:
    value = raw[position]
    wide = value == 0 or (number == 1 and raw.startswith(UTF_16))
    encoding = "UTF-16" if wide else "WINDOWS-1252"
    guess = f", as in {encoding}" if wide or value >= 0x80 else ""
    return WrongEncoding(
        path=path, line=number, byte=position + 1, value=value, guess=guess, encoding=encoding
    )


def _header(cells: Sequence[str], path: Path) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    missing = [name for name in REQUIRED if name not in names]
    if "" in names:
        problem, remedy = f"column {names.index('') + 1} has no name", "Name every column in the first line."
    elif twice:
        problem, remedy = f"its first line names {' and '.join(twice)} twice", "Name every column once."
    elif missing:
        problem = f"it has no column {' and no column '.join(missing)}, but {', '.join(names)[:200]}"
        semicolons = len(names) == 1 and ";" in names[0]
        remedy = (
            "Separate the columns by commas, not semicolons."
            if semicolons
            else f"Its first line names the columns, such as {COLUMNS}."
        )
    else:
        return names
    raise UnreadableFile(path=path, problem=problem, remedy=remedy)


def _row(header: Sequence[str], cells: Sequence[str], line: int, kind: str) -> Row:
    if len(cells) != len(header):
        problem = f"it has {len(cells)} cells where the first line names {len(header)} columns"
        return _unsplit(line, problem, "Give each column one cell; quote cells that hold commas.")
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    facts = EntityFacts(
        kind=given.get("kind") or kind,
        external_id=given["external_id"],
        timezone=given["timezone"],
        name=given.get("name", ""),
        attributes={name: cell for name, cell in given.items() if cell and name not in OWN_COLUMNS},
        leap=given.get("leap", ""),
    )
    version = given.get("version", "")
    wrong = () if WHOLE_NUMBER.fullmatch(version) else (Refused(line, "version", *_no_version(version)),)
    try:
        facts = check_entity(facts)
    except InvalidEntity as error:
        wrong = (*(_refused(line, refusal.facts) for refusal in error.refusals), *wrong)
    return Row(line, None, wrong) if wrong else Row(line, replace(facts, version=int(version or 0) or None))


# Nothing asks for no version; they begin at 1.
WHOLE_NUMBER = re.compile(r"([1-9][0-9]{0,8})?", re.ASCII)


def _no_version(text: str) -> tuple[str, str]:
    return f"{text!r} is not a version", "Write the number that you saw, from 1, or leave the cell empty."


def _unsplit(line: int, problem: str, remedy: str) -> Row:
    return Row(line, None, (Refused(line, "line", problem, remedy),))


def _refused(line: int, facts: dict[str, object]) -> Refused:
    return Refused(line, str(facts["field"]), str(facts["problem"]), str(facts["remedy"]))
