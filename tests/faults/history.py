"""What happened, as plain values: the rows, their log, their attempts, their effects, and what the receiver saw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connection

from events.models import LoggedMove, Occurrence, OneAttempt

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from uuid import UUID

    from events.handling import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """An occurrence as it stands."""

    id: int
    rule_id: int
    kind: Kind
    key: str
    state: str
    reason: str
    due_at: datetime
    attempt: int
    failures: int


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the log."""

    occurrence_id: int
    from_state: str
    to_state: str
    reason: str
    actor: str
    attempt: int
    token: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt."""

    occurrence_id: int
    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the receiver logged it; `received_at` in seconds since the epoch."""

    key: str
    received_at: float
    path: str


@dataclass
class History:
    """All of it, for some rules. `expected` says how many rows each rule must have."""

    expected: Mapping[int, int]
    rows: dict[int, Row] = field(default_factory=dict)
    moves: dict[int, list[Move]] = field(default_factory=dict)
    tries: dict[int, list[Try]] = field(default_factory=dict)
    effects: dict[int, int] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)

    def add_row(self, row: Row) -> None:
        """Take in a row, with nothing that happened to it yet."""
        self.rows[row.id] = row
        self.moves.setdefault(row.id, [])
        self.tries.setdefault(row.id, [])

    def moves_for(self, reason: str) -> int:
        """How many moves of the log were made for that reason."""
        return sum(move.reason == reason for moves in self.moves.values() for move in moves)


ROW = ("id", "rule_id", "idempotency_key", "state", "reason", "due_at", "attempt", "failures")
MOVE = ("occurrence_id", "from_state", "to_state", "reason", "actor", "attempt", "claim_token", "at")
TRY = ("occurrence_id", "number", "worker", "started_at", "finished_at", "outcome")


def read(expected: Mapping[int, int], kinds: Mapping[int, Kind], receiver_log: Path) -> History:
    """The history of these rules' rows, from the database and from the receiver's log."""
    history = History(expected)
    mine = {"rule_id__in": list(expected)}
    for key, rule_id, uuid, *rest in Occurrence.objects.filter(**mine).values_list(*ROW):
        history.add_row(Row(key, rule_id, kinds[rule_id], str(uuid), *rest))
    ids = {"occurrence_id__in": Occurrence.objects.filter(**mine).values("id")}
    for values in LoggedMove.objects.filter(**ids).order_by("number").values_list(*MOVE):
        history.moves[values[0]].append(Move(*values))
    for values in OneAttempt.objects.filter(**ids).order_by("number").values_list(*TRY):
        history.tries[values[0]].append(Try(*values))
    history.effects = _effects(list(expected))
    history.calls = _calls(receiver_log, {row.key for row in history.rows.values()})
    return history


def _effects(rules: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT occurrence_id, count(*) FROM faults_effect e JOIN events_occurrence o ON o.id = e.occurrence_id"
            " WHERE o.rule_id = ANY(%s) GROUP BY occurrence_id",
            [rules],
        )
        return {int(occurrence): int(count) for occurrence, count in cursor.fetchall()}


def _calls(log: Path, keys: set[str]) -> dict[str, list[Call]]:
    calls: dict[str, list[Call]] = {}
    with log.open() as lines:
        for line in lines:
            told = json.loads(line)
            if told["key"] in keys:
                call = Call(told["key"], told["received_at"], told["path"])
                calls.setdefault(call.key, []).append(call)
    return calls
