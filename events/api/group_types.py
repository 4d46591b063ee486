"""Group types: how messages of a type are collected, and who is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Status

from events import operations, queries
from events.api.callers import caller_of, origin_of, owned
from events.api.given import BY_API, VERSIONED, Answered, JsonObject
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.api.versions import put_version, seen_version, version_to_put
from events.models import GroupType, RuleState

if TYPE_CHECKING:
    from events.api.callers import Caller

router = Router(tags=["groups"])

TYPE_BODY = {
    "properties": {name: {} for name in operations.GROUP_TYPE_KEYS},
    "required": ["handler"],
    "additionalProperties": False,
    "examples": [{"handler": "log", "moves": "latest", "max_wait": "PT1H", "max_items": 100}],
}
DESCRIBED = {"requestBody": {"content": {"application/json": {"schema": TYPE_BODY}}}}


class TypeShown(Answered):
    """How groups of a type are collected, and who is told of them."""

    name: str
    version: int
    handler: str
    payload: dict[str, Any] | None = Field(description="null: it is the operators', and not shown.")
    follows: bool = Field(description="It is as the operators have it, and changes with theirs.")
    entity_kind: str
    moves: str
    max_wait: str | None
    max_items: int | None
    max_bytes: int
    max_attempts: int
    backoff_base: str
    backoff_cap: str
    grace: str
    expires_after: str | None
    overlap: str
    at_most_once: bool
    when_unknown: str


class TypePage(Answered):
    """A page of group types, by name."""

    items: list[TypeShown]
    next: str | None


@router.get("/group-types", response=TypePage)
def show_all(request: HttpRequest, wanted: Query[Paging]) -> dict[str, Any]:
    """The account's group types. One of the operators' is among them from its first message on."""
    mine = queries.group_types(caller_of(request).owner_id)
    page, further = page_of(request, mine, wanted, by=("id",))
    return {"items": _types(page), "next": further}


@router.get("/group-types/{name}", response=TypeShown)
def show(request: HttpRequest, response: HttpResponse, name: str) -> dict[str, Any]:
    """One group type."""
    return _told(response, _type_of(caller_of(request), name))


@router.put(
    "/group-types/{name}", response={200: TypeShown, 201: TypeShown}, openapi_extra={**VERSIONED, **DESCRIBED}
)
def put(request: HttpRequest, response: HttpResponse, name: str, given: JsonObject) -> Status[dict[str, Any]]:
    """Create a group type, or change it: what is left out has its default."""
    owner = caller_of(request).owner_id
    known = owned(GroupType, caller_of(request)).select_related("rule").filter(rule__name=name).first()
    is_live = known is not None and known.rule.state != RuleState.RETIRED
    seen = version_to_put(request, exists=is_live)
    wanted = operations.group_type_of(name, given, owner=owner, known=known)
    origin = origin_of(request)
    if known is None:
        row = operations.create_group_type(wanted, origin=origin)
    else:
        row = operations.change_group_type(wanted, origin=origin, expected_version=seen)
    return Status(200 if is_live else 201, _told(response, row))


@router.delete("/group-types/{name}", response={204: None}, openapi_extra=VERSIONED)
def retire(request: HttpRequest, name: str) -> None:
    """Take no more messages of a type. Its groups that were not dispatched are cancelled: flush them before."""
    row, seen = _type_of(caller_of(request), name), seen_version(request)
    operations.retire_group_type(row, why=BY_API, origin=origin_of(request), expected_version=seen)


def _type_of(caller: Caller, name: str) -> GroupType:
    row = queries.group_type(caller.owner_id, name)
    if row is None:
        raise Missing(f"group type {name!r}")
    return row


def _told(response: HttpResponse, row: GroupType) -> dict[str, Any]:
    put_version(response, row.version)
    (told,) = _types([row])
    return told


def _types(rows: list[GroupType]) -> list[dict[str, Any]]:
    following = operations.following(rows)
    return [_type(row, follows=row.pk in following) for row in rows]


def _type(row: GroupType, *, follows: bool) -> dict[str, Any]:
    told = operations.written_group_type(row)
    shown = {"payload": None} if follows else {}
    return {"name": row.rule.name, "version": row.version, "follows": follows, **told, **shown}
