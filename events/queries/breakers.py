"""The circuit breakers: how each stands, in words, and how many rows it holds back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count

from events.lifecycle import Hold
from events.models import Breaker, BreakerState, Occurrence
from events.queries.words import length_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """One breaker, and how many rows wait for it to close."""

    breaker: Breaker
    holds: int


def watched(rows: Iterable[Breaker] | None = None) -> list[Watched]:
    """These breakers (None: all), with the rows that each holds."""
    holding = held_by_destination()
    return [
        Watched(row, holding.get((row.handler, row.destination), 0))
        for row in (Breaker.objects.all() if rows is None else rows)
    ]


def not_closed() -> list[Watched]:
    """Those that keep calls from being made."""
    return watched(Breaker.objects.exclude(state=BreakerState.CLOSED))


def held_by_destination() -> dict[tuple[str, str], int]:
    """How many rows are held by a breaker, by handler and destination."""
    held = Occurrence.objects.filter(hold=Hold.BREAKER_OPEN).order_by()
    rows = held.values_list("rule__handler", "destination").annotate(Count("id"))
    return {(handler, destination): count for handler, destination, count in rows}


def in_words(watched: Watched, *, now: datetime) -> str:
    """How one stands, why, and what it holds back: without an end, for a list."""
    row, holds = watched.breaker, f"{watched.holds:,} row{'s' if watched.holds != 1 else ''}"
    why = why_in_words(row)
    return f"{row} is {state_in_words(row, now=now)}{f' ({why})' if why else ''}; it holds {holds}"


def state_in_words(breaker: Breaker, *, now: datetime) -> str:
    """What its state means at this instant."""
    match breaker.state:
        case BreakerState.OPEN if breaker.probe_at and breaker.probe_at > now:
            wait = timedelta(seconds=round((breaker.probe_at - now).total_seconds()))
            return f"open: no call is made before the next probe, in {length_in_words(wait)}"
        case BreakerState.OPEN:
            return "open: the next sweep that finds a row for it sends that row as the probe"
        case BreakerState.HALF_OPEN:
            return f"half open: occurrence {breaker.probe} is the probe, and decides"
    return "closed: calls are made"


def why_in_words(breaker: Breaker) -> str:
    """What made it so: failures in a row, and the last one's words or those of whoever opened it."""
    failures = f"{breaker.failures:,} failure{'s' if breaker.failures > 1 else ''} in a row"
    said = [failures if breaker.failures else "", breaker.last_failure]
    return ": ".join(part for part in said if part)
