"""Each stage alone, in this process, one connection: rows a second."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import work
from events import clock, dispatch, execution, handling

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.dispatch import Chunk

LIMITS = dispatch.Limits(batch=2000, chunk=500, workers=2, lease=timedelta(minutes=10))


def measure(count: int) -> dict[str, float]:
    """Rows a second of plan, claim, and start + settle, for `count` rows, each stage alone on one connection."""
    work.people("stage", count)
    due_at = clock.now() + timedelta(seconds=1)
    planned = timed(lambda: work.due_rows("stage", "noop-batch", due_at))
    time.sleep(1)
    chunks: list[Chunk] = []
    claimed = timed(lambda: chunks.extend(_claim_all()))
    ran = timed(lambda: _run_all(chunks))
    return {
        "plan": count / planned,
        "claim": count / claimed,
        "start + settle": count / ran,
    }


def timed(work_: Callable[[], object]) -> float:
    """Seconds that it took."""
    begin = time.perf_counter()
    work_()
    return time.perf_counter() - begin


def _claim_all() -> list[Chunk]:
    chunks: list[Chunk] = []
    while found := dispatch.claim_due(limits=LIMITS, origin=work.origin()).chunks:
        chunks += found
    return chunks


def _run_all(chunks: list[Chunk]) -> None:
    bench = execution.Bench(clock=clock.now, worker="worker:benchmark")
    for chunk in chunks:
        order = execution.ChunkOrder(chunk.token, chunk.correlation_id, chunk.ids)
        execution.run_chunk(order, handling.get(chunk.handler), bench)
