"""A busy minute, in six slices: whether lateness grows through it. It is taken to the commit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured, quantile

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.live import Fired

SLICES = 6
PEOPLE = 20_000


def measure(bench: Bench) -> Measured:
    """p50 and p99 of each slice in seconds, how many were early (none may be), and CPU seconds per 1,000."""
    rows, seconds = bench.size.minute_rows, bench.size.minute_seconds
    with stack.fresh(), stack.processes("beat-1", "sweeper", *stack.WORKERS):
        work.people("minute", min(PEOPLE, rows))
        live.warm_up("noop-batch")
        bench.tell(f"{rows:,} rows over {seconds} s")
        fired = live.spread("minute", "noop-batch", rows=rows, lasts=timedelta(seconds=seconds))
    found = Measured()
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        for number, late in enumerate(sliced(fired, seconds)):
            begin, end = (seconds * edge / SLICES for edge in (number, number + 1))
            found.add(f"second {begin:.0f} to {end:.0f}, {name}", "s late", [quantile(late, share)])
    found.add("CPU per 1,000", "s", [fired.cpu_per_1000])
    found.notes.append(f"{rows:,} rows over {seconds} s.")
    if fired.early:
        found.wrong.append(f"{fired.early:,} of {rows:,} rows were started before they were due")
    return found


def sliced(fired: Fired, seconds: float) -> list[list[float]]:
    """By slice of the time in which the rows were due, how late each was committed, sorted."""
    slices: list[list[float]] = [[] for _ in range(SLICES)]
    for due, late in zip(fired.due, fired.committed, strict=True):
        slices[min(SLICES - 1, int(due * SLICES / seconds))].append(late)
    return [sorted(late) for late in slices]
