"""Rows whose hold has no cause any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from events import handling, transitions
from events.lifecycle import Hold, Reason
from events.models import Occurrence, Rule, RuleState

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from events.transitions import Origin

BATCH = 1000


def until_done(move: Callable[[], int]) -> int:
    """Batch after batch, each in a transaction of its own; how many rows moved in all."""
    total = 0
    while True:
        with transaction.atomic():
            moved = move()
        total += moved
        if moved < BATCH:
            return total


def release_held(origin: Origin) -> int:
    """Let rows be claimed again whose hold has no cause any more; how many.

    Level, not edge: a row that was held in the instant in which its cause ended is found here.
    """
    causes = transitions.held_for(origin=origin)
    return sum(release(origin) for cause, release in RELEASES if cause in causes)


def _handlers_found(origin: Origin) -> int:
    found = Rule.objects.filter(handler__in=list(handling.installed()))
    return _release(Hold.HANDLER_MISSING, found, Reason.HANDLER_FOUND, origin)


def _rules_resumed(origin: Origin) -> int:
    resumed = Rule.objects.filter(state=RuleState.ACTIVE)
    return _release(Hold.RULE_PAUSED, resumed, Reason.RULE_RESUMED, origin)


def _release(cause: Hold, rules: QuerySet[Rule], reason: Reason, origin: Origin) -> int:
    held = Occurrence.objects.filter(hold=cause).values_list("rule_id", flat=True).distinct()
    ids = list(rules.filter(pk__in=held).values_list("pk", flat=True))
    return transitions.release(ids, cause=cause, reason=reason, origin=origin) if ids else 0


def _breakers(origin: Origin) -> int:
    healed = until_done(lambda: transitions.release_closed_breakers(limit=BATCH, origin=origin))
    return healed + transitions.release_probes(origin=origin)


def _overlaps(origin: Origin) -> int:
    return transitions.release_overlapping(origin=origin)


# `edited` is planning's to look at: it must know what the rule wants now.
RELEASES: tuple[tuple[Hold, Callable[[Origin], int]], ...] = (
    (Hold.HANDLER_MISSING, _handlers_found),
    (Hold.RULE_PAUSED, _rules_resumed),
    (Hold.BREAKER_OPEN, _breakers),
    (Hold.OVERLAPPING, _overlaps),
)
