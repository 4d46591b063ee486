"""The one way in which a recurrence is refused: field, problem, remedy."""

from __future__ import annotations

from typing import NoReturn

from events.errors import InvalidField

_LONGEST_SHOWN = 60


class InvalidRecurrence(InvalidField):
    """{field}: {problem}. {remedy}"""


def refuse(problem: str, remedy: str, *, field: str = "rrule") -> NoReturn:
    """Raise InvalidRecurrence."""
    raise InvalidRecurrence(field=field, problem=problem, remedy=remedy)


def shown(text: str) -> str:
    """Return the text in quotes, cut to what fits a sentence."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}...")
