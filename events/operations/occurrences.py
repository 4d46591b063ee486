"""What operators do to occurrences. A verb that could move none of them says so, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from events import transitions
from events.errors import PunctualError
from events.models import Occurrence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.lifecycle import State
    from events.transitions import Origin


class NothingMoved(PunctualError):
    """Nothing to {verb}: {standing}. Only what is {movable} can be."""


def fire_now(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """Let waiting occurrences fire at once instead of at their moment; the ids that will. Raises NothingMoved."""
    return _moved(
        "fire now",
        "SCHEDULED or RETRYING, not held,",
        ids,
        lambda: transitions.fire_now(ids, why=why, origin=origin),
    )


def cancel(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """Cancel occurrences that have not started; the ids that are. Raises NothingMoved."""
    return _moved(
        "cancel",
        "SCHEDULED, PENDING or RETRYING",
        ids,
        lambda: transitions.cancel(ids, why=why, origin=origin),
    )


def replay(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """New attempts for dead letters, with the same idempotency keys; the ids that get them. Raises NothingMoved."""
    return _moved(
        "replay",
        "FAILED or UNKNOWN, not yet expired, of a rule and an entity that still exist,",
        ids,
        lambda: transitions.replay(ids, why=why, origin=origin),
    )


def resolve(ids: Sequence[int], *, to_state: State, why: str, origin: Origin) -> list[int]:
    """Settle dead letters by a person's word, as COMPLETED or CANCELLED; the ids that are. Raises NothingMoved."""
    return _moved(
        "resolve",
        "FAILED or UNKNOWN",
        ids,
        lambda: transitions.resolve(ids, to_state=to_state, why=why, origin=origin),
    )


@transaction.atomic
def _moved(verb: str, movable: str, ids: Sequence[int], move: Callable[[], list[int]]) -> list[int]:
    moved = move()
    if not moved:
        raise NothingMoved(verb=verb, standing=_standing(ids), movable=movable)
    return moved


def _standing(ids: Sequence[int]) -> str:
    states = sorted(set(Occurrence.objects.filter(pk__in=ids).values_list("state", flat=True)))
    return "the chosen are " + " and ".join(states) if states else "no such occurrence exists"
