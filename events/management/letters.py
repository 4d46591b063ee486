"""Which dead letters a command is about, how they are written, and what becomes of them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import Progress

from events import operations
from events.errors import PunctualError
from events.lifecycle import DEAD_LETTERS, State
from events.management.asking import add_actor, counted, origin_of, rule_called
from events.management.instants import instant_of
from events.queries import find_dead_letters

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from django.db.models import QuerySet

    from events.models import Occurrence
    from events.transitions import Origin

    Tell = Callable[[int], object]

FILTERS = ("rule", "handler", "why", "since", "until")
SHOWN = 10


class UnreadablePayload(PunctualError):
    """{option}: {problem}. Write a JSON object, such as '{{"url": "https://example.com/hook"}}', or @FILE."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The dead letters that are meant: the ids that somebody named, or all that a filter finds."""

    found: QuerySet[Occurrence]
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Verb:
    """How to speak of what is done."""

    name: str
    became: str
    movable: str


REPLAY = Verb("replay", "replayed", operations.REPLAYABLE)
RESOLVE = Verb("resolve", "resolved", operations.DEAD)
EDIT = Verb("edit", "edited", operations.DEAD)


def add_choice(parser: ArgumentParser) -> None:
    """The ids and filters of a command."""
    parser.add_argument("ids", nargs="*", type=int, metavar="ID")
    parser.add_argument("--rule", metavar="NAME_OR_ID", help="Those of this rule.")
    parser.add_argument("--handler", metavar="NAME", help="Those of the rules with this handler.")
    parser.add_argument(
        "--why", metavar="TEXT", help="Those whose last attempt said this, whatever its case."
    )
    parser.add_argument("--since", metavar="ISO", help="Those that were due at this instant or later.")
    parser.add_argument("--until", metavar="ISO", help="Those that were due before this instant.")
    parser.add_argument("--all", action="store_true", help="All of all rules.")
    parser.add_argument(
        "--state", choices=[state.value for state in sorted(DEAD_LETTERS)], help="Only those in this state."
    )


def found_by(options: dict[str, Any], *, default: frozenset[State]) -> QuerySet[Occurrence]:
    """What ids and filters find together; `default` are the states where none is asked for."""
    rule = rule_called(options["rule"]) if options["rule"] else None
    bounds = {
        name: instant_of(options[name], field=f"--{name}", rule=rule) if options[name] else None
        for name in ("since", "until")
    }
    states = {State(options["state"])} if options["state"] else default
    found = find_dead_letters(
        states=states, rule=rule, handler=options["handler"] or "", why=options["why"] or "", **bounds
    )
    return found.filter(pk__in=options["ids"]) if options["ids"] else found


def chosen(options: dict[str, Any], verb: str) -> Choice:
    """What a verb is about, said in one way: ids, or filters, or --all.

    Where nobody named them, only FAILED ones are taken: an UNKNOWN one may have had its effect, so it is asked for.
    Raises CommandError where nothing is found.
    """
    ids, filters = options["ids"], [name for name in FILTERS if options[name]]
    if sum(map(bool, (ids, filters, options["all"]))) != 1:
        raise CommandError(
            "Name the occurrences in one way: by their ids, or by filters such as --rule, or by --all."
        )
    default = DEAD_LETTERS if ids else frozenset({State.FAILED})
    found = found_by(options, default=default)
    if ids and not options["state"]:
        return Choice(found, sorted(set(ids)))  # the verb itself says what it could not move
    if not found.exists():
        raise CommandError(f"Nothing to {verb}: none of those is {options['state'] or State.FAILED}.")
    return Choice(found, sorted(found.values_list("pk", flat=True)) if ids else [])


def add_deed(parser: ArgumentParser) -> None:
    """The options of whatever changes something."""
    parser.add_argument("--reason", required=True, help="Why, for the log.")
    parser.add_argument("--dry-run", action="store_true", help="Only say which it would be.")
    add_actor(parser)


def replay(choice: Choice, *, why: str, origin: Origin, tell: Tell) -> list[int]:
    """New attempts; the ids that get them."""
    if choice.ids:
        return operations.replay(choice.ids, why=why, origin=origin)
    return operations.replay_found(choice.found, why=why, origin=origin, tell=tell)


def resolve(choice: Choice, *, to_state: State, why: str, origin: Origin, tell: Tell) -> list[int]:
    """Settled by a person's word; the ids that are."""
    if choice.ids:
        return operations.resolve(choice.ids, to_state=to_state, why=why, origin=origin)
    return operations.resolve_found(choice.found, to_state=to_state, why=why, origin=origin, tell=tell)


def edit(
    choice: Choice, *, payload: dict[str, Any], merge: bool, why: str, origin: Origin, tell: Tell
) -> list[int]:
    """Payloads of their own; the ids that have one."""
    told: dict[str, Any] = {"payload": payload, "merge": merge, "why": why, "origin": origin}
    if choice.ids:
        return operations.amend(choice.ids, **told)
    return operations.amend_found(choice.found, tell=tell, **told)


def act(options: dict[str, Any], verb: Verb, perform: Callable[..., list[int]], screen: TextIO) -> list[str]:
    """Do it to what was chosen; what to say. A dry run does it too, and takes everything back."""
    choice = chosen(options, verb.name)
    total = len(choice.ids) or choice.found.count()
    with _progress_bar(verb.name, total, screen) as tell, _taken_back(active=options["dry_run"]):
        done = sorted(perform(choice, why=options["reason"], origin=origin_of(options), tell=tell))
    would = "would be " if options["dry_run"] else ""
    said = [f"{counted(len(done), 'occurrence')} {would}{verb.became}{listed(done)}."]
    if len(done) < total:
        left = listed(sorted(set(choice.ids) - set(done)))
        said.append(
            f"{counted(total - len(done), 'occurrence')} left as before{left}. "
            f"Only what is {verb.movable} can be {verb.became}."
        )
    return said


def payload_in(text: str, option: str) -> dict[str, Any]:
    """The JSON object in the text, or in the file that it names with an @; raises UnreadablePayload."""
    try:
        given = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        raise UnreadablePayload(option=option, problem=str(error)) from error
    if not isinstance(given, dict):
        raise UnreadablePayload(option=option, problem=f"{given!r:.60} is not an object")
    return given


def listed(ids: list[int]) -> str:
    """The first few, and the last."""
    if not ids:
        return ""
    more = f", … {ids[-1]}" if len(ids) > SHOWN else ""
    return f": {', '.join(map(str, ids[:SHOWN]))}{more}"


@contextmanager
def _taken_back(*, active: bool) -> Iterator[None]:
    if not active:
        yield
        return
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def _progress_bar(verb: str, total: int, screen: TextIO) -> Iterator[Tell]:
    """A bar over the chosen rows for a person who watches; for a log file or a pipe, nothing."""
    if not screen.isatty():
        yield lambda _: None
        return
    with Progress(console=Console(file=screen), transient=True) as bar:
        task = bar.add_task(verb, total=total)
        yield lambda count: bar.update(task, advance=count)
