"""`manage.py simulate`: what the rules would fire in a span of time, and what became of it where that is over."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import Progress

from events import clock
from events.errors import InvalidField
from events.management.asking import PunctualCommand, rule_called
from events.management.simulated import as_json, as_text, span_as_json
from events.models import EveryFrom, Rule, RuleState
from events.queries.comparisons import Compared, compare
from events.queries.simulations import Span, as_if_in, check_size, rules_to_simulate, simulate
from events.timing import Fold, Gap, canonical_zone, read_wall_time, resolve, zone

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from typing import TextIO

    from events.queries.simulations import Simulated

YEARS = range(1900, 9000)
LONGEST = timedelta(days=36_525)


class UnusableSpan(InvalidField):
    """{field}: {problem}. {remedy}"""


class Command(PunctualCommand):
    """It reads and changes nothing, and may run while everything works."""

    help = (
        "Show what the rules, as they are now and for those whom they concern now, would fire between two instants, "
        "past or to come. Nothing is written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        for flag, name, told in (
            (
                "--from",
                "after",
                "The first instant; a local time is the rule's zone's, or --zone's, or else UTC.",
            ),
            ("--to", "before", "Up to this instant, itself not included."),
        ):
            parser.add_argument(flag, dest=name, required=True, metavar="ISO", help=told)
        parser.add_argument(
            "--zone",
            default="",
            metavar="ZONE",
            help="As if everybody lived in this zone, such as Pacific/Auckland: to see what its nights do to your "
            "rules. A rule with a fixed zone keeps that.",
        )
        parser.add_argument(
            "--rule", metavar="NAME_OR_ID", help="This rule alone; by default all that are not retired."
        )
        parser.add_argument(
            "--diff",
            action="store_true",
            help="Compare with the rows and the log: fired, late, skipped, missing, unexpected.",
        )
        parser.add_argument("--json", action="store_true", help="One JSON object, with every moment.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Simulate each rule, and tell."""
        home = canonical_zone(options["zone"]) if options["zone"] else ""
        if home and options["diff"]:
            raise CommandError(
                "--zone: people fired where they live, so there is nothing to compare. Leave it out, or --diff."
            )
        rules = [_live(options["rule"])] if options["rule"] else rules_to_simulate()
        span = span_of(options, home or (_only_zone(rules[0]) if options["rule"] else ""))
        moved = [as_if_in(rule, home) for rule in rules]
        check_size(moved, span)
        with _watched(sys.stderr, len(moved)) as tell:
            told = (self._one(rule, span, tell, with_diff=options["diff"]) for rule in moved)
            if options["json"]:
                whole = {**span_as_json(span), "zone": home or None, "rules": [as_json(*one) for one in told]}
                self.say(json.dumps(whole, ensure_ascii=False, indent=2))
                return
            for simulated, compared in told:
                self.say("\n".join(as_text(simulated, compared)))
        if not rules:
            self.say("There is no live rule, so nothing would fire.")

    def _one(
        self, rule: Rule, span: Span, tell: Callable[[], None], *, with_diff: bool
    ) -> tuple[Simulated, Compared | None]:
        told = simulate(rule, span), _compared(rule, span) if with_diff else None
        tell()
        return told


def span_of(options: dict[str, Any], home: str) -> Span:
    """From --from to --to; a local time is the zone's, or UTC. Raises InvalidField."""
    span = Span(
        _instant(options["after"], "--from", home or "UTC"),
        _instant(options["before"], "--to", home or "UTC"),
    )
    if span.before <= span.after:
        raise UnusableSpan(
            field="--to",
            problem=f"{span.before.isoformat()} is not after --from, {span.after.isoformat()}",
            remedy="Exchange them",
        )
    if span.before - span.after > LONGEST:
        raise UnusableSpan(
            field="--to",
            problem=f"the span has {(span.before - span.after).days:,} days",
            remedy=f"Keep it to {LONGEST.days:,}",
        )
    return span


def _instant(text: str, field: str, home: str) -> datetime:
    given = read_wall_time(text, field=field)
    if given.year not in YEARS:
        raise UnusableSpan(
            field=field,
            problem=f"the year {given.year} is too far away",
            remedy=f"Give one from {YEARS[0]} to {YEARS[-1]}",
        )
    if given.tzinfo:
        return given
    return resolve(given, zone(home), gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at


def _live(given: str) -> Rule:
    rule = rule_called(given)
    if rule.state == RuleState.RETIRED:
        raise CommandError(f"--rule: {rule.name!r} is retired, so nothing of it fires. Choose a live rule.")
    return rule


def _only_zone(rule: Rule) -> str:
    """The rule's zone, if it has but one."""
    return rule.timezone or (rule.entity.timezone if rule.entity else "")


def _compared(rule: Rule, span: Span) -> Compared | None:
    """None for a rule that names no moments of the past, or that cannot be planned."""
    if rule.every_from == EveryFrom.COMPLETION:
        return None
    with suppress(InvalidField):
        return compare(rule, span, now=clock.now())
    return None


@contextmanager
def _watched(screen: TextIO, rules: int) -> Iterator[Callable[[], None]]:
    """A bar over the rules for a person who watches; for a log file or a pipe, nothing."""
    if not screen.isatty():
        yield lambda: None
        return
    with Progress(console=Console(file=screen), transient=True) as bar:
        task = bar.add_task("Simulating", total=rules)
        yield lambda: bar.advance(task)
