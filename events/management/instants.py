"""Instants as people type them: with an offset, or as the local time of one zone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from events.errors import InvalidField
from events.timing import Fold, Gap, resolve, zone

if TYPE_CHECKING:
    from events.models import Rule


class InvalidInstant(InvalidField):
    """{field}: {problem}. {remedy}"""


def instant_of(text: str, *, field: str, rule: Rule | None) -> datetime:
    """The aware instant that a text names; a local one is read in the rule's one zone, if there is such a rule.

    Raises InvalidInstant. Midnight is meant where only a date is given; a local time in a gap is shifted, the first of
    a fold is taken.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInstant(
            field=field,
            problem=f"{text!r} is not a date and time that exists ({error})",
            remedy="Write it as 2027-03-28T09:00+02:00.",
        ) from error
    if given.tzinfo is not None:
        return given
    return resolve(given, zone(_only_zone(text, field, rule)), gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at


def _only_zone(text: str, field: str, rule: Rule | None) -> str:
    timezone = rule.timezone or (rule.entity.timezone if rule.entity else "") if rule else ""
    if not timezone:
        where = f"{str(rule)!r} is for people in many zones" if rule else "there are many zones"
        raise InvalidInstant(
            field=field,
            problem=f"{text} is a local time, and {where}: it means no one instant",
            remedy=f"Add an offset from UTC, such as {text[:10]}T00:00+00:00.",
        )
    return timezone
