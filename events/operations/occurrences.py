"""What operators do to occurrences that they name.

What could not be done to one of them is appended to its log as `refused`; a verb that could move none says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from events import transitions
from events.errors import PunctualError
from events.models import Occurrence
from events.models.fields import LARGEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from events.lifecycle import State
    from events.transitions import Origin

REPLAYABLE = "FAILED or UNKNOWN, not yet expired, of a rule and an entity that still exist,"
DEAD = "FAILED or UNKNOWN"


class NothingMoved(PunctualError):
    """Nothing to {verb}: {standing}. Only what is {movable} can be."""


def fire_now(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """Let waiting occurrences fire at once instead of at their moment; the ids that will. Raises NothingMoved."""
    return moved(
        "fire now", "SCHEDULED or RETRYING, not held,", ids, transitions.fire_now, why=why, origin=origin
    )


def cancel(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """Cancel occurrences that have not started; the ids that are. Raises NothingMoved."""
    return moved("cancel", "SCHEDULED, PENDING or RETRYING", ids, transitions.cancel, why=why, origin=origin)


def replay(ids: Sequence[int], *, why: str, origin: Origin) -> list[int]:
    """New attempts for dead letters, with the same idempotency keys; the ids that get them. Raises NothingMoved."""
    return moved("replay", REPLAYABLE, ids, transitions.replay, why=why, origin=origin)


def resolve(ids: Sequence[int], *, to_state: State, why: str, origin: Origin) -> list[int]:
    """Settle dead letters by a person's word, as COMPLETED or CANCELLED; the ids that are.

    Raises NothingMoved, IllegalMove.
    """
    return moved("resolve", DEAD, ids, transitions.resolve, to_state=to_state, why=why, origin=origin)


def moved(
    verb: str,
    movable: str,
    ids: Iterable[int],
    move: Callable[..., list[int]],
    *,
    why: str,
    origin: Origin,
    **given: object,
) -> list[int]:
    """Make the move; the ids that moved. The others' logs tell of it, also where the move is refused as a whole.

    Raises NothingMoved, and whatever PunctualError the move raises.
    """
    known = _known(ids)
    try:
        with transaction.atomic():
            done = move(known, why=why, origin=origin, **given)
    except PunctualError:
        _refuse(known, verb, why, origin)
        raise
    _refuse(sorted(set(known) - set(done)), verb, why, origin)
    if not done:
        raise NothingMoved(verb=verb, standing=standing(known), movable=movable)
    return done


def standing(ids: Sequence[int]) -> str:
    """How the chosen rows stand, for a sentence."""
    states = sorted(set(Occurrence.objects.filter(pk__in=ids).values_list("state", flat=True)))
    return "the chosen are " + " and ".join(states) if states else "no such occurrence exists"


def _known(ids: Iterable[int]) -> list[int]:
    possible = {number for number in ids if 0 < number <= LARGEST_ID}
    return sorted(Occurrence.objects.filter(pk__in=possible).values_list("pk", flat=True))


def _refuse(ids: Sequence[int], verb: str, why: str, origin: Origin) -> None:
    """Log it of the rows that nobody moves now, then of each other one when its turn has come.

    So no lock is held while another is waited for: workers lock rows at work in an order of their own.
    """
    done = transitions.refuse(ids, verb=verb, why=why, origin=origin, wait=False) if ids else []
    for number in sorted(set(ids) - set(done)):
        transitions.refuse([number], verb=verb, why=why, origin=origin, wait=True)
