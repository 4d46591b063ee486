"""What must be true of the settings together before anything starts. Each alone is checked where it is read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from events import clock, planning
from events.execution import Bench
from events.queries.handlers import offered_handlers

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG = "punctual"
SHORTEST_HORIZON = timedelta(hours=1)


@register(TAG)
def handlers_load(**_: Any) -> list[CheckMessage]:
    """Every handler that the settings or a package name can be used."""
    return [
        Error(f"{offer.origin}: {offer.problem}", hint="See: manage.py list_handlers", id="punctual.E001")
        for offer in offered_handlers()
        if offer.handler is None
    ]


@register(TAG)
def settings_agree(**_: Any) -> list[CheckMessage]:
    """The settings make sense together."""
    return [*_horizon(), *_lease(), *_cap()]


def _horizon() -> Iterator[CheckMessage]:
    if settings.PUNCTUAL_HORIZON < SHORTEST_HORIZON:
        yield Error(
            f"The horizon is {settings.PUNCTUAL_HORIZON}: planning could fall behind what is due.",
            hint="Set PUNCTUAL_HORIZON_HOURS to 1 or more; 48 is the default.",
            id="punctual.E002",
        )
    elif planning.ahead_of(settings.PUNCTUAL_HORIZON) < planning.LEAST_AHEAD:
        yield Caution(
            f"The horizon is {settings.PUNCTUAL_HORIZON}, less than the day and more by which people may be ahead at "
            "once when they move: each edit of one may have to plan all rules first, and wait for other edits.",
            hint="Set PUNCTUAL_HORIZON_HOURS to 36 or more; 48 is the default.",
            id="punctual.W003",
        )


def _lease() -> Iterator[CheckMessage]:
    budget = Bench(clock=clock.now, worker="").budget
    if budget >= settings.PUNCTUAL_CLAIM_LEASE:
        yield Caution(
            f"A claim lapses after {settings.PUNCTUAL_CLAIM_LEASE}, but a worker may take {budget} over its chunk: "
            "rows that wait in it would be handed out again. None would run twice, but the work would be wasted.",
            hint=f"Set PUNCTUAL_CLAIM_LEASE_SECONDS above {budget.total_seconds():g}; 120 is the default.",
            id="punctual.W001",
        )


def _cap() -> Iterator[CheckMessage]:
    if settings.PUNCTUAL_IN_FLIGHT_CAP < settings.PUNCTUAL_CLAIM_BATCH:
        yield Caution(
            f"One claim takes up to {settings.PUNCTUAL_CLAIM_BATCH} rows, more than the "
            f"{settings.PUNCTUAL_IN_FLIGHT_CAP} that may be in flight, so the cap does not hold.",
            hint="Set PUNCTUAL_CLAIM_BATCH to PUNCTUAL_IN_FLIGHT_CAP or less.",
            id="punctual.W002",
        )
