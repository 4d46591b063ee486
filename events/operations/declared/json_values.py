"""Payloads and filters: what a file says of them is JSON, whatever older YAML would take it for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from events.operations.declared.given import NOTHING, Fields, Items, Text, refuse
from events.operations.errors import shown

if TYPE_CHECKING:
    from events.operations.declared.given import Given

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?P<fraction>\.\d+)?(?P<exponent>[eE][-+]?\d+)?", re.ASCII)
TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
LONGEST_NUMBER = 300
# No file has as many.
DEEPEST_SORTED = 100


def read_object(field: str, given: Given) -> dict[str, Any]:
    """Return the mapping as a JSON object. Raises Refusal."""
    if not isinstance(given, Fields):
        refuse(field, "it is not a mapping", "Write its keys below it, such as text: Good morning.")
    return {key: _value(f"{field}.{key}", value) for key, value in given.fields.items()}


def _value(field: str, given: Given) -> Any:
    if isinstance(given, Text):
        return _scalar(field, given)
    if isinstance(given, Items):
        return [_value(f"{field}.{number}", item) for number, item in enumerate(given.items)]
    return read_object(field, given)


def _scalar(field: str, given: Text) -> Any:
    """A word without quotes is null, true, false or a number as JSON writes them; all else is text."""
    if not given.is_plain:
        return given.text
    if given.text in NOTHING:
        return None
    match = NUMBER.fullmatch(given.text)
    if match is None:
        return TRUTHS.get(given.text, given.text)
    is_whole = not (match["fraction"] or match["exponent"])
    number = int(given.text) if is_whole and len(given.text) <= LONGEST_NUMBER else float(given.text)
    if abs(number) == float("inf"):
        refuse(field, f"{shown(given.text)} is too large a number", "Write it in quotes to have it as text.")
    return number


def in_order(value: Any, levels: int = DEEPEST_SORTED) -> Any:
    """The same value, the keys of whose objects are sorted, down to so many levels."""
    if not levels:
        return value
    if isinstance(value, list):
        return [in_order(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {key: in_order(value[key], levels - 1) for key in sorted(value)}
    return value


def is_same(one: Any, other: Any) -> bool:
    """Whether PostgreSQL keeps the two alike: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, int):
        return _is_float(one, other)
    if isinstance(other, float) and isinstance(one, int):
        return _is_float(other, one)
    return bool(one == other)


def _is_float(one: float, whole: int) -> bool:
    # PostgreSQL gives 1e23 back as a whole number, of which a float is but near.
    try:
        return one == float(whole)
    except OverflowError:
        return False
