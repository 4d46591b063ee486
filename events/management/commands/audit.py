"""`manage.py audit`: the log, replayed and compared with the rows."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import Progress

from events.management.asking import PunctualCommand, counted
from events.queries.audit import Audit, audit_log, last_id

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from typing import TextIO


class Command(PunctualCommand):
    """It reads and changes nothing, and may run while everything works."""

    help = (
        "Replay the log of all occurrences, and compare where it leads with the rows and their attempts. "
        "Exit code 1 if they disagree anywhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("--json", action="store_true", help="One JSON object instead of sentences.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Audit, tell, and fail if anything disagrees."""
        audit = watched(sys.stderr)
        if options["json"]:
            self.say(json.dumps(asdict(audit), indent=2))
        else:
            self._tell(audit)
        if audit.total:
            raise CommandError(
                f"{counted(audit.total, 'disagreement')} in {seen(audit)}. Something wrote past Punctual: by hand, "
                "with triggers off, or from a backup of some tables alone. Read the story on each occurrence's page, "
                "and set right what does not hold before its rule fires again."
            )

    def _tell(self, audit: Audit) -> None:
        for disagreement in audit.disagreements:
            self.say(str(disagreement))
        if left := audit.total - len(audit.disagreements):
            self.say(f"… and {left} more.")
        if not audit.total:
            self.say(f"{seen(audit)}: the log leads to where every row stands.")


def seen(audit: Audit) -> str:
    """How much was looked at: "3 rows and 12 moves"."""
    return f"{counted(audit.rows, 'row')} and {counted(audit.moves, 'move')}"


def watched(screen: TextIO) -> Audit:
    """The audit of all rows, with a bar for a person who watches; for a log file or a pipe, nothing."""
    if not screen.isatty():
        return audit_log()
    end = last_id()
    with Progress(console=Console(file=screen), transient=True) as bar:
        task = bar.add_task("Replaying the log", total=end)
        return audit_log(up_to_id=end, tell=lambda last: bar.update(task, completed=last))
