"""Lapsed leases, and holds whose cause is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from events import handling, transitions
from events.lifecycle import Hold, Reason
from events.models import Occurrence, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.transitions import Lapses, Origin

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one pass of recovery moved."""

    claims_returned: int = 0
    attempts_lost: int = 0
    unknown: int = 0
    released: int = 0

    @property
    def total(self) -> int:
        """All rows that it moved."""
        return self.claims_returned + self.attempts_lost + self.released


def recover(*, origin: Origin) -> Recovered:
    """Return lapsed claims, settle lost attempts by their handler's kind, release rows whose handler is back."""
    returned = _until_done(lambda: transitions.return_lapsed_claims(limit=BATCH, origin=origin))
    lost, unknown = 0, 0
    while (lapses := _lost(origin)).total:
        lost += lapses.total
        unknown += lapses.unknown
    return Recovered(returned, lost, unknown, _release_found_handlers(origin))


@transaction.atomic
def _lost(origin: Origin) -> Lapses:
    return transitions.settle_lost_attempts(limit=BATCH, origin=origin)


def _until_done(move: Callable[[], int]) -> int:
    total = 0
    while True:
        with transaction.atomic():
            moved = move()
        total += moved
        if moved < BATCH:
            return total


def _release_found_handlers(origin: Origin) -> int:
    held = Occurrence.objects.filter(hold=Hold.HANDLER_MISSING).values_list("rule_id", flat=True).distinct()
    found = Rule.objects.filter(pk__in=held, handler__in=list(handling.installed())).values_list(
        "pk", flat=True
    )
    if not found:
        return 0
    return transitions.release(
        list(found),
        cause=Hold.HANDLER_MISSING,
        reason=Reason.HANDLER_FOUND,
        origin=origin,
    )
