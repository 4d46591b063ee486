"""Triggers: at an instant that comes with an event, run a function for it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Body, Field, Query, Router, Status

from events import operations
from events.api.callers import caller_of, origin_of
from events.api.given import Answered
from events.api.pages import Paging, page_of
from events.api.problems import Missing, field_of
from events.models import Occurrence
from events.operations import InvalidTrigger, Placed, Trigger, TriggerChange, TriggerRow
from events.operations.errors import Refusal
from events.queries.triggers import ORDER, STATUS_OF, find_triggers
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Sequence

router = Router(tags=["triggers"])

MOST_AT_ONCE = 1_000
StatusName = Literal["active", "fired", "failed", "skipped", "withdrawn"]
TEXT = {"type": ["string", "null"]}
NOTED = {
    "triggerUtc": "Sun, 22 Nov 2026 09:00:00 GMT", "functiontorun": "log", "eventid": "42", "vapidKey": "BEl62iUYgUiv",
}  # fmt: skip
OURS = {
    "trigger_at": "2026-11-22T09:00:00Z", "function": "log", "event_id": "42", "status": "active",
    "payload": {"title": "Begins"},
}  # fmt: skip
ONE = {
    "type": "object",
    "properties": {
        **dict.fromkeys(
            ("triggerUtc", "trigger_at", "functiontorun", "function", "eventid", "event_id"), TEXT
        ),
        **{name: {"type": ["string", "object", "null"]} for name in ("vapidKey", "push_subscription")},
        "status": {**TEXT, "description": "Any other than active withdraws it."},
        "timezone": {**TEXT, "description": "The event's; UTC where it is new and none is given."},
        "payload": {"type": ["object", "null"], "description": "What the function's handler is told."},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "anyOf": [ONE, {"type": "array", "items": ONE, "minItems": 1, "maxItems": MOST_AT_ONCE}],
    "examples": [NOTED, OURS, [OURS]],
}
DESCRIBED = {"requestBody": {"content": {"application/json": {"schema": SCHEMA}}}}


class TriggerShown(Answered):
    """A trigger: the one row that stands for a function and an event."""

    function: str
    event_id: str
    status: StatusName
    trigger_at: datetime = Field(description="The instant, in UTC.")
    local: datetime = Field(description="The same instant in its event's zone.")
    timezone: str
    occurrence: int
    state: str
    payload: Any


class TriggerPlaced(Answered):
    """What became of a trigger that was posted, and how it stands; null where nothing of it ever was."""

    result: Literal["created", "moved", "changed", "unchanged", "fired", "withdrawn"] = Field(
        description="changed: the payload alone. fired: it has fired at that very instant, and does not again."
    )
    trigger: TriggerShown | None


class WrongField(Answered):
    """What was wrong with a field, and what would be right."""

    field: str
    problem: str
    remedy: str


class ListedTrigger(Answered):
    """The same of one in a list; refused: nothing of it was written, and `errors` say why."""

    result: Literal["created", "moved", "changed", "unchanged", "fired", "withdrawn", "refused"]
    trigger: TriggerShown | None
    errors: list[WrongField] = Field(default_factory=list)


class TriggersPlaced(Answered):
    """One for each of a list, in its order."""

    items: list[ListedTrigger]


class TriggerPage(Answered):
    """A page of triggers."""

    items: list[TriggerShown]
    next: str | None


class TriggerFilter(Paging):
    """Which triggers."""

    function: str | None = Field(None, max_length=100)
    status: StatusName | None = None


@router.get("/triggers", response=TriggerPage)
def show_all(request: HttpRequest, wanted: Query[TriggerFilter]) -> dict[str, Any]:
    """The account's triggers, by function."""
    rows = find_triggers(caller_of(request).owner_id, function=wanted.function, status=wanted.status)
    items, further = page_of(request, rows, wanted, by=ORDER)
    return {"items": [_shown(row) for row in items], "next": further}


@router.post(
    "/triggers",
    response={200: TriggerPlaced | TriggersPlaced, 201: TriggerPlaced},
    openapi_extra=DESCRIBED,
)
def put(
    request: HttpRequest, given: Annotated[dict[str, Any] | list[Any], Body(...)]
) -> Status[dict[str, Any]]:
    """Write a trigger, or move, change or withdraw the one of that function and event; or up to 1,000 of them.

    Of a list the good ones are kept, and each is answered for.
    """
    if isinstance(given, list):
        return Status(200, {"items": _put_list(request, given)})
    [placed] = _put(request, [operations.read_trigger(given)])
    return Status(201 if placed["result"] == TriggerChange.CREATED else 200, placed)


@router.get("/triggers/{str:function}/{path:event_id}", response=TriggerShown)
def show(request: HttpRequest, function: str, event_id: str) -> dict[str, Any]:
    """One trigger."""
    return _shown(_one(request, function, event_id))


@router.delete("/triggers/{str:function}/{path:event_id}", response=TriggerPlaced)
def withdraw(request: HttpRequest, function: str, event_id: str) -> dict[str, Any]:
    """Let it not fire. What has fired stays as it is."""
    row = _one(request, function, event_id)
    [placed] = _put(request, [Trigger(function, event_id, None)])
    return placed if placed["trigger"] else placed | {"trigger": _shown(row)}


def _put_list(request: HttpRequest, given: Sequence[Any]) -> list[dict[str, Any]]:
    if not 0 < len(given) <= MOST_AT_ONCE:
        remedy = f"Give from 1 to {MOST_AT_ONCE:,} at once."
        raise Refusal(field="body", problem=f"the list has {len(given):,} triggers", remedy=remedy)
    read = operations.read_triggers(given)
    placed = iter(_put(request, [one for one in read if isinstance(one, Trigger)]))
    return [
        {"result": "refused", "trigger": None, "errors": [field_of(each) for each in one.refusals]}
        if isinstance(one, InvalidTrigger)
        else next(placed)
        for one in read
    ]


def _put(request: HttpRequest, triggers: Sequence[Trigger]) -> list[dict[str, Any]]:
    owner = caller_of(request).owner_id
    placed = operations.put_triggers(triggers, owner=owner, origin=origin_of(request))
    return [_placed(trigger, one) for trigger, one in zip(triggers, placed, strict=True)]


def _placed(trigger: Trigger, one: Placed) -> dict[str, Any]:
    told = _told(trigger.function, trigger.event_id, one.row) if one.row else None
    return {"result": one.change, "trigger": told}


def _one(request: HttpRequest, function: str, event_id: str) -> Occurrence:
    owner = caller_of(request).owner_id
    row = find_triggers(owner, function=function, event_id=event_id).first()
    if row is None:
        raise Missing(f"trigger of {function} for event {event_id!r}")
    return row


def _shown(row: Occurrence) -> dict[str, Any]:
    return _told(row.rule.handler, row.entity.external_id, row)


def _told(function: str, event_id: str, row: Occurrence | TriggerRow) -> dict[str, Any]:
    return {
        "function": function,
        "event_id": event_id,
        "status": STATUS_OF[row.state],
        "trigger_at": row.due_at,
        "local": row.due_at.astimezone(zone(row.timezone)),
        "timezone": row.timezone,
        "occurrence": row.id,
        "state": row.state,
        "payload": row.payload,
    }
