"""Lapsed leases, and what became of those whose outcome nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import handling, transitions
from events.recovery.holds import BATCH, release_held, until_done
from events.shards import WHOLE

if TYPE_CHECKING:
    from events.lifecycle import Hold
    from events.shards import Shard
    from events.transitions import Lapses, Origin, Signs


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one pass of recovery moved; and which rows wait for what only another look will tell."""

    claims_returned: int = 0
    attempts_lost: int = 0
    unknown: int = 0
    released: int = 0
    asked_about: int = 0
    resolved: int = 0
    holds: frozenset[Hold] = frozenset()
    is_any_unknown: bool = False

    @property
    def total(self) -> int:
        """All rows that it moved."""
        return self.claims_returned + self.attempts_lost + self.released + self.asked_about + self.resolved

    @property
    def is_any_waiting(self) -> bool:
        """Whether any row is held or UNKNOWN."""
        return self.is_any_unknown or bool(self.holds)


def recover(*, shard: Shard = WHOLE, origin: Origin) -> Recovered:
    """Return lapsed claims, settle lost attempts by their handler's kind, find out or decide what became of UNKNOWN
    rows, and release rows whose hold has no cause any more: of all entities, or of a shard's.
    """
    seen = transitions.signs(origin=origin)
    lost, unknown = _see_to_lost(shard, origin, seen)
    returned = 0
    if seen.is_lease_over:
        returned = until_done(
            lambda: transitions.return_lapsed_claims(limit=BATCH, shard=shard, origin=origin)
        )
    is_any_unknown = seen.is_any_unknown or unknown > 0
    asked, resolved = _see_to_unknown(shard, origin) if is_any_unknown else (0, 0)
    released = release_held(seen.holds, origin, shard)
    return Recovered(returned, lost, unknown, released, asked, resolved, seen.holds, is_any_unknown)


def _see_to_lost(shard: Shard, origin: Origin, seen: Signs) -> tuple[int, int]:
    """How many attempts were lost with their workers, and of how many nobody knows whether they had their effect."""
    lost = unknown = 0
    while seen.is_chunk_lost and (given_up := _given_up(origin)) is not None:
        lost += given_up.total
    while seen.is_lease_over and (lapses := _lost(shard, origin)).total:
        lost += lapses.total
        unknown += lapses.unknown
    return lost, unknown


@transaction.atomic
def _given_up(origin: Origin) -> Lapses | None:
    return transitions.chunk_runs.give_up_one(origin=origin)


@transaction.atomic
def _lost(shard: Shard, origin: Origin) -> Lapses:
    return transitions.settle_lost_attempts(limit=BATCH, shard=shard, origin=origin)


def _see_to_unknown(shard: Shard, origin: Origin) -> tuple[int, int]:
    """How many are asked about by their handlers, and how many their rules' policies settled."""
    installed = list(handling.installed())
    verifying = [name for name in installed if handling.verifies(handling.get(name))]
    how: dict[str, Any] = {"limit": BATCH, "shard": shard, "origin": origin}
    asked = until_done(lambda: transitions.ask_about_unknown(verifying, **how))
    resolved = until_done(lambda: transitions.resolve_by_policy(verifying, installed, **how))
    return asked, resolved
