"""A CSV file of entities becomes rows: read once to find all that is wrong, and again to write, in one transaction."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from django.core.management.base import CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import Progress

from events import operations
from events.management.asking import counted
from events.management.entity_csv import Refused, UnreadableFile, read_rows
from events.operations import Put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Protocol, TextIO

    from events.management.entity_csv import Row
    from events.operations import EntityFacts
    from events.transitions import Origin

    class CsvWriter(Protocol):
        def writerow(self, row: tuple[object, ...], /) -> object: ...


BATCH = 5000
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows the file has, of which kinds, and what became of their entities."""

    rows: int
    kinds: frozenset[str]
    created: int
    changed: int
    planned: int


@dataclass(slots=True)
class Refusals:
    """Counts what is refused, keeps the first few to show, and hands all to the report."""

    report: CsvWriter | None
    shown: list[Refused] = field(default_factory=list)
    count: int = 0

    def add(self, refused: Refused) -> None:
        """One more."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(refused)
        if self.report:
            self.report.writerow((refused.line, refused.field, refused.problem, refused.remedy))


def import_file(
    path: Path, *, kind: str, report: Path | None, dry_run: bool, origin: Origin, screen: TextIO
) -> Imported:
    """Import every line, or none; a dry run writes nothing and says what would be.

    Raises CommandError with each line that is wrong, UnreadableFile, WrongEncoding.
    """
    with _progress_bar(path, "Checking", screen) as tell:
        rows, kinds = _examine(path, kind=kind, report=report, tell=tell)
    with _progress_bar(path, "Writing", screen) as tell, transaction.atomic():
        done = _write(path, kind=kind, tell=tell, origin=origin)
        if dry_run:
            transaction.set_rollback(True)
    return Imported(rows, frozenset(kinds), done.created, done.changed, done.planned)


def _examine(
    path: Path, *, kind: str, report: Path | None, tell: Callable[[int], None]
) -> tuple[int, set[str]]:
    rows, kinds = 0, set()
    seen: set[int] = set()
    with _report_to(report, path) as writer:
        refusals = Refusals(writer)
        for number, row in enumerate(read_rows(path, kind=kind, tell=tell), start=1):
            rows = number
            for refused in row.refusals:
                refusals.add(refused)
            if row.facts is None:
                continue
            kinds.add(row.facts.kind)
            # The hash instead of the names: a million rows cost some 60 MB so, and three times as much otherwise.
            name = hash((row.facts.kind, row.facts.external_id))
            if name in seen:
                refusals.add(_twice(row, row.facts))
            seen.add(name)
    if refusals.count:
        raise CommandError(_told(path, refusals, report))
    return rows, kinds


def _write(path: Path, *, kind: str, tell: Callable[[int], None], origin: Origin) -> Put:
    done = Put(0, 0, 0)
    facts = (_unchanged(path, row) for row in read_rows(path, kind=kind, tell=tell))
    while batch := list(islice(facts, BATCH)):
        put = operations.put_entities(batch, origin=origin)
        done = Put(done.created + put.created, done.changed + put.changed, done.planned + put.planned)
    return done


def _unchanged(path: Path, row: Row) -> EntityFacts:
    if row.facts is None:
        raise UnreadableFile(path=path, problem="it changed while it was read", remedy="Import it again.")
    return row.facts


def _twice(row: Row, facts: EntityFacts) -> Refused:
    problem = f"the {facts.kind} {facts.external_id!r} is on an earlier line too"
    return Refused(row.line, "external_id", problem, "Give every entity one line.")


def _told(path: Path, refusals: Refusals, report: Path | None) -> str:
    left = refusals.count - len(refusals.shown)
    lines = [
        f"{path} was refused: {counted(refusals.count, 'mistake')}, nothing was imported.",
        *map(str, refusals.shown),
    ]
    if left:
        lines.append(
            f"… and {left} more." if report else f"… and {left} more: --report FILE.csv writes them all."
        )
    if report:
        lines.append(f"All of them are in {report}.")
    return "\n".join(lines)


@contextmanager
def _report_to(report: Path | None, source: Path) -> Iterator[CsvWriter | None]:
    if report is None:
        yield None
        return
    if report.exists() and source.exists() and report.samefile(source):
        raise CommandError("--report: it would overwrite the file that is imported. Name another one.")
    try:
        stream = report.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(
            f"--report: {report} cannot be written ({error.strerror}). Name another file."
        ) from error
    with stream:
        writer = csv.writer(stream)
        writer.writerow(("line", "field", "problem", "remedy"))
        yield writer


@contextmanager
def _progress_bar(path: Path, doing: str, screen: TextIO) -> Iterator[Callable[[int], None]]:
    """A bar over the file's bytes for a person who watches; for a log file or a pipe, nothing."""
    if not screen.isatty() or not path.is_file():
        yield lambda _: None
        return
    with Progress(console=Console(file=screen), transient=True) as bar:
        task = bar.add_task(f"{doing} {path.name}", total=path.stat().st_size)
        yield lambda size: bar.update(task, advance=size)
