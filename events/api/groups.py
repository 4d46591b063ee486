"""Groups: messages that are merged under a type and an id, and dispatched once, together."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Status

from events import clock, operations
from events.api.callers import caller_of, origin_of, owned, owned_or_missing
from events.api.given import BY_API, Answered, Given, MaybeWhy, why_of
from events.api.pages import Paging, page_of
from events.api.problems import Missing
from events.grouping import Message
from events.models import Group, GroupItem
from events.queries.groups import GroupState, group_state, groups, items_of
from events.timing import read_instant

router = Router(tags=["groups"])

MOMENT = "Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)"
StateName = Literal["open", "due", "at work", "dispatched", "failed", "cancelled", "skipped"]


class MessageGiven(Given):
    """A message for the group of a type and an id."""

    execute_at: str = Field(
        max_length=100,
        examples=[MOMENT],
        description="When the group is to be dispatched: ISO 8601 or as a Date prints.",
    )
    id: str = Field(min_length=1, max_length=200, examples=["random-id-4"], description="What is grouped by.")
    type: str = Field(min_length=1, max_length=200, examples=["UPLOAD"])
    data: list[Any] = Field([], examples=[[{"upload_id": "1"}, {"upload_id": "2"}]])
    message: list[Any] = Field([], examples=[[{"message": "message"}]])
    key: str = Field("", max_length=255, description="Your own name for the message: it is taken once.")


class Placed(Answered):
    """Where a message is."""

    group: int
    position: int = Field(description="From 1, in the order in which the group took them.")
    execute_at: datetime = Field(description="When the group is dispatched, by its type's policy.")
    sealed: bool = Field(description="The group takes no more messages.")
    repeated: bool = Field(description="It was taken before under its key, and nothing was written.")


class GroupShown(Answered):
    """A group."""

    id: int
    type: str
    key: str
    state: StateName
    execute_at: datetime
    items: int = Field(description="How many messages it took, dropped ones too.")
    bytes: int
    opened_at: datetime
    sealed_at: datetime | None
    occurrence: int


class ItemShown(Answered):
    """A message that a group took."""

    position: int
    key: str
    data: list[Any]
    message: list[Any]
    execute_at: datetime = Field(description="What this message asked for.")
    taken_at: datetime
    dropped_at: datetime | None


class GroupWithItems(GroupShown):
    """A group with its messages, the first 10,000 of them."""

    messages: list[ItemShown]


class GroupPage(Answered):
    """A page of groups, the newest first."""

    items: list[GroupShown]
    next: str | None


class GroupFilter(Paging):
    """Which groups."""

    type: str | None = Field(None, max_length=200)
    key: str | None = Field(None, max_length=200)
    state: StateName | None = None


MOST_SHOWN = 10_000


@router.post("/groups", response={200: Placed, 201: Placed})
def take(request: HttpRequest, given: MessageGiven) -> Status[dict[str, Any]]:
    """Add a message to the open group of its type and id (200), or open one (201). What is past goes at once."""
    when = read_instant(given.execute_at, field="execute_at")
    said = Message(given.type, given.id, when, given.data, given.message, given.key)
    taken = operations.take_message(said, owner=caller_of(request).owner_id, origin=origin_of(request))
    told = {
        "group": taken.group_id, "position": taken.position, "execute_at": taken.due_at,
        "sealed": taken.is_sealed, "repeated": taken.is_repeated,
    }  # fmt: skip
    return Status(201 if taken.is_first else 200, told)


@router.get("/groups", response=GroupPage)
def show_all(request: HttpRequest, wanted: Query[GroupFilter]) -> dict[str, Any]:
    """The account's groups."""
    now = clock.now()
    state = GroupState(wanted.state) if wanted.state else None
    mine = groups(
        owned(Group, caller_of(request)), type_name=wanted.type, key=wanted.key, state=state, now=now
    )
    page, further = page_of(request, mine, wanted, by=("-id",))
    return {"items": [_group(row, now) for row in page], "next": further}


@router.get("/groups/{int:group_id}", response=GroupWithItems)
def show(request: HttpRequest, group_id: int) -> dict[str, Any]:
    """One group with its messages."""
    row = _one(request, group_id)
    found = items_of(row)[:MOST_SHOWN]
    return {**_group(row, clock.now()), "messages": [_item(item) for item in found]}


@router.delete("/groups/{int:group_id}/items/{int:position}", response={204: None})
def drop(request: HttpRequest, group_id: int, position: int) -> None:
    """Leave a message out of a group that is not at work yet."""
    row, caller = _one(request, group_id), caller_of(request)
    if not 1 <= position <= row.item_count:
        raise Missing(f"message {position} in group {group_id}")
    origin = origin_of(request)
    operations.drop_item(row, position, why=f"{BY_API}, as {caller.user.get_username()}", origin=origin)


@router.post("/groups/{int:group_id}/flush", response=GroupShown)
def flush(request: HttpRequest, group_id: int, given: MaybeWhy = None) -> dict[str, Any]:
    """Dispatch a group at once."""
    operations.flush_group(_one(request, group_id), why=why_of(given), origin=origin_of(request))
    return _group(_one(request, group_id), clock.now())


@router.post("/groups/{int:group_id}/cancel", response=GroupShown)
def cancel(request: HttpRequest, group_id: int, given: MaybeWhy = None) -> dict[str, Any]:
    """Dispatch nothing of a group; its next message opens another one."""
    operations.cancel_group(_one(request, group_id), why=why_of(given), origin=origin_of(request))
    return _group(_one(request, group_id), clock.now())


def _one(request: HttpRequest, group_id: int) -> Group:
    found = owned_or_missing(Group, caller_of(request), f"group {group_id}", pk=group_id)
    return Group.objects.select_related("type__rule", "occurrence").get(pk=found.pk)


def _group(row: Group, now: datetime) -> dict[str, Any]:
    return {
        "id": row.pk,
        "type": row.type.rule.name,
        "key": row.key,
        "state": group_state(row, now=now).value,
        "execute_at": row.occurrence.due_at,
        "items": row.item_count,
        "bytes": row.item_bytes,
        "opened_at": row.opened_at,
        "sealed_at": row.sealed_at,
        "occurrence": row.occurrence_id,
    }


def _item(item: GroupItem) -> dict[str, Any]:
    names = ("position", "key", "taken_at", "dropped_at")
    return {**{name: getattr(item, name) for name in names}, **item.content}
