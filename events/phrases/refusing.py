"""The one way in which a phrase is refused: what was not understood, and what would be."""

from __future__ import annotations

from typing import NoReturn

from events.errors import InvalidField

EXAMPLES = (
    'Say for example "tomorrow at 9am", "in 20 minutes", "every weekday at 9:00 in Europe/Berlin" '
    'or "within 3 days"'
)


class InvalidPhrase(InvalidField):
    """{field}: {problem}. {remedy}"""


def refuse(problem: str, remedy: str = EXAMPLES) -> NoReturn:
    """Raise InvalidPhrase (field "phrase")."""
    raise InvalidPhrase(field="phrase", problem=problem, remedy=remedy)
