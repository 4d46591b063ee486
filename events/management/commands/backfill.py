"""`manage.py backfill`: the occurrences that a rule should have had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import operations
from events.management.asking import PunctualCommand, add_actor, counted, origin_of, rule_called
from events.management.instants import instant_of
from events.queries.retention import rows_begin

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import datetime


class Command(PunctualCommand):
    """A second run writes nothing."""

    help = (
        "Write a rule's missing occurrences between two instants, past ones too: those fire as soon as a sweep sees "
        "them, through the catch-up lane, unless the rule lets them expire."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("--rule", required=True, metavar="NAME_OR_ID")
        parser.add_argument(
            "--from",
            dest="after",
            required=True,
            metavar="ISO",
            help="The first instant, with its offset: 2027-03-28T00:00+01:00. A rule in one zone takes local time too.",
        )
        parser.add_argument(
            "--to",
            dest="before",
            required=True,
            metavar="ISO",
            help="Up to this instant, itself not included.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only say how many would be written.")
        parser.add_argument("--reason", required=True, help="Why, for the log.")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Backfill, and say what was written."""
        rule = rule_called(options["rule"])
        after = instant_of(options["after"], field="--from", rule=rule)
        before = instant_of(options["before"], field="--to", rule=rule)
        if before <= after:
            raise CommandError(
                f"--to: {before.isoformat()} is not after --from, {after.isoformat()}. Exchange them."
            )
        _refuse_dropped(after)
        dry_run, origin = options["dry_run"], origin_of(options)
        done = operations.backfill(
            rule, after=after, before=before, why=options["reason"], origin=origin, dry_run=dry_run
        )
        verb = "would be planned" if dry_run else "planned"
        self.say(
            f"{counted(done.rows, 'occurrence')} of {rule.name!r} {verb}, "
            f"from {after.isoformat()} up to {before.isoformat()}."
        )


def _refuse_dropped(after: datetime) -> None:
    begin = rows_begin()
    if begin is not None and after < begin:
        raise CommandError(
            f"--from: what ended before {begin.isoformat()} was dropped (manage.py retain), so nobody knows what fired "
            "then, and it would fire again. Begin there, or later."
        )
