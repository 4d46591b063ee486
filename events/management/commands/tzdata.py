"""`manage.py tzdata`: which zone data is here, what planned with another release, and what the new one moves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import planning
from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.zone_data_shown import Report
from events.queries.zone_data import compare_with_postgresql

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """Without --apply it reads alone. A second --apply finds nothing to do."""

    help = (
        "Tell which release of the zone data plans here, whether PostgreSQL's own agrees, which releases resolved "
        "what is unsent, and what the installed one moves. Writes nothing without --apply."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument(
            "--apply",
            action="store_true",
            help="Move what is unsent, and give renamed zones their new names.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object instead of sentences.")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Look, move if that is wanted, and tell; fail if a rule cannot be planned."""
        origin, apply = origin_of(options), options["apply"]
        stored = planning.stored_zones(planning.unsent_by_release())
        work = planning.apply_zone_data if apply else planning.foresee_zone_data
        report = Report(
            outlook=work(origin=origin),
            stored=stored,
            unsent=planning.unsent_by_release(),
            comparison=compare_with_postgresql(origin.now),
            applied=apply,
        )
        if options["json"]:
            self.say(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
        else:
            for sentence in report.sentences():
                self.say(sentence)
        if broken := report.outlook.broken:
            named = "\n".join(f"- {name!r}: {problem}" for name, problem in broken.items())
            raise CommandError(
                f"{counted(len(broken), 'rule')} could not be planned; all others were looked at.\n{named}"
            )
