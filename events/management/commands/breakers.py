"""`manage.py breakers`: how the circuit breakers stand; closing and opening one by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import clock, operations
from events.management.asking import PunctualCommand, add_actor, origin_of
from events.queries import breakers

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from events.queries.breakers import Watched

USUAL_MINUTES = 60
LONGEST_NUMBER = 9


class Command(PunctualCommand):
    """Without an action it lists, and changes nothing."""

    help = (
        "List the circuit breakers, close one now, or open one by hand for a while. One that is open has the calls to "
        "its destination wait."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("action", nargs="?", choices=["list", "close", "open"], default="list")
        parser.add_argument("handler", nargs="?", default="", metavar="HANDLER")
        parser.add_argument("destination", nargs="?", default="", metavar="DESTINATION")
        parser.add_argument(
            "--minutes",
            type=_minutes,
            default=USUAL_MINUTES,
            help=f"open: no call and no probe for so long; {USUAL_MINUTES} by default.",
        )
        parser.add_argument("--reason", default="", help="close, open: why, for the log.")
        parser.add_argument("--json", action="store_true", help="list: one JSON array instead of lines.")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """List, close or open."""
        if options["action"] == "list":
            self._list(as_json=options["json"])
            return
        handler, destination, why = (options[name].strip() for name in ("handler", "destination", "reason"))
        if not (handler and destination and why):
            raise CommandError(
                f"Say which and why: breakers {options['action']} HANDLER DESTINATION --reason WHY"
            )
        origin = origin_of(options)
        if options["action"] == "close":
            operations.close_breaker(handler, destination, why=why, origin=origin)
            self.say(
                f"{handler} to {destination} is closed: calls are made, and the next sweep releases its rows."
            )
            return
        until = origin.now + timedelta(minutes=options["minutes"])
        operations.open_breaker(handler, destination, until=until, why=why, origin=origin)
        self.say(f"{handler} to {destination} is open: no call is made before {until:%Y-%m-%d %H:%M:%S} UTC.")

    def _list(self, *, as_json: bool) -> None:
        now, watched = clock.now(), breakers.watched()
        if as_json:
            self.say(json.dumps([_as_json(each) for each in watched], ensure_ascii=False, indent=2))
            return
        for each in watched:
            self.say(f"{breakers.in_words(each, now=now)}.")
        if not watched:
            self.say("None: no call to any destination has failed.")


def _minutes(text: str) -> int:
    most = operations.LONGEST_OPEN // timedelta(minutes=1)
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER and 0 < int(text) <= most):
        raise CommandError(f"--minutes: give a whole number from 1 to {most}.")
    return int(text)


def _as_json(each: Watched) -> dict[str, Any]:
    row = each.breaker
    return {
        "handler": row.handler,
        "destination": row.destination,
        "state": row.state,
        "since": (row.opened_at or row.changed_at).isoformat(),
        "failures": row.failures,
        "last_failure": row.last_failure,
        "probe_at": row.probe_at and row.probe_at.isoformat(),
        "probe": row.probe,
        "holds": each.holds,
    }
