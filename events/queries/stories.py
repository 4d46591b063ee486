"""What happened to one occurrence, from the log, its attempts and the results of the tasks that ran them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django_celery_results.models import TaskResult

from events.models import LoggedMove, OneAttempt
from events.queries.words import reason_in_words

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from events.models import Occurrence


class Change(NamedTuple):
    """What an amendment made of one value of the payload. `where` is its JSON pointer; "" is the whole."""

    where: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Move:
    """What the log tells of it. `why` is what the actor said, `detail` whatever else was kept."""

    at: datetime
    from_state: str
    to_state: str
    reason: str
    words: str
    actor: str
    attempt: int
    why: str
    changes: tuple[Change, ...]
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt; `result_id` and `status` are those of its chunk's TaskResult, once that is written."""

    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    detail: Any
    task_id: str
    result_id: int | None
    status: str

    @property
    def took(self) -> timedelta | None:
        """How long it ran, or None while it does."""
        return self.finished_at - self.started_at if self.finished_at else None


@dataclass(frozen=True, slots=True)
class Story:
    """The moves in the order in which they were made, and the attempts by number."""

    moves: tuple[Move, ...]
    attempts: tuple[Try, ...]


def story(occurrence: Occurrence) -> Story:
    """All that is known of what happened to the occurrence: three queries."""
    rows = LoggedMove.objects.of(occurrence.pk).order_by("number")
    attempts = list(OneAttempt.objects.of(occurrence.pk).order_by("number"))
    results = _results({attempt.task_id for attempt in attempts} - {""})
    return Story(
        moves=tuple(_move(row) for row in rows),
        attempts=tuple(_try(attempt, results) for attempt in attempts),
    )


def _move(row: LoggedMove) -> Move:
    detail = dict(row.detail or {})
    why = str(detail.pop("why", None) or "")
    changes = detail.pop("changes", {})
    return Move(
        row.at, row.from_state, row.to_state, row.reason, reason_in_words(row.reason),
        row.actor, row.attempt, why, tuple(Change(where, *values) for where, values in changes.items()), detail,
    )  # fmt: skip


def _results(task_ids: set[str]) -> dict[str, tuple[int, str]]:
    found = TaskResult.objects.filter(task_id__in=task_ids).values_list("task_id", "pk", "status")
    return {task_id: (key, status) for task_id, key, status in found}


def _try(attempt: OneAttempt, results: dict[str, tuple[int, str]]) -> Try:
    result_id, status = results.get(attempt.task_id, (None, ""))
    return Try(
        attempt.number, attempt.worker, attempt.started_at, attempt.finished_at, attempt.outcome,
        attempt.detail, attempt.task_id, result_id, status,
    )  # fmt: skip
