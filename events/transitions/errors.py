"""What the door refuses, by name."""

from __future__ import annotations

import re

from events.errors import PunctualError
from events.lifecycle import LEGAL_MOVES, Reason, State


class IllegalMove(PunctualError):
    """{what} does not go from {from_state} to {to_state}. {remedy}"""


class UnknownReason(PunctualError):
    """{given!r} is no reason for a move. Known are: {known}."""


REFUSED_BY_TRIGGER = re.compile(r"illegal move of occurrence (\d+): (\w+) to (\w+)")


def illegal_move(error: Exception) -> IllegalMove | None:
    """What the database's guard of legal moves meant by its error; None if it was another that refused."""
    said = REFUSED_BY_TRIGGER.search(str(error))
    if said is None:
        return None
    number, from_state, to_state = said.groups()
    ways = ", ".join(sorted(LEGAL_MOVES[State(from_state)]))
    remedy = f"From there it may go to {ways}." if ways else "From there nothing leads away."
    return IllegalMove(what=f"Occurrence {number}", from_state=from_state, to_state=to_state, remedy=remedy)


def known_reason(given: str) -> Reason:
    """The reason of that code; raises UnknownReason."""
    try:
        return Reason(given)
    except ValueError:
        raise UnknownReason(given=given, known=", ".join(Reason)) from None
