"""Rows whose hold has no cause any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from events import handling, transitions
from events.lifecycle import Hold, Reason
from events.models import Occurrence, Rule, RuleState
from events.shards import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from django.db.models import QuerySet

    from events.shards import Shard
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


def release_held(causes: Collection[Hold], origin: Origin, shard: Shard = WHOLE) -> int:
    """Let rows of the shard be claimed again that one of these causes holds, and it is no more; how many.

    Level, not edge: a row that was held in the instant in which its cause ended is found here.
    """
    return sum(release(origin, shard) for cause, release in RELEASES if cause in causes)


def _handlers_found(origin: Origin, shard: Shard) -> int:
    found = Rule.objects.filter(handler__in=list(handling.installed()))
    return _release(Hold.HANDLER_MISSING, found, Reason.HANDLER_FOUND, origin, shard)


def _rules_resumed(origin: Origin, shard: Shard) -> int:
    resumed = Rule.objects.filter(state=RuleState.ACTIVE)
    return _release(Hold.RULE_PAUSED, resumed, Reason.RULE_RESUMED, origin, shard)


def _release(cause: Hold, rules: QuerySet[Rule], reason: Reason, origin: Origin, shard: Shard) -> int:
    held = Occurrence.objects.filter(hold=cause).values_list("rule_id", flat=True).distinct()
    ids = list(rules.filter(pk__in=held).values_list("pk", flat=True))
    if not ids:
        return 0
    return transitions.release(ids, cause=cause, reason=reason, shard=shard, origin=origin)


def _breakers(origin: Origin, shard: Shard) -> int:
    healed = until_done(lambda: transitions.release_closed_breakers(limit=BATCH, shard=shard, origin=origin))
    return healed + transitions.release_probes(shard=shard, origin=origin)


def _overlaps(origin: Origin, shard: Shard) -> int:
    return transitions.release_overlapping(shard=shard, origin=origin)


# `edited` is planning's to look at: it must know what the rule wants now.
RELEASES: tuple[tuple[Hold, Callable[[Origin, Shard], int]], ...] = (
    (Hold.HANDLER_MISSING, _handlers_found),
    (Hold.RULE_PAUSED, _rules_resumed),
    (Hold.BREAKER_OPEN, _breakers),
    (Hold.OVERLAPPING, _overlaps),
)
