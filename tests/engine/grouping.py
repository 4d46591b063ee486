"""A world in which messages are grouped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from events import operations
from events.grouping import Message, Taken
from events.models import Group, GroupType, Occurrence

if TYPE_CHECKING:
    from tests.engine.world import World

HOUR = timedelta(hours=1)


def collecting(world: World, name: str = "UPLOAD", **values: Any) -> GroupType:
    """A type whose groups the test's own handler is told of."""
    return operations.put_group_type(name, **{"handler": "idempotent", **values}, origin=world.origin())


def message(world: World, *data: Any, at: datetime | timedelta = HOUR, **values: Any) -> Message:
    """A message for alice, in an hour."""
    when = world.now + at if isinstance(at, timedelta) else at
    made = Message("UPLOAD", "alice", when, list(data) or [{"upload_id": "1"}])
    return replace(made, **values)


def take(
    world: World, *data: Any, at: datetime | timedelta = HOUR, owner: int | None = None, **values: Any
) -> Taken:
    """It, taken."""
    said = message(world, *data, at=at, **values)
    return operations.take_message(said, owner=owner, origin=world.origin())


def group_of(taken: Taken) -> Group:
    return Group.objects.select_related("occurrence").get(pk=taken.group_id)


def occurrence_of(taken: Taken) -> Occurrence:
    return group_of(taken).occurrence
