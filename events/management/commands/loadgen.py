"""`manage.py loadgen`: fill a database, to try it at scale."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import Progress

from events import clock, handling
from events.management import load_rules, loads
from events.management.asking import PunctualCommand, add_actor, counted, origin_of
from events.management.instants import instant_of

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

SIZES = ("people", "rules", "occurrences")


class Command(PunctualCommand):
    """Every set is a transaction of its own: what was written before an interruption stays."""

    help = (
        "Fill a database, to try it at scale: people, personal rules, and occurrences of the past, the far future and "
        "one instant. It stays, for the log forgets nothing: take a database that you can drop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("--people", type=_size, default=0, metavar="N", help="So many more people.")
        parser.add_argument(
            "--rules", type=_size, default=0, metavar="N", help="So many personal rules, of all kinds."
        )
        parser.add_argument("--occurrences", type=_size, default=0, metavar="N", help="So many occurrences.")
        parser.add_argument(
            "--past", type=_share, default=0.9, metavar="SHARE", help="This share of them has run: 0.9."
        )
        parser.add_argument(
            "--future", type=_share, default=0.1, metavar="SHARE", help="This share is ten years away: 0.1."
        )
        parser.add_argument(
            "--at", metavar="ISO", help="The rest is due at this instant: 2027-03-28T09:00+02:00, or now."
        )
        parser.add_argument(
            "--failed",
            type=_share,
            default=0.0,
            metavar="SHARE",
            help="This share of the past are dead letters: 0.",
        )
        parser.add_argument(
            "--handler", default="log", help="Whom the rules name; it must take an empty payload: log."
        )
        parser.add_argument(
            "--among-others", action="store_true", help="Even if the database holds something else."
        )
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Make it, and say how much that was and how fast."""
        if not any(options[size] for size in SIZES):
            raise CommandError("Say how much: --people, --rules, --occurrences.")
        past, future, due = _parts(options)
        at = _instant(options["at"], due)
        handling.get(options["handler"])
        if not options["among_others"]:
            loads.refuse_others()
        self._timed(options["people"], "people", loads.make_people)
        common: dict[str, Any] = {"handler": options["handler"], "origin": origin_of(options)}
        if options["rules"] or options["occurrences"]:
            common["people"] = loads.number_people()
        self._timed(options["rules"], "personal rules", partial(load_rules.make_rules, **common))
        self._timed(past, "past occurrences", partial(loads.make_past, failed=options["failed"], **common))
        self._timed(future, "future occurrences", partial(loads.make_future, **common))
        self._timed(due, f"occurrences due at {at}", partial(loads.make_due, at=at, **common))
        loads.analyze()
        if options["rules"]:
            self.say("The personal rules' rows come with the next plan: manage.py plan --once")

    def _timed(self, count: int, what: str, make: Callable[..., None]) -> None:
        if not count:
            return
        begin = time.perf_counter()
        with shown(f"Making {what}", count) as tell:
            make(count, tell=tell)
        self.say(f"{count} {what} made{_rate(count, begin)}.")


@contextmanager
def shown(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for a person who watches, which the function that is given moves on; for a log file or a pipe, nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Progress(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda made: bar.advance(task, made)


def _parts(options: dict[str, Any]) -> tuple[int, int, int]:
    """How many occurrences of the past, of the future, and of the given instant."""
    past, future = options["past"], options["future"]
    if past + future > 1 + 1e-9:
        raise CommandError(f"--past {past} and --future {future} are more than all. Their sum is 1 at most.")
    count = options["occurrences"]
    first, second = round(count * past), round(count * (past + future))
    return first, second - first, count - second


def _instant(text: str | None, due: int) -> Any:
    if due and text is None:
        raise CommandError(
            f"{counted(due, 'occurrence')} would be neither past nor future: say with --at when they are due."
        )
    return clock.now() if text == "now" else text and instant_of(text, field="--at", rule=None)


def _rate(count: int, begin: float) -> str:
    return f", {count / max(time.perf_counter() - begin, 0.001):,.0f} a second" if count else ""


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise CommandError(f"{text!r} is no number of things. Write it as 1000000.")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise CommandError(f"{text!r} is no share. Write it as a number from 0 to 1, such as 0.9.")
    return share
