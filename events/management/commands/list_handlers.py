"""`manage.py list_handlers`: what a rule may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from events.management.asking import PunctualCommand, counted
from events.queries.handlers import Offer, offered_handlers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.handling import Handler

HEADING = ("name", "kind", "concurrency", "timeout", "where from")


class Command(PunctualCommand):
    """A broken handler stops nothing here: this is where it is looked for."""

    help = "List the installed handlers, and name those that are broken and why."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        """List them; exit code 1 if one is broken."""
        offers = offered_handlers()
        usable = sorted((offer.handler.name, offer) for offer in offers if offer.handler)
        for line in table([HEADING, *(cells(offer.handler, offer) for _, offer in usable if offer.handler)]):
            self.say(line)
        broken = [offer for offer in offers if not offer.handler]
        if broken:
            lines = [f"- {offer.origin}: {offer.problem}" for offer in broken]
            raise CommandError("\n".join([f"{counted(len(broken), 'handler')} cannot be used:", *lines]))


def cells(handler: Handler, offer: Offer) -> tuple[str, ...]:
    """What the table says of one handler."""
    timeout = f"{handler.timeout.total_seconds():g} s"
    return handler.name, handler.kind.value, str(handler.concurrency), timeout, offer.origin


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
