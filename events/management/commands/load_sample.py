"""`manage.py load_sample`: people in every zone of the world, and two rules for them."""

from __future__ import annotations

import sys
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from events import operations, planning
from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.commands.import_entities import told
from events.management.importing import import_file
from events.models import Occurrence, Rule
from events.timing import zone

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from events.transitions import Origin

KIND = "person"
NINE = time(9, 0)


class Command(PunctualCommand):
    """Idempotent: what is there already, changed or not, stays as it is."""

    help = "Load examples/people.csv, one person per time zone, and two rules at 09:00 local for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Load all of it or nothing, and say where to look next."""
        people = Path(settings.BASE_DIR) / "examples" / "people.csv"
        origin = origin_of(options)
        with transaction.atomic():
            imported = import_file(
                people, kind=KIND, report=None, dry_run=False, origin=origin, screen=sys.stderr
            )
            created = [rule.name for rule in sample_rules(origin) if _created(rule, origin)]
        self.say(told(imported))
        self.say(
            f"{counted(len(created), 'rule')} created{': ' if created else ''}{', '.join(map(repr, created))}."
        )
        waiting = Occurrence.objects.filter(
            rule__name__in=[rule.name for rule in sample_rules(origin)]
        ).count()
        self.say(
            f"{counted(waiting, 'occurrence')} of the sample's rules so far; each fires at its person's own nine."
        )
        self.say("Next: open the admin's occurrences and filter by rule, or run: manage.py doctor")


def sample_rules(origin: Origin) -> list[Rule]:
    """The sample's rules, not saved. The daily one starts on the earliest date that any calendar shows now."""
    start = origin.now.astimezone(zone(planning.EXTREME_ZONES[0])).date()
    return [
        Rule(
            name="Good morning, 09:00 local",
            audience_kind=KIND,
            start_date=start,
            local_time=NINE,
            rrule="FREQ=DAILY",
            handler="log",
            payload={"text": "Good morning"},
        ),
        Rule(
            name="Birthday, 09:00 local",
            audience_kind=KIND,
            anchor="birthday",
            local_time=NINE,
            rrule="FREQ=YEARLY",
            handler="log",
            payload={"text": "Happy birthday"},
        ),
    ]


def _created(rule: Rule, origin: Origin) -> bool:
    if Rule.objects.filter(name=rule.name).exists():
        return False
    operations.create_rule(rule, horizon=settings.PUNCTUAL_HORIZON, origin=origin)
    return True
