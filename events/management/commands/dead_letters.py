"""`manage.py dead_letters`: what waits for a person, to be looked at, put right, tried again or settled."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentTypeError
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events.lifecycle import DEAD_LETTERS, State
from events.management import letters
from events.management.asking import PunctualCommand, counted
from events.management.letters_shown import CELLS, as_json, as_text, cells, drawn, story_as_json
from events.models import Occurrence

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

MOST_LISTED = 100


class Command(PunctualCommand):
    """Each subcommand says what it would do with --dry-run, and changes nothing without a --reason."""

    help = (
        "Dead letters are occurrences that are FAILED or UNKNOWN: they wait for a person. List them, show what "
        "happened to one, edit the payloads, replay or resolve them: some ids, all that filters find, or all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked of each subcommand."""
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        add = partial(_add, commands.add_parser)
        _list_options(
            add(
                "list",
                self.list_them,
                "The dead letters that filters find, all without any, the latest first.",
            )
        )
        showing = add("show", self.show, "What happened to one, and what its handler would be told.")
        showing.add_argument("ids", type=int, metavar="ID", nargs=1)
        showing.add_argument("--json", action="store_true", help="One JSON object instead of text.")
        _edit_options(add("edit", self.edit, "Give them payloads of their own. All are edited, or none."))
        _acting(add("replay", self.replay, "Give them new attempts, with the same idempotency keys."))
        _resolve_options(add("resolve", self.resolve, "Settle them by your word; nothing is called."))

    def handle(self, *_: Any, **options: Any) -> None:
        """Do what was asked."""
        options["perform"](options)

    def list_them(self, options: dict[str, Any]) -> None:
        """A table for a person, lines of cells for a program that reads text, or JSON."""
        found = letters.found_by(options, default=DEAD_LETTERS).order_by("-pk")
        if options["json"]:
            self.say(json.dumps([as_json(row) for row in found[: options["limit"]].iterator()], indent=2))
            return
        total, limit = found.count(), options["limit"] or MOST_LISTED
        rows = [cells(row) for row in found[:limit]]
        if self.stdout.isatty() and rows:
            self.say(drawn(rows, width=shutil.get_terminal_size().columns))
        else:
            for line in [CELLS, *rows] if rows else []:
                self.say("\t".join(line))
        left = f"; {total - limit} more: --limit shows them" if total > limit else ""
        self.say(f"{counted(total, 'dead letter')}{left}.")

    def show(self, options: dict[str, Any]) -> None:
        """One, whatever its state is by now."""
        row = Occurrence.objects.select_related("rule", "entity").filter(pk=options["ids"][0]).first()
        if row is None:
            raise CommandError(
                f"There is no occurrence {options['ids'][0]}. See: manage.py dead_letters list."
            )
        self.say(json.dumps(story_as_json(row), indent=2) if options["json"] else as_text(row))

    def edit(self, options: dict[str, Any]) -> None:
        """New payloads, after each was looked at."""
        merge = options["payload"] is None
        name = "merge" if merge else "payload"
        payload = letters.payload_in(options[name], f"--{name}")
        self._act(options, letters.EDIT, partial(letters.edit, payload=payload, merge=merge))

    def replay(self, options: dict[str, Any]) -> None:
        """New attempts."""
        self._act(options, letters.REPLAY, letters.replay)

    def resolve(self, options: dict[str, Any]) -> None:
        """Settled."""
        self._act(options, letters.RESOLVE, partial(letters.resolve, to_state=State(options["to_state"])))

    def _act(self, options: dict[str, Any], verb: letters.Verb, perform: Callable[..., list[int]]) -> None:
        for sentence in letters.act(options, verb, perform, sys.stderr):
            self.say(sentence)


def _some(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < sys.maxsize):
        raise ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def _add(
    add_parser: Callable[..., Any], name: str, perform: Callable[..., None], what: str
) -> ArgumentParser:
    parser: ArgumentParser = add_parser(name, help=what, description=what)
    parser.set_defaults(perform=perform)
    return parser


def _acting(parser: ArgumentParser) -> ArgumentParser:
    letters.add_choice(parser)
    letters.add_deed(parser)
    return parser


def _list_options(parser: ArgumentParser) -> None:
    letters.add_choice(parser)
    parser.add_argument(
        "--limit", type=_some, help=f"At most so many; by default {MOST_LISTED} lines, all JSON."
    )
    parser.add_argument("--json", action="store_true", help="One JSON array instead of a table.")


def _edit_options(parser: ArgumentParser) -> None:
    payload = _acting(parser).add_mutually_exclusive_group(required=True)
    payload.add_argument("--payload", metavar="JSON", help="The whole payload, or @FILE with it.")
    payload.add_argument("--merge", metavar="JSON", help="A JSON merge patch (RFC 7396), or @FILE with it.")


def _resolve_options(parser: ArgumentParser) -> None:
    _acting(parser).add_argument(
        "--as", dest="to_state", required=True, choices=[State.COMPLETED.value, State.CANCELLED.value],
        help="It did happen, or it did not and no longer should.",
    )  # fmt: skip
