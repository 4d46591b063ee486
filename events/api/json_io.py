"""JSON in and out."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

import orjson
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from pydantic import BaseModel

from events.api.problems import ApiError
from events.operations.errors import Refusal

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.datastructures import MultiValueDict

DEEPEST = 50
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class NotJson(ApiError):
    """The body is not JSON ({problem}). Write it as {{"key": "value"}}, in UTF-8."""


class OrjsonRenderer(BaseRenderer):
    """Instants of UTC end in Z."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002
        """The bytes."""
        return as_json(data)


class StrictParser(Parser):
    """Bodies and queries without what no column could keep."""

    def parse_body(self, request: HttpRequest) -> Any:
        """What the body says. Raises NotJson, Refusal."""
        return read_json(request.body)

    def parse_querydict(
        self, data: MultiValueDict[str, str], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """The query's values. Raises Refusal."""
        found: dict[str, Any] = super().parse_querydict(data, list_fields, request)
        for name, value in found.items():
            if "\x00" in name or "\x00" in (value if isinstance(value, str) else "".join(value)):
                raise _nul(name)
        return found


def read_json(body: bytes) -> Any:
    """What the bytes say. Raises NotJson, and Refusal for what is nested too deep or holds NUL."""
    try:
        orjson.loads(body)  # the stricter of the two,
        given = json.loads(body)  # and the one that keeps whole numbers of any length
    except ValueError as error:
        raise NotJson(problem=str(error)) from error
    _check(given, "", DEEPEST)
    return given


def as_json(data: Any) -> bytes:
    """The data's JSON."""
    try:
        return orjson.dumps(data, default=_plain, option=OPTIONS)
    except orjson.JSONEncodeError:
        # PostgreSQL keeps whole numbers of any length, and orjson writes those of 64 bits.
        return json.dumps(data, default=_plain_or_time, ensure_ascii=False).encode()


def _plain_or_time(value: Any) -> Any:
    """The same where the standard library writes: times as orjson writes them."""
    return orjson.loads(orjson.dumps(value, default=_plain, option=OPTIONS))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is not JSON")


def _check(value: Any, where: str, levels: int) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise _nul(where or "body")
    if not isinstance(value, (list, dict)):
        return
    if not levels:
        problem = f"it is nested deeper than {DEEPEST} levels"
        raise Refusal(field=where.partition(".")[0] or "body", problem=problem, remedy="Make it flatter.")
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        place = f"{where}.{name}" if where else str(name)
        _check(str(name), where, levels)
        _check(item, place, levels - 1)


def _nul(field: str) -> Refusal:
    return Refusal(
        field=field.replace("\x00", "?")[:60], problem="it holds a NUL character", remedy="Take it out."
    )
