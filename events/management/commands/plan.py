"""`manage.py plan`: one pass of the planner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from events import planning
from events.management.asking import PunctualCommand, add_actor, add_shard, counted, origin_of

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """Running it twice, or beside beat's own planner, writes nothing twice."""

    help = (
        "Write the occurrences of every live rule up to the horizon, once, and say how many were new; end reminders of "
        "which nothing is to come. Exit code 1 if any rule could not be planned. With --shard: of a part of the rules, "
        "each for all of its entities, since until when a rule is planned is known of the rule, not of a part of its "
        "entities."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument(
            "--once", action="store_true", help="One pass; it is always one. Beat, or a timer, repeats it."
        )
        add_shard(parser, "rules")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Plan, and say what was written."""
        horizon = settings.PUNCTUAL_HORIZON
        origin = origin_of(options)
        ended = planning.retire_ended(shard=options["shard"], origin=origin)
        if ended:
            self.say(f"{counted(ended, 'reminder')} ended, since nothing of it is to come.")
        written = planning.plan_due_rules(
            horizon=horizon, shard=options["shard"], planners=settings.PUNCTUAL_PLANNERS, origin=origin
        )
        self.say(
            f"{counted(written, 'occurrence')} planned, up to {origin.now + horizon:%Y-%m-%d %H:%M} UTC."
        )
