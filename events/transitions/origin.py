"""Who moves rows, in which chain of events, and when: written on every row of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Origin:
    """`actor` is engine:…, worker:… or user:…; `now` is the one instant of the decision, by the database's clock."""

    actor: str
    correlation_id: UUID
    now: datetime
