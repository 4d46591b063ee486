"""`manage.py replay`: new attempts for dead letters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from events.management import letters
from events.management.asking import PunctualCommand

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """The most frequent one of the verbs of `dead_letters`, under a name of its own."""

    help = (
        "Give dead letters (FAILED or UNKNOWN) new attempts with the same idempotency keys: those of some ids, of a "
        "filter, or all. Without ids only FAILED ones are taken; for those that may have been sent say --state "
        "UNKNOWN. It is short for: dead_letters replay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        letters.add_choice(parser)
        letters.add_deed(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Replay, and say what was."""
        for sentence in letters.act(options, letters.REPLAY, letters.replay, sys.stderr):
            self.say(sentence)
