"""What a command says: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from punctual_cli.errors import NobodyToAsk, NotConfirmed
from punctual_cli.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Where no terminal is, nobody cuts lines.
UNCUT = 100_000


@dataclass(frozen=True, slots=True)
class Output:
    """Sentences and tables for people; or, `as_json`, one object or one a line, and nothing else, for programs."""

    as_json: bool

    def one(self, value: dict[str, Any], sentence: str) -> None:
        """A result: its object, or a sentence about it."""
        self._line(_json(value) if self.as_json else sentence)

    def sentence(self, sentence: str) -> None:
        """What people are told, and programs are not."""
        if not self.as_json:
            self._line(sentence)

    def table(
        self,
        items: Iterable[dict[str, Any]],
        head: Sequence[str],
        rows: Iterable[Sequence[object]],
        empty: str,
    ) -> None:
        """Results: their objects, one a line; or a table of them, or a sentence where there are none."""
        if self.as_json:
            for item in items:
                self._line(_json(item))
            return
        lines = [[plain(cell) for cell in row] for row in rows]
        if lines:
            self.show(table_of(head, lines))
        else:
            self._line(empty)

    def show(self, table: Table) -> None:
        """A table: to a terminal as it fits, else uncut."""
        if sys.stdout.isatty():
            Console(file=sys.stdout, highlight=False).print(table)
            return
        console = Console(width=UNCUT, highlight=False, no_color=True)
        with console.capture() as capture:
            console.print(table)
        for line in capture.get().splitlines():
            self._line(line.rstrip())

    def note(self, sentence: str) -> None:
        """Something beside the result."""
        say(sentence)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask, unless that was answered beforehand. Raises NotConfirmed; NobodyToAsk where no terminal is."""
        if yes:
            self.note(question)
            return
        if not sys.stdin.isatty() or not sys.stderr.isatty():
            raise NobodyToAsk(question=question)
        sys.stderr.write(f"{question} Right? [Y/n] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        if not answer:
            sys.stderr.write("\n")
        if answer.strip().lower() not in {"", "y", "yes"} or not answer:
            raise NotConfirmed

    def _line(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")


def table_of(head: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    """Return a table without lines around it."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in head:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    return table


def say(sentence: str) -> None:
    """One line on standard error; whoever closed that hears nothing, and the command goes on."""
    try:
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
