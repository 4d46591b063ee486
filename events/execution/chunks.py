"""The steps of one chunk's way through a worker."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from events import grouping, transitions
from events.breakers import Tolerance
from events.execution.outage import persist
from events.execution.verdicts import verdict
from events.handling import Decline, EntityView, Handler, HandlerContext, Outcome, Reject
from events.lifecycle import Reason
from events.transitions import Origin, Settlement, Started, chunk_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from events.grouping import Contents
    from events.transitions.chunk_runs import Run

LATE = "late"
NOTHING_LEFT = "every message of the group was dropped"
NO_GROUP = "no group belongs to it, so its messages are not known"
DEFAULT_TOLERANCE = Tolerance()


@dataclass(frozen=True, slots=True)
class ChunkOrder:
    """What a message asks for: run these claimed rows, whose calls all reach one destination ("": none)."""

    token: UUID
    correlation_id: UUID
    ids: tuple[int, ...]
    task_id: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the chunk runs: its clock, its name, and whether it was asked to stop.

    `lease_margin` is added to the handler's timeout to make a running row's lease. `budget` bounds the chunk: what is
    not started by then is given back. `tolerance` is what opens a destination's breaker.
    """

    clock: Callable[[], datetime]
    worker: str
    stopping: Callable[[], bool] = lambda: False
    lease_margin: timedelta = timedelta(seconds=30)
    budget: timedelta = timedelta(seconds=75)
    tolerance: Tolerance = DEFAULT_TOLERANCE


@dataclass(slots=True)
class Summary:
    """What became of a chunk's rows: counts by outcome, kept as the task's result."""

    asked: int
    outcomes: Counter[str] = field(default_factory=Counter)
    given_back: int = 0

    @property
    def not_started(self) -> int:
        """Rows that another worker has, or that were cancelled, edited, expired: they were not run here."""
        return self.asked - sum(self.outcomes.values()) - self.given_back

    def as_result(self) -> dict[str, Any]:
        """The summary as JSON."""
        return {
            "asked": self.asked,
            "outcomes": dict(self.outcomes),
            "given_back": self.given_back,
            "not_started": self.not_started,
        }


class ChunkRun:
    """The steps that both ways of running share: start some rows, judge their outcomes, settle them."""

    def __init__(self, order: ChunkOrder, handler: Handler, bench: Bench) -> None:
        self.order, self.handler, self.bench = order, handler, bench
        self.summary = Summary(asked=len(order.ids))
        self.collected: dict[int, Mapping[str, Any]] = {}

    def origin(self) -> Origin:
        """A new decision: this worker, this chunk's correlation id, the clock's present instant."""
        return Origin(self.bench.worker, self.order.correlation_id, self.bench.clock())

    def take_up(self) -> Run | None:
        """Write down that this worker is at the chunk, committed before any effect; None if another one is."""
        origin = self.origin()
        return chunk_runs.take_up(
            self.order.ids,
            token=self.order.token,
            task_id=self.order.task_id,
            lease_until=self.lease_until(origin),
            origin=origin,
        )

    def start(self, ids: Sequence[int]) -> list[Started]:
        """PENDING -> PROCESSING, committed before any effect; the rows that may run."""
        origin = self.origin()
        started = transitions.start(
            ids,
            token=self.order.token,
            handler=self.handler.name,
            kind=self.handler.kind,
            task_id=self.order.task_id,
            lease_until=self.lease_until(origin),
            origin=origin,
        )
        if len(started) < len(ids):
            self.give_back(ids, Reason.START_REFUSED)
        answers, to_call = persist(lambda: self.sorted_out(started))
        if answers:
            persist(lambda: self.settle(answers))
        return to_call

    def sorted_out(self, rows: list[Started]) -> tuple[list[tuple[Started, Outcome]], list[Started]]:
        """The rows that end without a call, each with why; and those that are called.

        What groups have collected is read, now that nothing more joins them: a group may be empty. A payload that a
        person has put in place of it goes before it.
        """
        grouped = [row for row in rows if row.rule.is_grouped and "payload" not in (row.snapshot or {})]
        if not grouped:
            return [], rows
        found = grouping.contents_of(row.id for row in grouped)
        called = {row: contents.payload for row, contents in found.items() if contents.has_any}
        self.collected |= called
        answers = [(row, _uncalled(found.get(row.id))) for row in grouped if row.id not in called]
        ended = {row.id for row, _ in answers}
        return answers, [row for row in rows if row.id not in ended]

    @property
    def lease(self) -> timedelta:
        """How long a started row is this worker's, unless its lease is renewed."""
        return self.handler.timeout + self.bench.lease_margin

    def lease_until(self, origin: Origin) -> datetime:
        """When that ends."""
        return origin.now + self.lease

    def context(self, row: Started) -> HandlerContext:
        """What the handler sees of one row."""
        frozen = row.snapshot or {}
        return HandlerContext(
            occurrence_id=row.id,
            idempotency_key=row.idempotency_key,
            correlation_id=self.order.correlation_id,
            attempt=row.attempt,
            rule_id=row.rule.id,
            rule_name=row.rule.name,
            entity=EntityView(
                kind=row.entity_kind,
                external_id=row.external_id,
                name=row.entity_name,
                timezone=row.entity_timezone,
                attributes=frozen.get("attributes", row.attributes),
            ),
            slot=row.slot,
            timezone=row.timezone,
            due_at=row.due_at,
            deadline=row.started_at + self.handler.timeout,
            payload=frozen.get("payload", self.collected.get(row.id, row.rule.payload)),
        )

    def judge(self, answers: Iterable[tuple[Started, Outcome]], now: datetime) -> dict[int, Settlement]:
        """Where the outcomes lead, by the ids of their rows."""
        return {
            row.id: verdict(outcome, row, kind=row.rule.kind, now=now, random=random.random)
            for row, outcome in answers
        }

    def settle(self, answers: Sequence[tuple[Started, Outcome]]) -> set[int]:
        """PROCESSING -> where the outcomes lead, under the fence; the ids that moved."""
        origin = self.origin()
        settlements = self.judge(answers, origin.now)
        moved = transitions.settle(settlements, token=self.order.token, origin=origin)
        self.wake_others(answers, origin)
        for row, _ in answers:
            self.collected.pop(row.id, None)
        self.summary.outcomes.update(
            each.outcome if row in moved else LATE for row, each in settlements.items()
        )
        return moved

    def wake_others(self, answers: Sequence[tuple[Started, Outcome]], origin: Origin) -> None:
        """Wake the sweep for whatever waits for the end of these."""
        if any(row.rule.is_awaited for row, _ in answers):
            transitions.wake_for(origin.now, origin)

    def note_lost(self, rows: Sequence[Started]) -> None:
        """Log that these rows were not run to an end here, because their claim was lost."""
        lost = dict.fromkeys((row.id for row in rows), LATE)
        transitions.note_late(lost, token=self.order.token, origin=self.origin())
        self.summary.outcomes.update(lost.values())

    def give_back(self, ids: Sequence[int], reason: Reason) -> None:
        """PENDING -> claimable again, at once, for rows that this chunk will not run."""
        if ids:
            self.summary.given_back += transitions.recall(
                ids, token=self.order.token, reason=reason, origin=self.origin()
            )


def _uncalled(contents: Contents | None) -> Outcome:
    """Why nobody is called: there is nothing to tell, or what there was to tell is not known any more."""
    return Decline(NOTHING_LEFT) if contents is not None else Reject(NO_GROUP)
