"""Input that was refused, field by field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import CheckConstraint, Q, Value

from events.errors import InvalidField, PunctualError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from django.db.models import Model


# A sentence shows so much of what was given; of a list that has many wrong items so many are told.
LONGEST_SHOWN, MOST_TOLD = 200, 5


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


def wrong_columns(row: Model, kept: Collection[str]) -> Iterator[InvalidField]:
    """What the row's own columns and constraints refuse; those that are `kept` by the engine are not looked at.

    Text that the database cannot keep is told alone, since the database would be asked about it.
    """
    given = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
    unstorable = [name for name in given.keys() - kept if not _is_text_to_keep(given[name])]
    for name in sorted(unstorable):
        yield Refusal(
            field=name,
            problem=f"{shown(given[name])} has characters that the database cannot keep",
            remedy="Leave out NUL, and halves of surrogate pairs.",
        )
    if not unstorable:
        yield from _refused_by_columns(row, kept)


def _is_text_to_keep(value: object) -> bool:
    return not isinstance(value, (str, list)) or storable(value)


def _refused_by_columns(row: Model, kept: Collection[str]) -> Iterator[InvalidField]:
    try:
        _clean(row, kept)
    except ValidationError as error:
        for name, messages in error.message_dict.items():
            given = "" if name == NON_FIELD_ERRORS else f"{shown(getattr(row, name))}: "
            for message in messages[:MOST_TOLD]:
                problem = f"{given}{message.rstrip('.')}"
                yield Refusal(field=name, problem=problem, remedy="Correct it and try again.")


def _clean(row: Model, kept: Collection[str]) -> None:
    """What `full_clean` does; but the database is asked about each check only if one of them refuses the row."""
    try:
        row.full_clean(exclude=kept, validate_constraints=False)
    except ValidationError:
        row.full_clean(exclude=kept)  # for all that is wrong
        raise
    if not _meets_constraints(row, kept):
        row.validate_constraints(exclude=kept)


def _meets_constraints(row: Model, kept: Collection[str]) -> bool:
    """Of all checks that know nothing of what is kept this is one question to the database."""
    fields = [field for field in row._meta.concrete_fields if field.name not in kept]
    given = {field.name: Value(getattr(row, field.attname), output_field=field) for field in fields}
    asked = Q()
    for constraint in row._meta.constraints:
        if not isinstance(constraint, CheckConstraint):
            try:
                constraint.validate(type(row), row, exclude=set(kept))
            except ValidationError:
                return False
        elif Q(constraint.condition).referenced_base_fields <= given.keys():
            asked &= Q(constraint.condition)
    return not asked or asked.check(given)


def shown(value: object) -> str:
    """The value as a sentence shows it: as Python writes it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class StaleVersion(InvalidInput):
    """Somebody else changed {what} meanwhile; nothing was written.
    {problems}
    """


def stale(what: str, *, expected: int, current: int | None) -> Refusal:
    """The refusal of a change that was decided on while looking at an older version; None: it is not there at all."""
    standing = "does not exist" if current is None else f"has version {current} now"
    return Refusal(
        field="version",
        problem=f"{what} {standing}, and version {expected} was expected",
        remedy="Load it again, look at what has changed, and repeat your change.",
        expected=expected,
        current=current,
    )


def check_version(what: str, *, expected: int | None, current: int) -> None:
    """Raise StaleVersion if a version is expected and it is not the current one."""
    if expected is not None and expected != current:
        raise StaleVersion(what, [stale(what, expected=expected, current=current)])


def storable(value: object) -> bool:
    """Whether PostgreSQL can keep the value as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):  # no JSON, not a number, or half of a surrogate pair
        return False
    return "\\u0000" not in text
