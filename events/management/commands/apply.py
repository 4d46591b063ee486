"""`manage.py apply FILE.yaml`: calendars and rules become what files declare, after a look at what that means."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from events.management.asking import PunctualCommand, add_actor, origin_of
from events.management.plan_shown import as_json, sentences
from events.management.yaml_files import read_paths
from events.operations import declared

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from events.operations.declared import Declared, Plan

YES = {"y", "yes"}
NOT_ASKED = "Nothing was written: there is no terminal to ask on. Say --yes to have it written, or --dry-run."
JSON_ASKS_NOBODY = "--json: a program is not asked. Say --yes to have it written, or --dry-run."


class Command(PunctualCommand):
    """A second run finds nothing to do."""

    help = (
        "Create and change calendars and rules as YAML files declare them: all of it, or nothing. The plan is shown "
        "first, and somebody must agree, unless --yes is said. What no file declares stays, unless --prune is said."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--yes", action="store_true", help="Write it without asking.")
        how.add_argument("--dry-run", action="store_true", help="Only show the plan.")
        parser.add_argument("--prune", action="store_true", help="Retire the rules that the files leave out.")
        parser.add_argument("--json", action="store_true", help="One JSON object instead of lines.")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Show the plan; write it, if that is wanted."""
        if options["json"] and not (options["yes"] or options["dry_run"]):
            raise CommandError(JSON_ASKS_NOBODY)
        wanted = declared.read_files(read_paths(options["files"]))
        if options["yes"]:
            self._show(self._write(wanted, options), options, applied=True)
            return
        plan = declared.foresee(
            wanted, prune=options["prune"], horizon=settings.PUNCTUAL_HORIZON, origin=origin_of(options)
        )
        self._show(plan, options, applied=False)
        if options["dry_run"] or not plan.steps:
            return
        self._ask()
        self._write(wanted, options, foreseen=plan)
        self.say("Written.")

    def _write(self, wanted: Declared, options: dict[str, Any], foreseen: Plan | None = None) -> Plan:
        return declared.make_so(
            wanted,
            prune=options["prune"],
            horizon=settings.PUNCTUAL_HORIZON,
            origin=origin_of(options),
            foreseen=foreseen,
        )

    def _show(self, plan: Plan, options: dict[str, Any], *, applied: bool) -> None:
        if options["json"]:
            self.say(as_json(plan, applied=applied))
            return
        for sentence in sentences(plan, applied=applied):
            self.say(sentence)

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError(NOT_ASKED)
        self.stdout.flush()
        self.stderr.write("Write it? [y/N] ", str, ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip().lower() not in YES:
            raise CommandError("Nothing was written.")
