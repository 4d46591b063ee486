"""Lapsed leases, and what became of those whose outcome nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import handling, transitions
from events.lifecycle import State
from events.models import Occurrence
from events.recovery.holds import BATCH, release_held, until_done
from events.shards import WHOLE

if TYPE_CHECKING:
    from events.shards import Shard
    from events.transitions import Lapses, Origin


@dataclass(frozen=True, slots=True)
class Recovered:
    """What one pass of recovery moved; and whether any row waits for what only another pass will tell."""

    claims_returned: int = 0
    attempts_lost: int = 0
    unknown: int = 0
    released: int = 0
    asked_about: int = 0
    resolved: int = 0
    is_any_waiting: bool = False

    @property
    def total(self) -> int:
        """All rows that it moved."""
        return self.claims_returned + self.attempts_lost + self.released + self.asked_about + self.resolved


def recover(*, shard: Shard = WHOLE, origin: Origin) -> Recovered:
    """Return lapsed claims, settle lost attempts by their handler's kind, find out or decide what became of UNKNOWN
    rows, and release rows whose hold has no cause any more: of all entities, or of a shard's.
    """
    lost, unknown = 0, 0
    while (given_up := _given_up(origin)) is not None:
        lost += given_up.total
    while (lapses := _lost(shard, origin)).total:
        lost += lapses.total
        unknown += lapses.unknown
    returned = until_done(lambda: transitions.return_lapsed_claims(limit=BATCH, shard=shard, origin=origin))
    is_unknown = Occurrence.objects.filter(state=State.UNKNOWN).exists()
    asked, resolved = _see_to_unknown(shard, origin) if is_unknown else (0, 0)
    causes = transitions.held_for(origin=origin)
    released = release_held(causes, origin, shard)
    return Recovered(returned, lost, unknown, released, asked, resolved, is_unknown or bool(causes))


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
