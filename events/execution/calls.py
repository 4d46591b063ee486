"""Handlers whose effect is outside: many calls at once, each row started just before its own call."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connections
from django.db.models import F, Q

from events import breakers, transitions
from events.breakers import Destination
from events.execution.answers import failure, sound, text
from events.execution.outage import OUTAGE, note_outage, persist
from events.handling import Completed, Kind, Reject, Retry, Unsure, verifies
from events.lifecycle import LOST_ATTEMPT, UNKNOWN_ATTEMPT, Reason
from events.models import Attempt, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from events.breakers import Standing
    from events.execution.chunks import ChunkRun
    from events.handling import Outcome
    from events.transitions import Started

# A call may outlive its timeout by so much before nobody believes in it any more and its lease is left to lapse.
PATIENCE = 3


@dataclass(slots=True)
class Calls:
    """Who waits, who is being called, when leases were last renewed, and how the breaker stood at the last look."""

    chunk: ChunkRun
    pool: ThreadPoolExecutor
    begun: datetime
    renewed: datetime
    waiting: deque[int]
    running: dict[Future[Outcome], Started] = field(default_factory=dict)
    breaker: Standing | None = None

    @property
    def renew_after(self) -> timedelta:
        """A third of a lease."""
        return self.chunk.lease / 3


def run_calls(chunk: ChunkRun) -> None:
    """Keep `concurrency` calls going until the chunk is done; give back what a stop or the budget leaves unstarted."""
    now = chunk.bench.clock()
    with ThreadPoolExecutor(max_workers=chunk.handler.concurrency) as pool:
        calls = Calls(chunk, pool, begun=now, renewed=now, waiting=deque(chunk.order.ids))
        while calls.waiting or calls.running:
            _take_up(calls)
            _collect(calls)


def _take_up(calls: Calls) -> None:
    """Start what may start, renew what runs. With the database away nothing new starts; what runs goes on."""
    try:
        _close_early(calls)
        _fill(calls)
        _renew(calls)
    except OUTAGE as error:
        note_outage(error)
        calls.waiting.clear()  # claimed rows that nobody started follow their lease


def _close_early(calls: Calls) -> None:
    reason = _reason_to_close(calls) if calls.waiting else None
    if reason is not None:
        calls.chunk.give_back(calls.waiting, reason)
        calls.waiting.clear()


def _reason_to_close(calls: Calls) -> Reason | None:
    chunk = calls.chunk
    if chunk.bench.stopping():
        return Reason.WORKER_STOPPING
    if chunk.bench.clock() - calls.begun > chunk.bench.budget:
        return Reason.BUDGET_SPENT
    if chunk.order.destination:
        calls.breaker = breakers.standing(_destination(chunk))
        if calls.breaker is not None and not calls.breaker.lets_pass(chunk.order.ids):
            return Reason.BREAKER_OPEN
    return None


def _destination(chunk: ChunkRun) -> Destination:
    return Destination(chunk.handler.name, chunk.order.destination)


def _fill(calls: Calls) -> None:
    free = calls.chunk.handler.concurrency - len(calls.running)
    ids = [calls.waiting.popleft() for _ in range(min(len(calls.waiting), free))]
    if ids:
        lapses_at = time.monotonic() + calls.chunk.lease.total_seconds()
        rows = calls.chunk.start(ids)
        doubtful = _in_doubt(calls.chunk, rows)
        for row in rows:
            call = calls.pool.submit(_call, calls.chunk, row, lapses_at, in_doubt=row.id in doubtful)
            calls.running[call] = row


def _in_doubt(chunk: ChunkRun, rows: Sequence[Started]) -> set[int]:
    """The rows whose attempt before this one may have had its effect; of those that a person replayed, only where the
    handler can ask.
    """
    again = [row.id for row in rows if row.attempt > 1 and row.rule.kind is Kind.NON_IDEMPOTENT]
    if not again:
        return set()
    doubtful = Q(outcome__in=(LOST_ATTEMPT, UNKNOWN_ATTEMPT))
    if chunk.handler.kind is Kind.IDEMPOTENT:
        # That attempt relied on its key, and the rule does not any more.
        doubtful |= Q(handler_kind=Kind.IDEMPOTENT, outcome="failed")
    number = F("occurrence__attempt") - 1
    before = Attempt.objects.filter(doubtful, occurrence__in=again, number=number)
    found = set(before.values_list("occurrence_id", flat=True))
    if found and not verifies(chunk.handler):
        replayed = Transition.objects.filter(occurrence__in=found, reason=Reason.REPLAYED, attempt=number)
        found.difference_update(replayed.values_list("occurrence_id", flat=True))
    return found


def _collect(calls: Calls) -> None:
    if not calls.running:
        return
    done, _ = wait(calls.running, timeout=calls.renew_after.total_seconds(), return_when=FIRST_COMPLETED)
    if done:
        answers = [(calls.running.pop(future), future.result()) for future in done]
        persist(lambda: calls.chunk.settle(answers))
        if calls.chunk.order.destination:
            persist(lambda: _report(calls, answers))


def _report(calls: Calls, answers: Sequence[tuple[Started, Outcome]]) -> None:
    """Tell the destination's breaker. One answer in a set is enough to say that the destination is there."""
    chunk = calls.chunk
    failures = {row.id: why for row, outcome in answers if (why := _failure(outcome)) is not None}
    if len(failures) == len(answers):
        breakers.failed(
            _destination(chunk), list(failures), why=next(reversed(failures.values())),
            tolerance=chunk.bench.tolerance, now=chunk.bench.clock(),
        )  # fmt: skip
        calls.breaker = breakers.standing(_destination(chunk))  # so that the next success is told
    elif calls.breaker is not None:
        origin = chunk.origin()
        breakers.succeeded(_destination(chunk), now=origin.now)
        transitions.wake_for(origin.now, origin)  # what the breaker held may be claimed now


def _failure(outcome: Outcome) -> str | None:
    """Why this counts against the destination; None if it does not: whoever says when to come again is there."""
    match outcome:
        case Retry(why, None) | Unsure(why):
            return why
    return None


def _renew(calls: Calls) -> None:
    origin = calls.chunk.origin()
    if not calls.running or origin.now - calls.renewed < calls.renew_after:
        return
    calls.renewed = origin.now
    believed = PATIENCE * calls.chunk.handler.timeout + calls.chunk.bench.lease_margin
    transitions.renew(
        [row.id for row in calls.running.values() if origin.now - row.started_at < believed],
        token=calls.chunk.order.token,
        lease_until=calls.chunk.lease_until(origin),
        origin=origin,
    )


def _call(chunk: ChunkRun, row: Started, lapses_at: float, *, in_doubt: bool) -> Outcome:
    """One call, in a thread: whatever it does, an outcome comes of it. Not made if it comes too late (monotonic)."""
    if time.monotonic() > lapses_at:  # this process stood still, and the row may be another's by now
        return Retry("its lease ended before it could be called", after=timedelta(0))
    try:
        return _verified(chunk, row) if in_doubt else _handled(chunk, row)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the isolation point: its own outcome
        return failure(error, chunk.handler, row.rule.kind, row.id)
    finally:
        connections.close_all()  # a thread's own, if the handler opened any


def _handled(chunk: ChunkRun, row: Started) -> Outcome:
    return sound(chunk.handler.handle(chunk.context(row)), chunk.handler, row.rule.kind)


def _verified(chunk: ChunkRun, row: Started) -> Outcome:
    """First ask whether the earlier attempt had its effect; call only if it certainly had none."""
    if not verifies(chunk.handler):
        return Unsure("whether an earlier attempt had its effect is not known, and the handler cannot ask")
    answer = chunk.handler.verify(chunk.context(row))
    if isinstance(answer, Completed):
        return sound(answer, chunk.handler, row.rule.kind)
    if not isinstance(answer, Retry):
        return Unsure(text(f"whether it happened cannot be told: the handler answered {answer!r:.200}"))
    if row.failures >= row.rule.max_attempts:
        return Reject(text(f"it did not happen ({answer.reason}), and its attempts are spent"))
    return _handled(chunk, row)
