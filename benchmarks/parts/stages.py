"""Each stage alone, in this process, one connection."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import stack, work
from benchmarks.figures import Measured
from events import clock, dispatch, execution, handling

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from events.dispatch import Chunk

LIMITS = dispatch.Limits(batch=8000, chunk=500, chunk_of_sets=2000, workers=2, lease=timedelta(minutes=10))


def measure(bench: Bench) -> Measured:
    """Rows a second of plan, claim, and start + settle."""
    rows = max(1, bench.size.rows // 2)
    with stack.fresh():
        work.people("stage", rows)
        runs = [_stages("stage", rows) for _ in bench.runs(f"{rows:,} rows")]
    found = Measured()
    for stage in runs[0]:
        found.add(f"{stage}, {rows:,} rows", "a second", [rows / run[stage] for run in runs])
    return found


def claimed(kind: str, rows: int) -> float:
    """Rows a second of the claim alone; they are run afterwards, so that nothing waits."""
    work.people(kind, rows)
    return rows / _stages(kind, rows)["claim"]


def _stages(kind: str, rows: int) -> dict[str, float]:
    """The seconds of each."""
    due_at = clock.now() + timedelta(seconds=1)
    planned = timed(lambda: work.due_rows(kind, "noop-batch", due_at))
    time.sleep(max(0.0, (due_at - clock.now()).total_seconds()))
    chunks: list[Chunk] = []
    took = timed(lambda: chunks.extend(_claim_all()))
    seen = sum(len(chunk.ids) for chunk in chunks)
    assert seen == rows, f"{seen:,} of {rows:,} rows were claimed"
    return {"plan": planned, "claim": took, "start and settle": timed(lambda: _run_all(chunks))}


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
