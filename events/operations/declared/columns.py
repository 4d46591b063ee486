"""How a column of a row reads as a key of a file, derived from the models: a new column needs nothing here."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.operations.declared import json_values
from events.operations.declared.durations import read_length, write_length
from events.operations.declared.given import Fields, Items, Text, is_nothing, refuse
from events.operations.errors import shown
from events.timing import UnknownZone, canonical_zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Field, Model

    from events.operations.declared.given import Given

# What is written: text, numbers, dates, and lists and mappings of them.
Plain = Any
Read = Callable[[str, "Given"], Any]
WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Column:
    """One key: `read` makes a value of what is given (raises Refusal), `write` text of the value.

    `of` takes the value from a row, and `put` gives it to one (raises Refusal); a file that has not the key means
    the `default`.
    """

    name: str
    default: Callable[[], Any]
    read: Read
    of: Callable[[Any], Any]
    put: Callable[[Any, Any], None]
    write: Callable[[Any], Plain] = lambda value: value
    same: Callable[[Any, Any], bool] = operator.eq


def column_of(field: Field[Any, Any], **special: Any) -> Column:
    """The column as its type has it, but for what is `special`."""
    return Column(**(_usual(field) | _by_type(field) | special))


def _usual(field: Field[Any, Any]) -> dict[str, Any]:
    name = field.name
    return {
        "name": name,
        "default": field.get_default,
        "of": operator.attrgetter(name),
        "put": lambda row, value: setattr(row, name, value),
    }


def _by_type(field: Field[Any, Any]) -> dict[str, Any]:
    if field.choices:
        choices = [str(value) for value, _ in field.choices]
        choices += [""] if field.blank else []
        return {"read": lambda name, given: one_of(choices, name, given)}
    for kind, how in BY_TYPE.items():
        if isinstance(field, kind):
            return how
    return {"read": text_of}


def text_of(name: str, given: Given) -> str:
    """Return a scalar's text. Raises Refusal."""
    if not isinstance(given, Text):
        found = "a list" if isinstance(given, Items) else "a mapping"
        refuse(name, f"it is {found}", "Give one text.")
    return given.text


def texts_of(name: str, given: Given) -> list[str]:
    """Return the texts of a list. Raises Refusal."""
    if not isinstance(given, Items):
        refuse(name, "it is not a list", "Write - and a text, one on a line.")
    return [text_of(name, item) for item in given.items]


def one_of(choices: list[str], name: str, given: Given) -> str:
    """Return one of the choices. Raises Refusal."""
    text = text_of(name, given)
    if text not in choices:
        offered = [choice or '""' for choice in choices]
        refuse(name, f"{shown(text)} is no choice", f"Use {', '.join(offered[:-1])} or {offered[-1]}.")
    return text


def _date(name: str, given: Given) -> date:
    text = text_of(name, given)
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        refuse(name, f"{shown(text)} is not a date that exists", "Write it as 2030-12-24.")


def _time(name: str, given: Given) -> time:
    text = text_of(name, given)
    found = None
    with suppress(ValueError):
        found = time.fromisoformat(text.strip())
    if found is None or found.tzinfo:
        refuse(
            name, f"{shown(text)} is not a local time of day", "Write it with two digits each, such as 09:00."
        )
    return found


def _write_time(value: time | None) -> Plain:
    if value is None:
        return None
    return value.isoformat() if value.second or value.microsecond else value.isoformat("minutes")


def _whole(name: str, given: Given) -> int:
    text = text_of(name, given)
    if not WHOLE.fullmatch(text):
        refuse(name, f"{shown(text)} is not a whole number", "Write it in digits, such as 5.")
    return int(text)


def _truth(name: str, given: Given) -> bool:
    text = text_of(name, given)
    if text not in json_values.TRUTHS:
        refuse(name, f"{shown(text)} is neither true nor false", "Write true or false.")
    return json_values.TRUTHS[text]


BY_TYPE: dict[type, dict[str, Any]] = {
    models.DateField: {"read": _date},
    models.TimeField: {"read": _time, "write": _write_time},
    models.DurationField: {
        "read": lambda name, given: read_length(name, text_of(name, given)),
        "write": lambda value: None if value is None else write_length(value),
    },
    models.BooleanField: {"read": _truth},
    models.IntegerField: {"read": _whole},
    ArrayField: {"read": texts_of},
    models.JSONField: {
        "read": json_values.read_object,
        "write": json_values.in_order,
        "same": json_values.is_same,
    },
}


def lines_of(name: str, given: Given) -> str:
    """RRULEs, one on a line, as they are kept."""
    lines = [line.strip().removeprefix("RRULE:") for line in text_of(name, given).splitlines()]
    return "\n".join(filter(None, lines))


def zone_of(name: str, given: Given) -> str:
    """A zone by the name under which it is kept; one that is not known is left for the rule's own check."""
    text = text_of(name, given)
    with suppress(UnknownZone):
        return canonical_zone(text) if text else ""
    return text


def weekdays_of(name: str, given: Given) -> list[int]:
    """MO to SU as numbers from 0 to 6, in order."""
    texts = texts_of(name, given)
    for text in texts:
        if text.upper() not in WEEKDAYS:
            refuse(name, f"{shown(text)} is no weekday", f"Use {', '.join(WEEKDAYS)}.")
    return sorted({WEEKDAYS.index(text.upper()) for text in texts})


def write_weekdays(value: list[int]) -> Plain:
    """Their two letters."""
    return [WEEKDAYS[number] for number in value]


def mapping_of(name: str, given: Given, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of a mapping that has just these keys. Raises Refusal."""
    if (
        not isinstance(given, Fields)
        or given.fields.keys() != set(keys)
        or any(map(is_nothing, given.fields.values()))
    ):
        refuse(
            name, f"it is not a mapping of {' and '.join(keys)}", f"Give it just these: {', '.join(keys)}."
        )
    return tuple(text_of(f"{name}.{key}", given.fields[key]) for key in keys)


def values_in(row: Model, columns: Mapping[str, Column]) -> dict[str, Any]:
    """The row's values, by key."""
    return {name: column.of(row) for name, column in columns.items()}
