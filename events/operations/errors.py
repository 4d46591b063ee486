"""Input that was refused, field by field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from events.errors import InvalidField, PunctualError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Refusal(InvalidField):
    """{field}: {problem}. {remedy}"""


class InvalidInput(PunctualError):
    """{what} was refused; nothing was written.
    {problems}
    """

    def __init__(self, what: str, refusals: Sequence[InvalidField]) -> None:
        self.refusals = tuple(refusals)
        super().__init__(what=what, problems="\n".join(f"- {refusal}" for refusal in refusals))

    def by_field(self) -> dict[str, list[str]]:
        """What to say beside each field."""
        said: dict[str, list[str]] = {}
        for refusal in self.refusals:
            sentence = f"{refusal.facts['problem']}. {refusal.facts['remedy']}"
            said.setdefault(refusal.field, []).append(sentence)
        return said


def storable(value: object) -> bool:
    """Whether PostgreSQL can keep the value as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):  # no JSON, not a number, or half of a surrogate pair
        return False
    return "\\u0000" not in text
