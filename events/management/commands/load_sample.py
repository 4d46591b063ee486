"""`manage.py load_sample`: people in every zone of the world, two rules for all of them, and one of each other kind."""

from __future__ import annotations

import sys
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from events import operations, planning
from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.commands.import_entities import told
from events.management.importing import import_file
from events.models import Calendar, Entity, EveryFrom, Occurrence, Rule
from events.timing import Roll, zone

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from datetime import date

    from events.transitions import Origin

KIND = "person"
NINE = time(9, 0)
# For whom alone the rules of the other kinds are.
ONE = "europe-berlin"
BAVARIA = "Bavaria, working days"


class Command(PunctualCommand):
    """Idempotent: what is there already, changed or not, stays as it is."""

    help = "Load examples/people.csv, one person per time zone, two rules at 09:00 local for them, and four for one."

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
            rules = sample_rules(origin)
            created = [rule.name for rule in rules if _created(rule, origin)]
        self.say(told(imported))
        self.say(
            f"{counted(len(created), 'rule')} created{': ' if created else ''}{', '.join(map(repr, created))}."
        )
        waiting = Occurrence.objects.filter(rule__name__in=[rule.name for rule in rules]).count()
        self.say(
            f"{counted(waiting, 'occurrence')} of the sample's rules so far; each fires in its person's own time."
        )
        self.say("Next: open the admin's occurrences and filter by rule, or run: manage.py doctor")


def sample_rules(origin: Origin) -> list[Rule]:
    """The sample's rules, not saved; its calendar is. They start on the earliest date that any calendar shows now."""
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
        *_of_other_kinds(start, origin),
    ]


def _of_other_kinds(start: date, origin: Origin) -> list[Rule]:
    """One by cron, one with a calendar, one at random, and one that counts from completion: for one person alone."""
    one = Entity.objects.get(owner=None, kind=KIND, external_id=ONE)
    kinds: dict[str, dict[str, Any]] = {
        "Stand-up, by cron": {"cron": "30 9 * * MON-FRI"},
        "First working day of the month, Bavaria": {
            "local_time": NINE,
            "rrule": "FREQ=MONTHLY;BYMONTHDAY=1",
            "calendar": _bavaria(origin),
            "roll": Roll.NEXT,
        },
        "Tea, some time in the afternoon": {
            "local_time": time(14, 0),
            "rrule": "FREQ=DAILY",
            "window": timedelta(hours=3),
        },
        "Stretch, 3 hours after the last time": {
            "local_time": NINE,
            "every": "PT3H",
            "every_from": EveryFrom.COMPLETION,
        },
    }
    return [
        Rule(name=name, entity=one, start_date=start, handler="log", payload={"text": name}, **when)
        for name, when in kinds.items()
    ]


def _bavaria(origin: Origin) -> Calendar:
    known = Calendar.objects.filter(name=BAVARIA).first()
    new = Calendar(name=BAVARIA, closed_weekdays=[5, 6], country="DE", subdivision="BY")
    return known or operations.create_calendar(new, origin=origin)


def _created(rule: Rule, origin: Origin) -> bool:
    if Rule.objects.filter(owner=None, name=rule.name).exists():
        return False
    operations.create_rule(rule, horizon=settings.PUNCTUAL_HORIZON, origin=origin)
    return True
