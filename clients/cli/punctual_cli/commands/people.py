"""people import."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from punctual_cli.errors import CliError, ExitCode, WrongUsage
from punctual_cli.exposing import command
from punctual_cli.people_files import UnreadablePeople, read_people
from punctual_cli.plain import plain
from punctual_cli.problems import NotPunctual
from punctual_cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from punctual_cli.people_files import Line

# Well below what one call may bring: 10,000 lines and 16 MiB.
LINES_AT_ONCE = 1_000
BYTES_AT_ONCE = 4 * 1024 * 1024
TOLD_AT_MOST = 20
COUNTED = ("created", "changed", "unchanged")


class SomeRefused(CliError):
    """What was refused is in {path}. Correct it there, and import that file."""


class Stopped(CliError):
    """{why}
    What stands before line {line} is done with. Go on from there: punctual people import {path} --from-line {line}
    """

    def __init__(self, *, error: CliError, path: Path, line: int) -> None:
        self.exit_code = error.exit_code
        super().__init__(why=error, path=path, line=line)


class Interrupted(CliError):
    """Interrupted."""

    exit_code = ExitCode.INTERRUPTED


@dataclass
class Tally:
    """What became of the lines so far; refused ones are written into a file of their own."""

    path: Path
    head: str
    appends: bool
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))
    refused: list[dict[str, Any]] = field(default_factory=list)
    next_line: int = 1
    _stream: TextIO | None = None

    def count(self, line: Line, result: Mapping[str, Any]) -> None:
        """Take what became of a line."""
        if result["status"] == "refused":
            self._refuse(line, result.get("errors") or [])
        else:
            self.counts[result["status"]] += 1
        self.next_line = line.number + 1

    def close(self) -> None:
        """Write what is still in memory."""
        if self._stream is not None:
            self._stream.close()

    def as_json(self) -> dict[str, Any]:
        """The summary for programs."""
        return {
            **self.counts,
            "refused": self.refused,
            "refused_file": str(self.path) if self.refused else None,
        }

    def in_words(self) -> str:
        """The summary for people."""
        parts = [f"{self.counts[name]:,} {name}" for name in COUNTED]
        return f"{', '.join(parts)}, {len(self.refused):,} refused."

    def _refuse(self, line: Line, errors: Sequence[dict[str, Any]]) -> None:
        if self._stream is None:
            begins = not (self.appends and self.path.exists())
            self._stream = self.path.open("w" if begins else "a", encoding="utf-8")
            self._stream.write(self.head if begins else "")
        self._stream.write(line.text)
        self.refused.append({"line": line.number, "errors": list(errors)})


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    people = typer.Typer(help="The people, and whatever else schedules concern.", no_args_is_help=True)
    command(people, "import")(import_people)
    app.add_typer(people, name="people")


def import_people(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A .csv file whose first line names the columns, or .ndjson.")],
    kind: Annotated[str, typer.Option(help="What they are, where their line does not say it.")] = "person",
    from_line: Annotated[int, typer.Option(min=1, help="Go on from this line of the file.")] = 1,
    refused: Annotated[
        Path | None,
        typer.Option(help="Where refused lines go; by default beside the file, as FILE.refused.csv."),
    ] = None,
) -> None:
    """Create and change people from a file. Doing it again changes nothing."""
    kept = refused or file.with_name(f"{file.stem}.refused{file.suffix}")
    if kept == file:
        raise WrongUsage(problem="--refused names the file itself", remedy="Name another one")
    with _progress(file) as tell:
        people = read_people(file, kind=kind, tell=tell)
        tally = Tally(kept, people.head, appends=from_line > 1, next_line=from_line)
        try:
            for batch in _batches(line for line in people.lines if line.number >= from_line):
                _send(session, batch, tally)
        except (CliError, KeyboardInterrupt) as error:
            session.out.one(tally.as_json(), tally.in_words())
            why = error if isinstance(error, CliError) else Interrupted()
            raise Stopped(error=why, path=file, line=tally.next_line) from error
        finally:
            tally.close()
    _tell(session, tally)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    """Yield the lines in batches; where one cannot be read, first those before it."""
    batch: list[Line] = []
    size = 0
    try:
        for line in lines:
            if batch and (len(batch) == LINES_AT_ONCE or size + len(line.text) > BYTES_AT_ONCE):
                yield batch
                batch, size = [], 0
            batch.append(line)
            size += len(line.text)
    except UnreadablePeople:
        yield batch
        raise
    yield batch


def _send(session: Session, batch: Sequence[Line], tally: Tally) -> None:
    """Send what can be sent; then all lines of the batch are counted, and done with."""
    sent = [line for line in batch if line.entity is not None]
    body = "".join(f"{json.dumps(line.entity)}\n" for line in sent)
    results: Iterator[dict[str, Any]] = iter(())
    if sent:
        told = session.server.post_content("/entities/bulk", body.encode(), "application/x-ndjson").told
        if len(told) != len(sent):
            raise NotPunctual(url=session.server.url, status=f"{len(told)} lines to {len(sent)}")
        results = iter(told)
    for line in batch:
        tally.count(line, _refusal(line) if line.entity is None else next(results))


def _refusal(line: Line) -> dict[str, Any]:
    """What the server would say of a line that could not even be sent."""
    return {"status": "refused", "errors": [{"field": "line", "problem": line.problem, "remedy": ""}]}


@contextmanager
def _progress(file: Path) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, of the file's bytes."""
    console = Console(stderr=True)
    total = file.stat().st_size if file.is_file() else None
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(plain(file.name), total=total)
        yield lambda read: progress.advance(task, read)


def _tell(session: Session, tally: Tally) -> None:
    session.out.one(tally.as_json(), tally.in_words())
    if not tally.refused:
        return
    for each in tally.refused[:TOLD_AT_MOST]:
        session.out.note(f"line {each['line']}: {_why(each['errors'])}")
    if len(tally.refused) > TOLD_AT_MOST:
        session.out.note(f"… and {len(tally.refused) - TOLD_AT_MOST:,} more.")
    raise SomeRefused(path=tally.path)


def _why(errors: Sequence[dict[str, Any]]) -> str:
    told = [" ".join(_parts(error)) for error in errors]
    return "; ".join(told) or "refused."


def _parts(error: dict[str, Any]) -> list[str]:
    problem, remedy = (plain(error.get(part) or "").rstrip(".") for part in ("problem", "remedy"))
    return [f"{plain(error.get('field') or 'line')}: {problem}.", *([f"{remedy}."] if remedy else [])]
