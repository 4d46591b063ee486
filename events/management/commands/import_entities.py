"""`manage.py import_entities FILE.csv`: all of the file's entities, or none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.importing import Imported, import_file

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """Create and update entities by kind and external id; what is not in the file is left alone."""

    help = (
        "Import entities from a CSV file (UTF-8, commas). Columns: external_id and timezone; name, kind, leap and "
        "version if you like; every other column is an attribute, and an empty cell means that the entity has none. "
        "If one line is wrong, or an entity has another version by now, nothing is imported, and it is named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--kind", default="person", help="The kind of lines that name none; by default person."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Check the file and say what would change."
        )
        parser.add_argument(
            "--report", type=Path, help="Write every mistake to this CSV file: line, field, problem, remedy."
        )
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Import, and say what was."""
        imported = import_file(
            options["file"],
            kind=options["kind"],
            report=options["report"],
            dry_run=options["dry_run"],
            origin=origin_of(options),
            screen=sys.stderr,
        )
        self.say(told(imported, dry_run=options["dry_run"]))


def told(imported: Imported, *, dry_run: bool = False) -> str:
    """What an import did, in a sentence."""
    noun = ("person", "people") if imported.kinds == {"person"} else ("entity", "entities")
    same = imported.rows - imported.created - imported.changed
    verb = "would be imported" if dry_run else "imported"
    unchanged = f", {same} as they were" if same else ""
    planned = f"; {counted(imported.planned, 'occurrence')} planned" if imported.planned else ""
    return (
        f"{counted(imported.rows, *noun)} {verb}: "
        f"{imported.created} new, {imported.changed} changed{unchanged}{planned}."
    )
