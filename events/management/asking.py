"""What Punctual's commands share: who acts and when, and one sentence instead of a traceback."""

from __future__ import annotations

import getpass
import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from events import clock
from events.errors import PunctualError
from events.models import Rule
from events.shards import WHOLE, NoShard, Shard, read_shard
from events.transitions import Origin

if TYPE_CHECKING:
    from argparse import ArgumentParser

LONGEST_ACTOR = 190
INTERRUPTED = 130


class UnknownRule(PunctualError):
    """--rule: no rule is called {given!r} or has this id. {remedy}"""


class PunctualCommand(BaseCommand):
    """The base of the commands: refused input, an absent database and Ctrl-C end in a sentence and an exit code."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process does. What is refused while the options are read ends like what is refused later."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            if "--traceback" in argv:
                raise
            self.stderr.write(f"CommandError: {error}")
            sys.exit(1)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; whatever stopped it is raised as CommandError."""
        try:
            return super().execute(*args, **options)
        except PunctualError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CommandError(f"The database did not do it: {said}. See: manage.py doctor.") from error
        except KeyboardInterrupt as error:
            raise CommandError(
                "Interrupted: what was not finished is not written.", returncode=INTERRUPTED
            ) from error
        except BrokenPipeError as error:
            # Whoever read the output went away; the interpreter's own flush at exit must not complain of it again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from error

    def say(self, sentence: str) -> None:
        """One line of output."""
        self.stdout.write(sentence)


def add_actor(parser: ArgumentParser) -> None:
    """The option that says who acts."""
    parser.add_argument(
        "--actor",
        type=_actor,
        help="Who does this, for the log; by default the login name of whoever runs it.",
    )


def add_shard(parser: ArgumentParser, of_what: str) -> None:
    """The option that leaves the rest of the work to others; `of_what` says whose ids are divided."""
    parser.add_argument(
        "--shard",
        type=_shard,
        default=WHOLE,
        metavar="I/N",
        help=f"Only the Ith of N parts of all {of_what}: those whose id, divided by N, leaves the remainder I - 1. "
        "1 <= I <= N <= 1024. Shards may run at once, overlap, and run beside what has none.",
    )


def origin_of(options: dict[str, Any]) -> Origin:
    """A person's decision, made at the database's present instant."""
    return Origin(f"user:{options.get('actor') or login()}", uuid4(), clock.now())


def login() -> str:
    """The login name of whoever runs this process, or the user's number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def rule_called(given: str) -> Rule:
    """The rule of that name, or else of that id; raises UnknownRule, with what is close to it."""
    rules = Rule.objects.select_related("entity")
    found = rules.filter(name=given).first()
    if found is None and given.isascii() and given.isdigit() and len(given) < LONGEST_ID:
        found = rules.filter(pk=int(given)).first()
    if found is None:
        raise UnknownRule(given=given, remedy=_close_to(given))
    return found


# A bigint has at most 19 digits; a longer number names nothing, and PostgreSQL would refuse it.
LONGEST_ID = 19


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: "1 row", "419 rows"."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _shard(text: str) -> Shard:
    try:
        return read_shard(text)
    except NoShard as error:
        raise CommandError(str(error)) from error


def _actor(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_ACTOR or not text.isprintable():
        raise CommandError(f"--actor: give a name of 1 to {LONGEST_ACTOR} printable characters.")
    return text.strip()


def _close_to(given: str) -> str:
    names = list(Rule.objects.values_list("name", flat=True)[:1000])
    close = get_close_matches(given, names, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(name) for name in close)}?"
    return f"Rules: {', '.join(map(repr, names[:5]))}." if names else "There are no rules yet."
