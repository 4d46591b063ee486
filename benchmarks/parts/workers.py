"""Whether more workers do more: a handler that waits as for a receiver, 16 calls at once in each worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured

if TYPE_CHECKING:
    from benchmarks.bench import Bench

HOW_MANY = {1: "worker-2", 2: "worker-1", 3: "worker-3", 4: "worker-4"}
WARM = 200


def measure(bench: Bench) -> Measured:
    """Rows a second to the last commit, and CPU seconds per 1,000, with one, two and four."""
    found = Measured()
    for count in (1, 2, 4):
        names = [HOW_MANY[number] for number in range(1, count + 1)]
        rows = bench.size.waiting_rows * count  # so that each has as much to do
        with (
            stack.fresh(),
            stack.processes("sweeper", *names, settings={"PUNCTUAL_WORKERS": str(count)}),
        ):
            work.people("waiting", rows)
            live.warm_up("waiting", rows=WARM * count)
            fired = [live.together("waiting", "waiting") for _ in bench.runs(f"{count}, {rows:,} rows")]
        found.add(f"worker processes: {count}", "a second", [one.per_second for one in fired])
        found.add(f"the same, CPU per 1,000: {count}", "s", [one.cpu_per_1000 for one in fired])
    return found
