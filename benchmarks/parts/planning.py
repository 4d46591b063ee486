"""`benchmarks.planning`, on a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import planning, stack
from benchmarks.figures import Measured

if TYPE_CHECKING:
    from benchmarks.bench import Bench


def measure(bench: Bench) -> Measured:
    """Seconds of each plan, and rows a second where it wrote any; PostgreSQL's part of the CPU is told beside it."""
    people, runs = bench.size.people, bench.size.planning_runs
    bench.tell(f"{people:,} people, {runs} run(s)")
    with stack.fresh():
        plans = planning.measure(people, runs)
    found = Measured(notes=[f"{people:,} people, and a tenth as many personal rules."])
    for name, took in plans.items():
        found.add(name, "s", [one.seconds for one in took])
        if any(one.rows for one in took):
            found.add(f"{name}: rows written", "a second", [one.rows / one.seconds for one in took])
    return found
