"""Handlers whose effect is outside: many calls at once, each row started just before its own call."""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from django.db import connections

from events import transitions
from events.handling import Kind, Retry, Unsure
from events.lifecycle import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from events.execution.chunks import ChunkRun
    from events.handling import HandlerContext, Outcome
    from events.transitions import Started

logger = logging.getLogger(__name__)


def run_calls(chunk: ChunkRun) -> None:
    """Keep `concurrency` calls going until the chunk is done; give back what a stop or the budget leaves unstarted."""
    waiting = deque(chunk.order.ids)
    running: dict[Future[Outcome], Started] = {}
    begun = chunk.bench.clock()
    with ThreadPoolExecutor(max_workers=chunk.handler.concurrency) as pool:
        while waiting or running:
            _close_early(chunk, waiting, begun)
            _fill(chunk, pool, waiting, running)
            _collect(chunk, running)


def _close_early(chunk: ChunkRun, waiting: deque[int], begun: datetime) -> None:
    if not waiting:
        return
    if chunk.bench.stopping():
        reason = Reason.WORKER_STOPPING
    elif chunk.bench.clock() - begun > chunk.bench.budget:
        reason = Reason.BUDGET_SPENT
    else:
        return
    chunk.give_back(waiting, reason)
    waiting.clear()


def _fill(
    chunk: ChunkRun,
    pool: ThreadPoolExecutor,
    waiting: deque[int],
    running: dict[Future[Outcome], Started],
) -> None:
    ids = [waiting.popleft() for _ in range(min(len(waiting), chunk.handler.concurrency - len(running)))]
    if not ids:
        return
    rows = chunk.start(ids)
    if len(rows) < len(ids):
        chunk.give_back(ids, Reason.START_REFUSED)
    for row in rows:
        running[pool.submit(_call, chunk, chunk.context(row))] = row


def _collect(chunk: ChunkRun, running: dict[Future[Outcome], Started]) -> None:
    if not running:
        return
    renew_after = (chunk.handler.timeout + chunk.bench.lease_margin) / 3
    done, _ = wait(running, timeout=renew_after.total_seconds(), return_when=FIRST_COMPLETED)
    if done:
        chunk.settle([(running.pop(future), future.result()) for future in done])
    else:
        _renew(chunk, running.values())


def _renew(chunk: ChunkRun, rows: Iterable[Started]) -> None:
    origin = chunk.origin()
    transitions.renew(
        [row.id for row in rows],
        token=chunk.order.token,
        lease_until=chunk.lease_until(origin),
        origin=origin,
    )


def _call(chunk: ChunkRun, context: HandlerContext) -> Outcome:
    """One call, in a thread. An exception is a retry, unless a second call would be a second effect."""
    try:
        return chunk.handler.handle(context)
    except Exception as error:  # the isolation point: one row's failure is its own outcome
        logger.exception(
            "handler %s raised for occurrence %s",
            chunk.handler.name,
            context.occurrence_id,
        )
        why = f"{type(error).__name__}: {error}"
        return Unsure(why) if chunk.handler.kind is Kind.NON_IDEMPOTENT else Retry(why)
    finally:
        connections.close_all()  # a thread's own, if the handler opened any
