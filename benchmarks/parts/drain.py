"""Rows due together, with a handler that takes sets and with one that is called row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> Measured:
    """Rows a second, and CPU seconds per 1,000 of all processes."""
    found, rows = Measured(), bench.size.rows
    with stack.fresh(), stack.processes("sweeper", *stack.WORKERS):
        work.people("drain", rows)
        live.warm_up("noop-batch")
        for handler in ("noop-batch", "noop-single"):
            fired = [live.together("drain", handler) for _ in bench.runs(f"{handler}, {rows:,} rows")]
            found.add(f"{handler}, {rows:,} due together", "a second", [one.per_second for one in fired])
            found.add(f"{handler}, CPU per 1,000", "s", [one.cpu_per_1000 for one in fired])
    return found
