"""`manage.py replay`: new attempts for dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events import operations
from events.lifecycle import State
from events.management.asking import PunctualCommand, add_actor, counted, origin_of, rule_called
from events.queries import DEAD_LETTERS, dead_letters

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(PunctualCommand):
    """What is chosen by rule is FAILED alone: an UNKNOWN one may have had its effect, so it must be asked for."""

    help = (
        "Give dead letters (FAILED or UNKNOWN) new attempts with the same idempotency keys: those of some ids, of a "
        "rule, or all. Without ids only FAILED ones are taken; for those that may have been sent say --state UNKNOWN."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--rule", metavar="NAME_OR_ID", help="All dead letters of this rule.")
        parser.add_argument("--all", action="store_true", help="All dead letters of all rules.")
        parser.add_argument(
            "--state",
            choices=[state.value for state in sorted(DEAD_LETTERS)],
            help="Only those in this state.",
        )
        parser.add_argument("--reason", required=True, help="Why, for the log.")
        parser.add_argument("--dry-run", action="store_true", help="Only say which would be replayed.")
        add_actor(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Replay, and say what was."""
        ids = _chosen(options)
        if options["dry_run"]:
            would = list(dead_letters().filter(pk__in=ids).order_by("id").values_list("id", flat=True))
            self.say(f"{counted(len(would), 'occurrence')} would be replayed{_listed(would)}.")
            return
        moved = operations.replay(ids, why=options["reason"], origin=origin_of(options))
        self.say(f"{counted(len(moved), 'occurrence')} replayed{_listed(sorted(moved))}.")
        if options["ids"] and (left := sorted(set(options["ids"]) - set(moved))):
            self.say(f"Left as they are, because they are no dead letters{_listed(left)}.")


def _chosen(options: dict[str, Any]) -> list[int]:
    ids, rule, everything = options["ids"], options["rule"], options["all"]
    if sum(map(bool, (ids, rule, everything))) != 1:
        raise CommandError("Name the occurrences in one way: by their ids, or by --rule, or by --all.")
    states = [State(options["state"])] if options["state"] else [State.FAILED]
    if ids and not options["state"]:
        return sorted(set(ids))  # the verb itself says what it could not move
    found = dead_letters().filter(state__in=states)
    if ids:
        found = found.filter(pk__in=ids)
    if rule:
        found = found.filter(rule=rule_called(rule))
    chosen = list(found.order_by("due_at", "id").values_list("id", flat=True))
    if not chosen:
        raise CommandError(f"Nothing to replay: none of those is {states[0]}.")
    return chosen


def _listed(ids: list[int]) -> str:
    if not ids:
        return ""
    more = f", … {ids[-1]}" if len(ids) > SHOWN else ""
    return f": {', '.join(map(str, ids[:SHOWN]))}{more}"


SHOWN = 10
