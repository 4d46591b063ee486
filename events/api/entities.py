"""Entities: whom and what the account's rules concern."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from events import operations
from events.api.callers import caller_of, origin_of, owned
from events.api.given import VERSIONED, Answered, Given
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.api.versions import put_version, seen_version, version_to_put
from events.models import Entity
from events.operations import EntityFacts
from events.timing import UnknownZone, canonical_zone

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from events.api.callers import Caller

router = Router(tags=["entities"])

LeapName = Literal["", "backward", "forward", "omit"]
BIRTHDAY = {"birthday": "1992-02-29"}


class EntityGiven(Given):
    """What is known of an entity; what is left out is empty."""

    timezone: str = Field(max_length=64, examples=["America/New_York"])
    name: str = Field("", max_length=200, examples=["Alice"])
    attributes: dict[str, Any] = Field({}, examples=[BIRTHDAY])
    leap: LeapName = Field(
        "", description="What a missing 29 February means for it; empty follows each rule."
    )


class EntityChanged(Given):
    """What is to change. Attributes are merged as a JSON merge patch (RFC 7396): null takes one out."""

    timezone: str | None = Field(None, max_length=64, examples=["Asia/Tokyo"])
    name: str | None = Field(None, max_length=200)
    attributes: dict[str, Any] | None = Field(None, examples=[BIRTHDAY])
    leap: LeapName | None = None


class EntityShown(Answered):
    """An entity."""

    id: int
    kind: str
    external_id: str
    name: str
    timezone: str
    attributes: dict[str, Any]
    leap: str
    version: int
    created_at: datetime
    updated_at: datetime


class EntityPage(Answered):
    """A page of entities, by kind and external id."""

    items: list[EntityShown]
    next: str | None


class EntityFilter(Paging):
    """Which entities."""

    kind: str | None = Field(None, max_length=50)
    external_id: str | None = Field(None, max_length=200)
    timezone: str | None = Field(None, max_length=64)


@router.get("/entities", response=EntityPage)
def show_all(request: HttpRequest, wanted: Query[EntityFilter]) -> dict[str, Any]:
    """The account's entities."""
    named = {
        "kind": wanted.kind,
        "external_id": wanted.external_id,
        "timezone": wanted.timezone and _zone(wanted.timezone),
    }
    rows = _live(caller_of(request)).filter(**{name: value for name, value in named.items() if value})
    items, further = page_of(request, rows, wanted, by=("kind", "external_id"))
    return {"items": items, "next": further}


@router.get("/entities/{str:kind}/{path:external_id}", response=EntityShown)
def show(request: HttpRequest, response: HttpResponse, kind: str, external_id: str) -> Entity:
    """One entity."""
    return _told(response, _one(request, kind, external_id))


@router.put(
    "/entities/{str:kind}/{path:external_id}",
    response={200: EntityShown, 201: EntityShown},
    openapi_extra=VERSIONED,
)
def put(
    request: HttpRequest, response: HttpResponse, kind: str, external_id: str, given: EntityGiven
) -> Status[Entity]:
    """Create an entity, or write it anew: what is planned for it follows."""
    caller = caller_of(request)
    exists = _live(caller).filter(kind=kind, external_id=external_id).exists()
    seen = version_to_put(request, exists=exists)
    facts = EntityFacts(kind, external_id, given.timezone, given.name, given.attributes, given.leap)
    entity = operations.put_entity(facts, owner=caller.owner_id, seen=seen, origin=origin_of(request))
    return Status(200 if exists else 201, _told(response, entity))


@router.patch("/entities/{str:kind}/{path:external_id}", response=EntityShown, openapi_extra=VERSIONED)
def change(
    request: HttpRequest, response: HttpResponse, kind: str, external_id: str, given: EntityChanged
) -> Entity:
    """Change an entity in part: what is planned for it follows."""
    entity, seen = _one(request, kind, external_id), seen_version(request)
    changes = {name: value for name, value in given.dict().items() if value is not None}
    if given.attributes is not None:
        changes["attributes"] = operations.merged(entity.attributes, given.attributes)
    facts = replace(operations.facts_of(entity), **changes)
    owner = caller_of(request).owner_id
    return _told(response, operations.put_entity(facts, owner=owner, seen=seen, origin=origin_of(request)))


@router.delete("/entities/{str:kind}/{path:external_id}", response={204: None}, openapi_extra=VERSIONED)
def delete(request: HttpRequest, kind: str, external_id: str) -> None:
    """Delete an entity: what was not sent to it is cancelled, its history stays."""
    entity, seen = _one(request, kind, external_id), seen_version(request)
    operations.delete_entities(
        [entity.pk], why="by the API", origin=origin_of(request), expected_versions={entity.pk: seen}
    )


def _live(caller: Caller) -> QuerySet[Entity]:
    return owned(Entity, caller).filter(deleted_at=None)


def _one(request: HttpRequest, kind: str, external_id: str) -> Entity:
    """The caller's entity of this name. Raises Missing."""
    entity = _live(caller_of(request)).filter(kind=kind, external_id=external_id).first()
    if entity is None:
        raise Missing(f"{kind} {external_id!r}")
    return entity


def _told(response: HttpResponse, entity: Entity) -> Entity:
    put_version(response, entity.version)
    return entity


def _zone(name: str) -> str:
    """The zone under its name of today, as entities have it; one that is not known is nobody's."""
    with suppress(UnknownZone):
        return canonical_zone(name)
    return name
