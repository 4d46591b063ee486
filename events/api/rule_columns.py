"""A rule's columns in the API's documents: taken from the model, so that a new one needs nothing here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from pydantic import Field, create_model

from events.api.given import Answered
from events.api.shown import EntityName
from events.models import Rule
from events.operations.declared.rule_kind import RuleKind
from events.operations.declared.shorthands import EXCLUDED

# By the kind of its column: the type of what is shown of it.
TYPES: dict[type, Any] = {
    models.DateField: date | None,
    models.DurationField: str | None,
    models.TimeField: str | None,
    models.BooleanField: bool,
    models.IntegerField: int,
    models.JSONField: dict[str, Any],
    ArrayField: list[str],
}
SPECIAL: dict[str, Any] = {"entity": EntityName | None, "calendar": str | None}
IN_WORDS = {
    "phrase": "Such as: every weekday at 9am.",
    "ics": "iCalendar text: one event, or its DTSTART and RRULE.",
}
EXAMPLE = {
    "name": "Standup", "phrase": "every weekday at 9am", "audience_kind": "person", "handler": "log",
    "payload": {"text": "Standup in 15 minutes"},
}  # fmt: skip


def _type_of(name: str) -> Any:
    field = Rule._meta.get_field(name)
    found = next((kind for model, kind in TYPES.items() if isinstance(field, model)), str)
    return SPECIAL.get(name, found)


def _told(name: str) -> str:
    return str(getattr(Rule._meta.get_field(name), "help_text", ""))


class _RuleKept(Answered):
    """A rule."""

    id: int
    state: str
    version: int
    created_at: datetime
    updated_at: datetime
    when: str = Field(description="When it fires, as one sentence.")


_COLUMNS: dict[str, Any] = {
    name: (_type_of(name), Field(description=_told(name))) for name in RuleKind.columns
}
RuleShown: Any = create_model("RuleShown", __base__=_RuleKept, __doc__="A rule.", **_COLUMNS)


def _given_schema() -> dict[str, Any]:
    shown = RuleShown.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    keys = {name: _nullable(shown[name]) for name in RuleKind.columns}
    keys |= {name: {"type": ["string", "null"], "description": IN_WORDS[name]} for name in EXCLUDED}
    return {"properties": keys, "additionalProperties": False, "examples": [EXAMPLE]}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: schema.pop(name) for name in ("description", "title") if name in schema}
    return {**told, "anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


DESCRIBED = {"requestBody": {"content": {"application/json": {"schema": _given_schema()}}}}
