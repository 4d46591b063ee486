"""`manage.py export`: the calendars and rules as a file that `manage.py apply` reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events.management.asking import PunctualCommand, counted, rule_called
from events.management.yaml_written import as_yaml
from events.operations import declared

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """Reads alone."""

    help = (
        "Write all calendars and live rules as YAML, sorted by name and without defaults, to standard output or to a "
        "file. Applying it changes nothing; applied to an empty database it makes the same."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="Instead of standard output.")
        parser.add_argument(
            "--rule",
            action="append",
            metavar="NAME_OR_ID",
            help="This rule alone, and its calendar; several if given again.",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Write it."""
        rules = None if options["rule"] is None else [rule_called(given) for given in options["rule"]]
        written = declared.written(rules)
        text, file = as_yaml(written), options["file"]
        if file is None:
            self.stdout.write(text, ending="")
            return
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{file} cannot be written ({error.strerror}). Name another file.") from error
        self.say(
            f"{counted(len(written['calendars']), 'calendar')} and {counted(len(written['rules']), 'rule')} "
            f"written to {file}."
        )
