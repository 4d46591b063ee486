"""watch."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from punctual_cli.exposing import command
from punctual_cli.output import table_of
from punctual_cli.plain import plain
from punctual_cli.session import Session
from punctual_cli.told import moment_told, occurrence_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from punctual_cli.output import Output

Occurrences = list[dict[str, Any]]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the app."""
    command(app, "watch")(watch)


def watch(
    session: Session,
    seconds: Annotated[float, typer.Option("--every", min=0.5, max=3600, help="Look so often.")] = 2.0,
    rows: Annotated[int, typer.Option(min=1, max=200, help="So many of each at most.")] = 10,
) -> None:
    """Watch what is upcoming and what just happened, until Ctrl-C. Without a terminal: what changes, line by line."""
    seen = _looks(session, seconds, rows)
    if session.out.as_json or not sys.stdout.isatty():
        _lines(session, seen)
    else:
        _table(session, seen)


def _looks(session: Session, seconds: float, rows: int) -> Iterator[tuple[Occurrences, Occurrences]]:
    """Yield what is upcoming and what is past, now and whenever that has changed."""
    before = None
    while True:
        server = session.server
        upcoming = list(server.items("/occurrences", when="upcoming", limit=rows))
        past = list(server.items("/occurrences", when="past", limit=rows))
        if (upcoming, past) != before:
            before = upcoming, past
            yield before
        time.sleep(seconds)


def _table(session: Session, looks: Iterator[tuple[Occurrences, Occurrences]]) -> None:
    console = Console(file=sys.stdout, highlight=False)
    with Live(console=console, auto_refresh=False, screen=True) as live:
        for upcoming, past in looks:
            live.update(_drawn(session, upcoming, past), refresh=True)


def _drawn(session: Session, upcoming: Occurrences, past: Occurrences) -> Group:
    parts = []
    for title, found in (("Upcoming", upcoming), ("Just happened", past)):
        head, rows = occurrence_rows(found, session.zone)
        lines = [[plain(cell) for cell in row] for row in rows]
        parts += [
            Text(title, style="bold underline"),
            table_of(head, lines) if lines else Text("nothing"),
            Text(),
        ]
    return Group(*parts, Text("Ctrl-C ends.", style="dim"))


def _lines(session: Session, looks: Iterator[tuple[Occurrences, Occurrences]]) -> None:
    known: dict[int, dict[str, Any]] = {}
    for upcoming, past in looks:
        for each in sorted([*upcoming, *past], key=lambda each: each["id"]):
            if known.get(each["id"]) != each:
                _say(session, session.out, each)
            known[each["id"]] = each
        sys.stdout.flush()


def _say(session: Session, out: Output, occurrence: dict[str, Any]) -> None:
    when = f"{moment_told(occurrence, session.zone)} {session.zone.key}"
    out.one(occurrence, f"{occurrence['id']} {occurrence['state']} {when}")
