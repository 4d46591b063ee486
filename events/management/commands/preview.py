"""`manage.py preview`: what a recurrence would fire, for a person by flags, for a program line by line."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import clock
from events.management.asking import PunctualCommand
from events.management.preview_lines import as_json, converse
from events.queries.previews import Asked, asked_of, preview, sentence_of
from events.timing import Fold, Gap, Leap

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from events.queries.previews import Previewed

COLUMNS = ("slot", "local", "UTC", "note")
TEXTS = {
    "dtstart": ("ISO", "The first local time, such as 2025-03-09T02:30; a date is its midnight."),
    "timezone": ("ZONE", "An IANA zone, such as America/New_York."),
    "cron": ("EXPRESSION", "A cron expression in local time, such as '30 9 * * MON-FRI'."),
    "every": ("DURATION", "An ISO 8601 duration, such as PT30M or P2W."),
    "once": ("ISO", "A local time, or an instant, in place of a first time."),
    "ics": ("TEXT", "iCalendar text, or @FILE with it. --timezone is for one that names no zone."),
    "after": ("ISO", "From this instant on, in UTC unless it has an offset; by default from now on."),
    "before": ("ISO", "Before this instant."),
}
LISTS = {
    "rrule": ("RRULE", "An RRULE of RFC 5545; several are put together."),
    "rdate": ("ISO", "A date or time to put in; several if given again."),
    "exdate": ("ISO", "A date or time to leave out; several if given again."),
}
POLICIES = {
    "gap": (Gap, "What a time becomes over which the clocks go forward."),
    "fold": (Fold, "Which one is taken of a time that comes twice."),
    "leap": (Leap, "What a day becomes that its month does not have."),
}


class Command(PunctualCommand):
    """It needs neither database nor broker."""

    help = (
        "Show what a recurrence would fire: local times, instants, and what was done where the clock or the calendar "
        "is odd. With --stdin: one JSON object a line in, one a line out. Nothing is written."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        for name, (metavar, told) in TEXTS.items():
            parser.add_argument(f"--{name}", metavar=metavar, help=told)
        for name, (metavar, told) in LISTS.items():
            parser.add_argument(f"--{name}", metavar=metavar, action="append", help=told)
        for name, (choices, told) in POLICIES.items():
            parser.add_argument(f"--{name}", metavar="POLICY", help=f"{told} {', '.join(choices)}.")
        parser.add_argument("--limit", type=int, metavar="N", help="So many firings; 10 by default.")
        parser.add_argument("--json", action="store_true", help="One JSON object instead of a table.")
        parser.add_argument(
            "--stdin", action="store_true", help="Read JSON objects from standard input, one a line."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Answer one, or all that come."""
        given = {
            name: options[name] for name in (*TEXTS, *LISTS, *POLICIES, "limit") if options[name] is not None
        }
        if options["stdin"]:
            self._converse(given)
        else:
            self._answer(asked_of(_with_ics(given)), as_object=options["json"])

    def _converse(self, given: dict[str, Any]) -> None:
        if given:
            raise CommandError(f"--stdin: each line says all by itself. Leave out --{next(iter(given))}.")
        # What is there by now stays to the end, so it need not be looked through for what has become waste.
        gc.freeze()
        # Bytes, past the text layers and whatever buffering this process was started with.
        with (
            open(sys.stdin.fileno(), "rb", closefd=False) as source,
            open(sys.stdout.fileno(), "wb", closefd=False) as sink,
        ):
            converse(source, sink, clock=clock.machine)

    def _answer(self, asked: Asked, *, as_object: bool) -> None:
        now = clock.machine()
        previewed = preview(asked, now=now)
        if as_object:
            self.say(as_json(None, previewed).decode().rstrip("\n"))
            return
        self.say(sentence_of(asked, now=now))
        for line in table(previewed):
            self.say(line)
        if not previewed:
            self.say("Nothing fires in that span.")


def table(previewed: list[Previewed]) -> list[str]:
    """The firings as aligned lines under a head; none for none."""
    rows = [COLUMNS, *map(_cells, previewed)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [line.rstrip() for line in lines] if previewed else []


def _cells(one: Previewed) -> tuple[str, ...]:
    utc = one["due_at"].replace(tzinfo=None).isoformat(" ")
    return one["slot"].isoformat(" "), one["local"].isoformat(" "), f"{utc}Z", one["note"] or ""


def _with_ics(given: dict[str, Any]) -> dict[str, Any]:
    """`@FILE` stands for what is in it."""
    text = given.get("ics", "")
    if not text.startswith("@"):
        return given
    try:
        return given | {"ics": Path(text[1:]).read_text("utf-8")}
    except (OSError, ValueError) as error:
        raise CommandError(f"--ics: {text[1:]} cannot be read ({error}). Name a file in UTF-8.") from error
