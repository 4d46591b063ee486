"""Lapsed leases, and holds whose cause is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from events import handling, transitions
from events.lifecycle import Hold, Reason
from events.models import Occurrence, Rule, RuleState

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from events.transitions import Lapses, Origin

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one pass of recovery moved."""

    claims_returned: int = 0
    attempts_lost: int = 0
    unknown: int = 0
    released: int = 0
    asked_about: int = 0
    resolved: int = 0

    @property
    def total(self) -> int:
        """All rows that it moved."""
        return self.claims_returned + self.attempts_lost + self.released + self.asked_about + self.resolved


def recover(*, origin: Origin) -> Recovered:
    """Return lapsed claims, settle lost attempts by their handler's kind, see what can be known of UNKNOWN rows, and
    release rows whose hold has no cause any more.
    """
    returned = _until_done(lambda: transitions.return_lapsed_claims(limit=BATCH, origin=origin))
    lost, unknown = 0, 0
    while (lapses := _lost(origin)).total:
        lost += lapses.total
        unknown += lapses.unknown
    verifying = [name for name, handler in handling.installed().items() if handling.verifies(handler)]
    asked = _until_done(lambda: transitions.ask_about_unknown(verifying, limit=BATCH, origin=origin))
    resolved = _until_done(lambda: transitions.resolve_by_policy(verifying, limit=BATCH, origin=origin))
    return Recovered(returned, lost, unknown, _release(origin), asked, resolved)


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


def _release(origin: Origin) -> int:
    """Level, not edge: a row that was held in the instant in which its cause ended is found here."""
    found = Rule.objects.filter(handler__in=list(handling.installed()))
    resumed = Rule.objects.filter(state=RuleState.ACTIVE)
    by_rule = sum(
        transitions.release(ids, cause=cause, reason=reason, origin=origin)
        for cause, reason, rules in (
            (Hold.HANDLER_MISSING, Reason.HANDLER_FOUND, found),
            (Hold.RULE_PAUSED, Reason.RULE_RESUMED, resumed),
        )
        if (ids := _holding(cause, rules))
    )
    healed = _until_done(lambda: transitions.release_closed_breakers(limit=BATCH, origin=origin))
    probes = transitions.release_probes(origin=origin)
    return by_rule + healed + probes + transitions.release_overlapping(origin=origin)


def _holding(cause: Hold, rules: QuerySet[Rule]) -> list[int]:
    held = Occurrence.objects.filter(hold=cause).values_list("rule_id", flat=True).distinct()
    return list(rules.filter(pk__in=held).values_list("pk", flat=True))
