"""An occurrence as its account may see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ninja import Field, Schema

from events import operations
from events.models import RuleRole
from events.queries import words
from events.queries.hidden import closes_of, is_hidden
from events.timing import zone

if TYPE_CHECKING:
    from events.models import Entity, Occurrence


class EntityName(Schema):
    """How an entity is named."""

    kind: str
    external_id: str


class RuleName(Schema):
    """How a rule is named."""

    id: int
    name: str
    role: str


class Shown(Schema):
    """One occurrence. What is hidden has neither due_at, local nor slot until it fires."""

    id: int
    rule: RuleName
    entity: EntityName
    text: str = Field("", description="Of a reminder: what it is about.")
    state: str
    reason: str
    words: str = Field(description="The reason as a sentence.")
    due_at: datetime | None = Field(description="The promised instant, in UTC.")
    local: datetime | None = Field(description="The same instant in its zone.")
    slot: str | None = Field(description="The nominal local time, before the zone is applied.")
    timezone: str
    hidden: bool = Field(description="It fires at a random moment, which nobody is told before.")
    closes: datetime | None = Field(description="Of what is hidden: when its window is over.")
    note: str
    hold: str
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None


class Firing(Schema):
    """One firing to come, as the calendar says. Of a random moment: within which window."""

    slot: str
    due_at: datetime | None
    local: datetime | None
    timezone: str
    hidden: bool
    opens: datetime | None
    closes: datetime | None
    note: str
    whose: str = ""


def shown(occurrence: Occurrence) -> dict[str, Any]:
    """Its JSON, for whomever it belongs to; its rule and entity should have been selected with it."""
    hidden = is_hidden(occurrence)
    return {
        "id": occurrence.pk,
        "rule": {"id": occurrence.rule_id, "name": occurrence.rule.name, "role": occurrence.rule.role},
        "entity": name_of(occurrence.entity),
        "text": _text(occurrence),
        "state": occurrence.state,
        "reason": occurrence.reason,
        "words": words.reason_in_words(occurrence.reason),
        "due_at": None if hidden else occurrence.due_at,
        "local": None if hidden else occurrence.due_at.astimezone(zone(occurrence.timezone)),
        "slot": None if hidden else occurrence.slot.isoformat(),
        "timezone": occurrence.timezone,
        "hidden": hidden,
        "closes": closes_of(occurrence) if hidden else None,
        "note": occurrence.note,
        "hold": occurrence.hold,
        "attempt": occurrence.attempt,
        "started_at": occurrence.started_at,
        "finished_at": occurrence.finished_at,
    }


def _text(occurrence: Occurrence) -> str:
    if occurrence.rule.role != RuleRole.REMINDER:
        return ""
    return operations.text_of(occurrence.payload or occurrence.rule.payload)


def name_of(entity: Entity) -> dict[str, str]:
    """How it is named."""
    return {"kind": entity.kind, "external_id": entity.external_id}
