"""Rows due at one instant: the lateness of their commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> Measured:
    """p50, p99 and the most, in seconds; and CPU seconds per 1,000."""
    found, rows = Measured(), bench.size.burst
    with stack.fresh(), stack.processes("sweeper", *stack.WORKERS):
        work.people("burst", rows)
        live.warm_up("noop-batch")
        fired = [live.together("burst", "noop-batch") for _ in bench.runs(f"{rows:,} rows")]
    for name, share in (("p50", 0.5), ("p99", 0.99), ("the last", 1.0)):
        found.add(f"{rows:,} due together, {name}", "s late", [one.late(share) for one in fired])
    found.add("CPU per 1,000", "s", [one.cpu_per_1000 for one in fired])
    return found
