"""A message for a group, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Message:
    """One message: parts for a group of a type under a key, and when its sender wants them sent.

    `item_key` is the sender's own name for it, "" for none: what comes twice under one counts once.
    """

    type: str
    key: str
    execute_at: datetime
    data: list[Any] = field(default_factory=list)
    message: list[Any] = field(default_factory=list)
    item_key: str = ""

    @cached_property
    def content(self) -> str:
        """What is kept of it, as JSON. Raises ValueError where it is no JSON, RecursionError where it is too deep."""
        parts = {"execute_at": self.execute_at.isoformat(), "data": self.data, "message": self.message}
        return json.dumps(parts, allow_nan=False)

    @property
    def size(self) -> int:
        """Bytes of that."""
        return len(self.content)

    def parameters(self, owner: int | None) -> Mapping[str, Any]:
        """What statements ask of it. `owner` is the account's id, None the operators'."""
        return {
            "owner": owner,
            "type": self.type,
            "key": self.key,
            "execute_at": self.execute_at,
            "item_key": self.item_key,
            "content": self.content,
            "size": self.size,
        }


class Taken(NamedTuple):
    """Where a message is: its group, its place there from 1, and the moment at which the group is dispatched.

    `is_sealed`: the group takes no more. `is_repeated`: it was taken before, and is told again. `is_first`: it opened
    the group.
    """

    group_id: int
    position: int
    due_at: datetime
    is_sealed: bool
    is_repeated: bool = False
    is_first: bool = False
