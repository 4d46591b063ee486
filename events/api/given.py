"""What bodies and answers are made of."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Body, Field, Schema
from pydantic import ConfigDict

# For operations that change what has a version: see `openapi`, and there "x-problems" too.
VERSIONED = {"x-versioned": True}
BY_API = "by the API"
# A body whose keys the domain reads.
JsonObject = Annotated[dict[str, Any], Body(...)]


class Answered(Schema):
    """An answer, or a part of one."""


class Given(Schema):
    """A body, or a part of one. A field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Why(Given):
    """Why, in a few words."""

    reason: str = Field("", max_length=500, examples=["they have moved"])


MaybeWhy = Annotated[Why | None, Body()]


def why_of(given: Why | None) -> str:
    """What the log is told."""
    return given.reason if given and given.reason.strip() else BY_API
