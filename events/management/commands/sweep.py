"""`manage.py sweep`: recover and dispatch, once or until it is stopped."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import clock, skew, sweeping
from events.management.asking import PunctualCommand, add_shard, counted
from events.shards import WHOLE, Shard

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator


class Command(PunctualCommand):
    """It acts as the engine that it is; two sweeps, or ten, share the work."""

    help = (
        "Recover what lapsed, claim what is due and hand it to the workers. With --once: one pass. Without: stay awake "
        "and fire what comes due, until Ctrl-C, which lets the pass at work end first. Exit code 1 if the broker did "
        "not take what is due. With --shard: of a part of the entities."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("--once", action="store_true", help="One pass, and say what it did.")
        add_shard(parser, "entities")

    def handle(self, *_: Any, **options: Any) -> None:
        """Sweep."""
        if options["once"]:
            self._once(options["shard"])
        else:
            self._until_stopped(options["shard"])

    def _once(self, shard: Shard) -> None:
        skew.measure_now_and_then("command")
        done = sweeping.sweep_once(clock=clock.now, sweeper=_sweeper(shard), shard=shard)
        if done.broker_away:
            raise CommandError("The broker did not take what is due; nothing is lost. See: manage.py doctor.")
        self.say(
            f"{counted(done.recovered, 'row')} recovered, {counted(done.claimed, 'row')} handed to the workers."
        )
        if not done.drained:
            self.say("More is due, and is left to a later pass: the workers have enough in hand for now.")

    def _until_stopped(self, shard: Shard) -> None:
        claimed = recovered = 0
        with _stoppable() as stop:
            self.say(
                "Awake. Ctrl-C ends it after the pass at work, within five seconds; a second Ctrl-C at once."
            )
            while not stop.asked:
                skew.measure_now_and_then("sweeper")
                sweep = sweeping.sweep_until(
                    sweeping.end_of_watch(clock.now()),
                    clock=clock.now,
                    sweeper=_sweeper(shard),
                    stopping=lambda: stop.asked,
                    shard=shard,
                )
                claimed, recovered = claimed + sweep.claimed, recovered + sweep.recovered
        self.say(
            f"Stopped. {counted(recovered, 'row')} recovered, {counted(claimed, 'row')} handed to the workers."
        )


def _sweeper(shard: Shard) -> str:
    """The name under which the log and the list of sweeps know it."""
    return skew.this_process() if shard == WHOLE else f"{skew.this_process()} shard {shard}"


class Stop:
    """Remembers that a signal came. The second one interrupts."""

    asked = False

    def __call__(self, *_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def _stoppable() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
