"""What an experiment expects beyond the promises that always hold. Each yields the sentences that say otherwise."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from events.handling import Kind
from events.lifecycle import LOST_ATTEMPT, Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.experiment import Expectation, Found

# How many calls one worker has under way at once: the handlers' `concurrency`.
AT_ONCE = {Kind.IDEMPOTENT: 16, Kind.NON_IDEMPOTENT: 8}


def all_completed(found: Found) -> Iterator[str]:
    """Every row is COMPLETED; one that must not be called again may be UNKNOWN instead."""
    states = Counter((row.kind, row.state) for row in found.history.rows.values())
    for (kind, state), count in states.items():
        if state != State.COMPLETED and (kind, state) != (Kind.NON_IDEMPOTENT, State.UNKNOWN):
            yield f"{count} {kind} rows are {state}"


def few_hurt(found: Found) -> Iterator[str]:
    """No more calls are lost than the workers that were hit had under way."""
    rows = found.history.rows
    lost = Counter(
        rows[row_id].kind
        for row_id, tries in found.history.tries.items()
        for each in tries
        if each.outcome == LOST_ATTEMPT
    )
    for kind, at_once in AT_ONCE.items():
        if lost[kind] > at_once * found.hits:
            yield f"{lost[kind]} {kind} calls are lost, by {found.hits} hits of {at_once} calls each"


def none_for(*reasons: Reason) -> Expectation:
    """No move of the log has one of these reasons."""

    def expectation(found: Found) -> Iterator[str]:
        for reason in reasons:
            if moves := found.history.moves_for(reason):
                yield f"{moves} moves were made for {reason}"

    return expectation


def some_for(*reasons: Reason) -> Expectation:
    """The log has moves for each of these reasons: the fault was met, and the experiment shows something."""

    def expectation(found: Found) -> Iterator[str]:
        for reason in reasons:
            if not found.history.moves_for(reason):
                yield f"no move was made for {reason}, so the fault met nothing"

    return expectation


SURVIVED = (all_completed, few_hurt)
