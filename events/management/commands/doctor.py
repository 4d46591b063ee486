"""`manage.py doctor`: is everything there, and does it work?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core import checks
from django.core.management.base import CommandError

from events.management.asking import PunctualCommand, counted
from events.management.broker_checks import examine_broker
from events.management.database_checks import examine_database
from events.management.findings import Finding, Status, fail, ok, some, warn
from events.queries.handlers import offered_handlers

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Sequence

HANDLERS_CHECK = "punctual.E001"


class Command(PunctualCommand):
    """It looks and changes nothing; each look takes a few seconds at most, whatever is away."""

    help = (
        "Look at the settings, the handlers, the database, the clocks, the zone data, what waits, the broker and the "
        "workers. Prints ok, warn or fail for each, and the next step where one is needed. Exit code 1 if any fails."
    )
    # A broken handler would stop a command before it could say so; here it is one finding among others.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked."""
        parser.add_argument("--json", action="store_true", help="One JSON array instead of lines.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Examine, tell, and fail if anything does."""
        findings = []
        for finding in examine():
            findings.append(finding)
            if not options["json"]:
                self._tell(finding)
        if options["json"]:
            self.say(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
        self._conclude(findings)

    def _tell(self, finding: Finding) -> None:
        style = {
            Status.OK: self.style.SUCCESS,
            Status.WARN: self.style.WARNING,
            Status.FAIL: self.style.ERROR,
        }
        label = style[finding.status](f"{finding.status.value:<4}")
        self.say(f"{label}  {finding.name}: {finding.says}")
        if finding.next_step:
            self.say(f"      -> {finding.next_step}")

    def _conclude(self, findings: Sequence[Finding]) -> None:
        failed = [finding.name for finding in findings if finding.status is Status.FAIL]
        if failed:
            raise CommandError(
                f"{counted(len(failed), 'look')} of {len(findings)} failed: {', '.join(failed)}."
            )


def examine() -> Iterator[Finding]:
    """All findings, as they are found."""
    yield settings_are_sound()
    yield handlers_load()
    found = list(examine_database())
    yield from found
    yield from examine_broker(
        is_swept=any(each.name == "sweeps" and each.status is Status.OK for each in found)
    )


def settings_are_sound() -> Finding:
    """What Django's system checks and ours say, without the handlers, which have a look of their own."""
    said = [message for message in checks.run_checks() if message.id != HANDLERS_CHECK]
    serious = [message for message in said if message.is_serious()]
    for message in serious or said:
        next_step = message.hint or "Correct the setting."
        says = f"{counted(len(said), 'system check')} complained: {message.msg}"
        return fail("settings", says, next_step) if serious else warn("settings", says, next_step)
    return ok("settings", "All system checks pass.")


def handlers_load() -> Finding:
    """Can every handler be used?"""
    offers = offered_handlers()
    broken = [f"{offer.origin} ({offer.problem})" for offer in offers if not offer.handler]
    if broken:
        next_step = "Mend them, or take them out of PUNCTUAL_HANDLERS; see: manage.py list_handlers"
        return fail(
            "handlers", f"{counted(len(broken), 'handler')} cannot be used: {some(broken)}.", next_step
        )
    names = sorted(offer.handler.name for offer in offers if offer.handler)
    return ok("handlers", f"Installed: {', '.join(names) or 'none'}.")
