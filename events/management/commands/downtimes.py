"""`manage.py downtimes`: the spans in which nobody swept, and what became of what came due in them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import clock
from events.management.asking import PunctualCommand
from events.models import Downtime
from events.queries import downtimes

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from events.queries.downtimes import Told

USUAL = 10


class Command(PunctualCommand):
    """It reads alone."""

    help = "Tell of the latest downtimes, the latest first: from when to when nothing swept, and what became of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument(
            "--last", type=int, default=USUAL, metavar="N", help=f"So many of them; {USUAL} by default."
        )
        parser.add_argument("--json", action="store_true", help="One JSON array instead of sentences.")

    def handle(self, *_: Any, **options: Any) -> None:
        """One sentence each."""
        if options["last"] < 1:
            raise CommandError("--last: give 1 or more.")
        now = clock.now()
        rows = Downtime.objects.order_by("-ended_at")[: options["last"]]
        told = [downtimes.told(row, now=now) for row in rows]
        if options["json"]:
            self.say(json.dumps([_as_json(each) for each in told], ensure_ascii=False, indent=2))
            return
        for each in told:
            self.say(each.says)
        if not told:
            self.say("None: sweeps have followed each other without a gap.")


def _as_json(told: Told) -> dict[str, Any]:
    return {
        "started_at": told.downtime.started_at.isoformat(),
        "ended_at": told.downtime.ended_at.isoformat(),
        "noticed_by": told.downtime.noticed_by,
        **asdict(told.aftermath),
        "says": told.says,
    }
