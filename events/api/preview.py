"""What a recurrence or a phrase would fire. Nothing is written."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router

from events import clock, operations
from events.api.callers import only_reads
from events.api.given import Answered, Given, JsonObject
from events.api.shown import Firing
from events.phrases import read_phrase
from events.queries.phrases import firings_of_phrase
from events.queries.previews import Previewed, asked_of, preview, sentence_of
from events.timing import canonical_zone

router = Router(tags=["preview"])

EXAMPLE = {"dtstart": "2030-12-24T18:00", "timezone": "Europe/Berlin", "rrule": "FREQ=YEARLY", "limit": 3}
TEXTS = (
    "dtstart",
    "timezone",
    "rrule",
    "cron",
    "every",
    "once",
    "ics",
    "gap",
    "fold",
    "leap",
    "after",
    "before",
)
SCHEMA = {
    "properties": {
        **{name: {"type": ["string", "null"]} for name in TEXTS},
        "rrule": {"type": ["string", "array", "null"], "items": {"type": "string"}},
        **{name: {"type": ["array", "null"], "items": {"type": "string"}} for name in ("rdate", "exdate")},
        "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": 1000},
        "id": {"type": ["string", "number", "null"]},
    },
    "additionalProperties": False,
    "examples": [EXAMPLE],
}
DESCRIBED = {"requestBody": {"content": {"application/json": {"schema": SCHEMA}}}}
USUAL = 5


class PreviewedShown(Answered):
    """One firing: nominal local time, the instant, the same in its zone, and what a policy did."""

    slot: str
    due_at: str
    local: str
    note: str | None


class PreviewShown(Answered):
    """What fires, and what was asked for as a sentence."""

    id: Any = None
    sentence: str
    occurrences: list[PreviewedShown]


class PhraseGiven(Given):
    """A phrase, and where it is said."""

    phrase: str = Field(max_length=500, examples=["every weekday at 9am"])
    timezone: str = Field(max_length=64, examples=["Europe/Berlin"])
    limit: int = Field(USUAL, ge=1, le=1000, description="So many firings at most.")


class PhraseShown(Answered):
    """What a phrase means: a sentence, the next firings, and the keys of a rule."""

    sentence: str
    occurrences: list[Firing]
    rule: dict[str, Any]


@router.post("/preview", response=PreviewShown, openapi_extra=DESCRIBED)
@only_reads
def show(request: HttpRequest, given: JsonObject) -> dict[str, Any]:  # noqa: ARG001
    """The first firings of a recurrence, as `manage.py preview` would show them."""
    asked, now = asked_of(given), clock.now()
    found = [_told(one) for one in preview(asked, now=now)]
    return {"id": asked.id, "sentence": sentence_of(asked, now=now), "occurrences": found}


@router.post("/phrases", response=PhraseShown)
@only_reads
def read(request: HttpRequest, given: PhraseGiven) -> dict[str, Any]:  # noqa: ARG001
    """What a phrase means that is said now, to be looked at before it counts."""
    now, timezone = clock.now(), canonical_zone(given.timezone)
    phrase = read_phrase(given.phrase, now=now, timezone=timezone)
    columns = operations.columns_of_phrase(given.phrase, now=now, timezone=timezone, home="")
    return {
        "sentence": phrase.in_words(),
        "occurrences": firings_of_phrase(phrase, now=now, limit=given.limit),
        "rule": operations.written_columns(columns),
    }


def _told(one: Previewed) -> dict[str, Any]:
    texts = {name: one[name].isoformat() for name in ("slot", "due_at", "local")}
    return texts | {"due_at": texts["due_at"].replace("+00:00", "Z"), "note": one["note"]}
