"""What pydantic refuses, in our own sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ninja.errors import ValidationError

    Facts = Mapping[str, Any]

# By pydantic's type of error: what was wrong, and what would be right.
SAID: dict[str, tuple[str, str]] = {
    "missing": ("it is missing", "Give it."),
    "extra_forbidden": ("there is no such field", "Leave it out, or look at its name again."),
    "string_type": ("it is not text", "Give it as text, in quotes."),
    "bool_type": ("it is neither true nor false", "Give true or false."),
    "bool_parsing": ("it is neither true nor false", "Give true or false."),
    "int_type": ("it is not a whole number", "Give it in digits, such as 5."),
    "int_parsing": ("it is not a whole number", "Give it in digits, such as 5."),
    "int_parsing_size": ("it is too large a number", "Give a smaller one."),
    "int_from_float": ("it is not a whole number", "Give it without a fraction, such as 5."),
    "dict_type": ("it is not an object", 'Write it as {"key": "value"}.'),
    "model_type": ("it is not an object", 'Write it as {"key": "value"}.'),
    "model_attributes_type": ("it is not an object", 'Write it as {"key": "value"}.'),
    "list_type": ("it is not a list", "Write it as [1, 2]."),
    "timezone_aware": ("it has no offset from UTC", "Add one, such as 2030-12-24T18:00:00Z."),
    "value_error": ("{error}", "Correct it and try again."),
}
BOUNDS: dict[str, Callable[[Facts], tuple[str, str]]] = {
    "literal_error": lambda facts: ("it is no choice", f"Use {facts['expected']}."),
    "enum": lambda facts: ("it is no choice", f"Use {facts['expected']}."),
    "string_too_long": lambda facts: ("it is too long", f"Use {facts['max_length']:,} characters at most."),
    "string_too_short": lambda facts: ("it is too short", f"Use {facts['min_length']:,} characters or more."),
    "too_long": lambda facts: ("there are too many of them", f"Give {facts['max_length']:,} at most."),
    "too_short": lambda facts: ("there are too few of them", f"Give {facts['min_length']:,} or more."),
    "greater_than_equal": lambda facts: ("it is too small", f"Give {facts['ge']:,} or more."),
    "greater_than": lambda facts: ("it is too small", f"Give more than {facts['gt']:,}."),
    "less_than_equal": lambda facts: ("it is too large", f"Give {facts['le']:,} at most."),
    "less_than": lambda facts: ("it is too large", f"Give less than {facts['lt']:,}."),
    "string_pattern_mismatch": lambda facts: ("it is not written so", f"It must match {facts['pattern']}."),
}
MOST_TOLD = 50


def refusals_of(error: ValidationError) -> list[dict[str, str]]:
    """Field, problem and remedy of each thing that was refused; the field of a body is its path, such as rule.name."""
    return [refusal_of({**each, "loc": _path(each["loc"])}) for each in error.errors[:MOST_TOLD]]


def refusal_of(error: Mapping[str, Any]) -> dict[str, str]:
    """The same of one error of pydantic."""
    problem, remedy = _said(error)
    field = ".".join(map(str, error["loc"])) or "body"
    return {"field": field, "problem": problem, "remedy": remedy}


def _said(error: Facts) -> tuple[str, str]:
    kind, facts = str(error["type"]), error.get("ctx", {})
    if kind in BOUNDS:
        return BOUNDS[kind](facts)
    if kind.startswith(("datetime_", "date_", "timezone_")) and kind not in SAID:
        return "it is not a date and time that exists", "Write it as 2030-12-24T18:00:00Z."
    problem, remedy = SAID.get(kind, (_lowered(str(error["msg"])), "Correct it and try again."))
    return problem.format(**facts) if kind == "value_error" else problem, remedy


def _path(place: tuple[Any, ...]) -> list[Any]:
    """Where it is, as a client would say it: without the part of the request, and what we call the body."""
    source, *rest = place
    return rest[1:] if source == "body" else rest or [source]


def _lowered(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")
