"""`manage.py retain`: how much is kept of what is over, and for how long."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

from events.management import retaining
from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.retaining import instant_in_words, size_in_words
from events.queries.audit import last_id
from events.transitions.months import drop_month, months_of_log

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from events.transitions import Origin


class Command(PunctualCommand):
    """Without --apply it reads alone. Every month, and every set of rows, is a transaction of its own."""

    help = (
        "Tell how much of the log there is, by month; and drop what is old: the log by whole months, and rows that "
        "have ended with their attempts. Drops nothing without --apply."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument(
            "--log",
            type=retaining.age,
            metavar="AGE",
            help="Drop the months of the log that were over so long ago: 400d.",
        )
        parser.add_argument(
            "--rows",
            type=retaining.age,
            metavar="AGE",
            help="Delete rows that ended so long ago, and their attempts: 800d.",
        )
        parser.add_argument(
            "--apply", action="store_true", help="Do it, and do not only say what would be done."
        )
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Tell, drop if that is wanted, and say what that was."""
        log, rows, apply, origin = options["log"], options["rows"], options["apply"], origin_of(options)
        retaining.check_ages(log, rows)
        if rows is not None:
            (self._delete if apply else self._count)(origin.now - rows, origin)
        if log is not None:
            (self._drop if apply else self._list)(origin.now - log, origin)
        if log is None and rows is None:
            self._tell_all()
        elif not apply:
            self.say("Nothing was dropped. To have it done, repeat the command with --apply.")

    def _tell_all(self) -> None:
        for month in months_of_log():
            self.say(f"{month!s:<15} {month.rows:>15,} rows  {size_in_words(month.size):>9}")

    def _count(self, before: datetime, origin: Origin) -> None:
        with shown("Looking for old rows") as tell:
            rows = retaining.count_rows(before, origin=origin, tell=tell)
        self.say(
            f"{counted(rows, 'occurrence')} that ended before {instant_in_words(before)} would be deleted."
        )

    def _delete(self, before: datetime, origin: Origin) -> None:
        with shown("Deleting old rows") as tell:
            rows = retaining.delete_rows(before, origin=origin, tell=tell)
        self.say(f"{counted(rows, 'occurrence')} that ended before {instant_in_words(before)} deleted.")

    def _list(self, before: datetime, _: Origin) -> None:
        found = retaining.months_before(before)
        for month in found:
            self.say(
                f"{month}: {month.rows:,} rows of the log ({size_in_words(month.size)}) would be dropped."
            )
        if not found:
            self.say(f"No month of the log was over by {instant_in_words(before)}.")

    def _drop(self, before: datetime, origin: Origin) -> None:
        for month in (found := retaining.months_before(before)):
            dropped = drop_month(month, origin=origin)
            why = f"; {counted(dropped.kept, 'move')} of what is not final kept" if dropped.kept else ""
            self.say(f"{month}: {counted(dropped.moves, 'move')} ({size_in_words(month.size)}) dropped{why}.")
        if not found:
            self.say(f"No month of the log was over by {instant_in_words(before)}.")


@contextmanager
def shown(what: str) -> Iterator[Callable[[int], None]]:
    """A bar over all ids for a person who watches; for a log file or a pipe, nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=last_id())
        yield lambda last: bar.update(task, completed=last)
