"""`manage.py recover`: one pass of recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events import recovery
from events.management.asking import PunctualCommand, add_actor, add_shard, counted, origin_of

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """Every sweep begins with this; alone it moves rows and publishes nothing."""

    help = (
        "Return lapsed claims, settle the attempts of lost workers, see to unknown outcomes, and release rows that "
        "nothing holds back any more, once. It publishes nothing: the next sweep does. With --shard: of a part of the "
        "entities."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument(
            "--once", action="store_true", help="One pass; it is always one. Every sweep repeats it."
        )
        add_shard(parser, "entities")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Recover, and say what moved."""
        done = recovery.recover(shard=options["shard"], origin=origin_of(options))
        self.say(
            f"{counted(done.claims_returned, 'lapsed claim')} returned, "
            f"{counted(done.attempts_lost, 'lost attempt')} settled ({done.unknown} of them UNKNOWN), "
            f"{counted(done.asked_about, 'unknown outcome')} to be asked about, {done.resolved} settled by policy, "
            f"{counted(done.released, 'held row')} released."
        )
