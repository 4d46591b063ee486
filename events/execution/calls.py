"""Handlers whose effect is outside: many calls at once, each row started just before its own call."""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connections

from events import transitions
from events.execution.answers import failure, sound
from events.lifecycle import Reason

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from events.execution.chunks import ChunkRun
    from events.handling import HandlerContext, Outcome
    from events.transitions import Started

# A call may outlive its timeout by so much before nobody believes in it any more and its lease is left to lapse.
PATIENCE = 3


@dataclass(slots=True)
class Calls:
    """Who waits, who is being called, and when leases were last renewed."""

    chunk: ChunkRun
    pool: ThreadPoolExecutor
    begun: datetime
    renewed: datetime
    waiting: deque[int]
    running: dict[Future[Outcome], Started] = field(default_factory=dict)

    @property
    def renew_after(self) -> timedelta:
        """A third of a lease."""
        return (self.chunk.handler.timeout + self.chunk.bench.lease_margin) / 3


def run_calls(chunk: ChunkRun) -> None:
    """Keep `concurrency` calls going until the chunk is done; give back what a stop or the budget leaves unstarted."""
    now = chunk.bench.clock()
    with ThreadPoolExecutor(max_workers=chunk.handler.concurrency) as pool:
        calls = Calls(chunk, pool, begun=now, renewed=now, waiting=deque(chunk.order.ids))
        while calls.waiting or calls.running:
            _close_early(calls)
            _fill(calls)
            _collect(calls)
            _renew(calls)


def _close_early(calls: Calls) -> None:
    if not calls.waiting:
        return
    if calls.chunk.bench.stopping():
        reason = Reason.WORKER_STOPPING
    elif calls.chunk.bench.clock() - calls.begun > calls.chunk.bench.budget:
        reason = Reason.BUDGET_SPENT
    else:
        return
    calls.chunk.give_back(calls.waiting, reason)
    calls.waiting.clear()


def _fill(calls: Calls) -> None:
    free = calls.chunk.handler.concurrency - len(calls.running)
    ids = [calls.waiting.popleft() for _ in range(min(len(calls.waiting), free))]
    if ids:
        for row in calls.chunk.start(ids):
            calls.running[calls.pool.submit(_call, calls.chunk, calls.chunk.context(row))] = row


def _collect(calls: Calls) -> None:
    if not calls.running:
        return
    done, _ = wait(calls.running, timeout=calls.renew_after.total_seconds(), return_when=FIRST_COMPLETED)
    if done:
        calls.chunk.settle([(calls.running.pop(future), future.result()) for future in done])


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


def _call(chunk: ChunkRun, context: HandlerContext) -> Outcome:
    """One call, in a thread: whatever it does, an outcome comes of it."""
    try:
        return sound(chunk.handler.handle(context), chunk.handler)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the isolation point: its own outcome
        return failure(error, chunk.handler, context.occurrence_id)
    finally:
        connections.close_all()  # a thread's own, if the handler opened any
