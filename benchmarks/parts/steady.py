"""A steady stream of rows. Lateness is that of the attempt's start; that of the commit stands beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.bench import Bench

A_SECOND = 100
MS = 1000


def measure(bench: Bench) -> Measured:
    """p50, p99 and the most in ms, how many were early (none may be), and CPU in percent of one core."""
    seconds = bench.size.steady_seconds
    with stack.fresh(), stack.processes("beat-1", "sweeper", *stack.WORKERS):
        work.people("steady", A_SECOND * 10)
        live.warm_up("noop-batch")
        bench.tell(f"{A_SECOND} rows a second for {seconds} s")
        rows, lasts = A_SECOND * seconds, timedelta(seconds=seconds)
        fired = live.spread("steady", "noop-batch", rows=rows, lasts=lasts)
    found = Measured()
    _lateness(found, "start", fired.started)
    _lateness(found, "commit", fired.committed)
    found.add("started early", "rows", [fired.early])
    found.add("CPU meanwhile", "% of a core", [100 * fired.cpu / seconds])
    if fired.early:
        found.wrong.append(f"{fired.early:,} of {rows:,} rows were started before they were due")
    return found


def _lateness(found: Measured, what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("the latest", 1.0)):
        found.add(f"{what}, {name}", "ms late", [MS * quantile(ordered, share)])
