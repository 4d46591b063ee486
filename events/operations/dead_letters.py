"""Dead letters: their payloads put right, and many of them replayed or resolved in sets.

What a filter finds is not named by anybody, so what of it cannot be moved is left alone without a word in the log.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import transitions
from events.errors import InvalidField
from events.operations.errors import InvalidInput, Refusal
from events.operations.occurrences import DEAD, REPLAYABLE, NothingMoved, moved, standing
from events.operations.payloads import check_object, check_payload, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

    from events.lifecycle import State
    from events.models import Occurrence
    from events.transitions import Origin

    Tell = Callable[[int], object]

BATCH = 1000
MOST_NAMED = 10


class InvalidAmendment(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


def quietly(_: int) -> None:
    """Tell nobody how many more are done."""


def amend(
    ids: Sequence[int], *, payload: Mapping[str, Any], merge: bool = False, why: str, origin: Origin
) -> list[int]:
    """Give these dead letters payloads of their own: this one, or theirs with this JSON merge patch (RFC 7396).

    All that are dead letters are amended, or none: each must be what its handler can work with. The ids that are.
    Raises InvalidAmendment, NothingMoved.
    """
    move = partial(_amend, payload=payload, merge=merge, tell=quietly)
    return moved("edit", DEAD, ids, move, why=why, origin=origin)


def amend_found(
    found: QuerySet[Occurrence],
    *,
    payload: Mapping[str, Any],
    merge: bool = False,
    why: str,
    origin: Origin,
    tell: Tell = quietly,
) -> list[int]:
    """The same for all that a filter finds, in one transaction; `tell` hears of each batch how many it was."""
    ids = _ids(found)
    return _some(
        _amend(ids, payload=payload, merge=merge, why=why, origin=origin, tell=tell), "edit", DEAD, ids
    )


def replay_found(found: QuerySet[Occurrence], *, why: str, origin: Origin, tell: Tell = quietly) -> list[int]:
    """New attempts for all that a filter finds, in batches that commit one by one; the ids that get them.

    Raises NothingMoved.
    """
    ids = _ids(found)
    replay = partial(transitions.replay, why=why, origin=origin)
    return _some(_in_batches(ids, replay, tell), "replay", REPLAYABLE, ids)


def resolve_found(
    found: QuerySet[Occurrence], *, to_state: State, why: str, origin: Origin, tell: Tell = quietly
) -> list[int]:
    """All that a filter finds settled by a person's word, in batches that commit one by one; the ids that are.

    Raises NothingMoved, IllegalMove.
    """
    ids = _ids(found)
    resolve = partial(transitions.resolve, to_state=to_state, why=why, origin=origin)
    return _some(_in_batches(ids, resolve, tell), "resolve", DEAD, ids)


@transaction.atomic
def _amend(
    ids: Sequence[int], *, payload: Mapping[str, Any], merge: bool, why: str, origin: Origin, tell: Tell
) -> list[int]:
    examined = _Examined()
    examined.look(partial(check_object, "payload", payload), ids)
    done: list[int] = []
    for batch in _batches(ids if not examined.refusals else ()):
        edits: dict[int, dict[str, Any]] = {}
        for row in transitions.dead_letters(batch):
            edits[row.id] = merged(row.payload, payload) if merge else dict(payload)
            examined.payload(row.handler, edits[row.id], row.id)
        if not examined.refusals:
            done += transitions.amend(edits, why=why, origin=origin)
        tell(len(batch))
    if examined.refusals:
        raise InvalidAmendment("the new payload", examined.told())
    return done


class _Examined:
    """What was found wrong, and with which occurrences; equal payloads are looked at once."""

    def __init__(self) -> None:
        self.refusals: dict[tuple[str, str, str], list[int]] = {}
        self._known: dict[tuple[str, str], InvalidField | None] = {}

    def payload(self, handler: str, payload: Mapping[str, Any], occurrence: int) -> None:
        """Look whether the handler can work with the payload."""
        key = handler, json.dumps(payload, sort_keys=True)
        if key not in self._known:
            self._known[key] = self.look(partial(check_payload, handler, payload), [occurrence])
        elif refusal := self._known[key]:
            self._keep(refusal, [occurrence])

    def look(self, check: Callable[[], None], occurrences: Sequence[int]) -> InvalidField | None:
        """Keep what the check raises, as wrong with these occurrences."""
        try:
            check()
        except InvalidField as refusal:
            self._keep(refusal, occurrences)
            return refusal
        return None

    def _keep(self, refusal: InvalidField, occurrences: Sequence[int]) -> None:
        facts = refusal.field, str(refusal.facts["problem"]), str(refusal.facts["remedy"])
        self.refusals.setdefault(facts, []).extend(occurrences)

    def told(self) -> list[InvalidField]:
        """Each refusal once, with the occurrences that it concerns."""
        return [
            Refusal(field=field, problem=f"{problem} ({_named(ids)})", remedy=remedy, occurrences=tuple(ids))
            for (field, problem, remedy), ids in self.refusals.items()
        ]


def _named(ids: Sequence[int]) -> str:
    more = f" and {len(ids) - MOST_NAMED:,} more" if len(ids) > MOST_NAMED else ""
    noun = "occurrence" if len(ids) == 1 else "occurrences"
    return f"{noun} {', '.join(map(str, ids[:MOST_NAMED]))}{more}"


def _in_batches(ids: Sequence[int], move: Callable[[Sequence[int]], list[int]], tell: Tell) -> list[int]:
    done: list[int] = []
    for batch in _batches(ids):
        with transaction.atomic():
            done += move(batch)
        tell(len(batch))
    return done


def _some(done: list[int], verb: str, movable: str, ids: Sequence[int]) -> list[int]:
    if not done:
        raise NothingMoved(verb=verb, standing=standing(ids[:BATCH]), movable=movable)
    return done


def _ids(found: QuerySet[Occurrence]) -> list[int]:
    return list(found.order_by("pk").values_list("pk", flat=True))


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
