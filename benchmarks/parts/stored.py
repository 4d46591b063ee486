"""Whether it grows slower as more is stored: the same work on an empty table and on a filled one, in turn.

There and back again in each run: whoever comes second would else always have what the first left the machine with.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from benchmarks import live, stack, work
from benchmarks.figures import Measured, ratios
from benchmarks.parts import stages

if TYPE_CHECKING:
    from benchmarks.bench import Bench

WHAT = {"claim": "claim, one connection", "drain": "drain, two workers"}


def measure(bench: Bench) -> Measured:
    """Rows a second, and the ratio filled / empty run by run: 1 means that what is stored costs nothing."""
    filled, stored = bench.filled()
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for run in bench.runs(f"beside {stored:,} rows and beside none"):
        with stack.database() as empty:
            there = (("empty", empty), ("filled", filled))
            for turn, (where, name) in enumerate((*there, *reversed(there)), start=1):
                with stack.using(name):
                    rates["claim", where].append(
                        stages.claimed(f"claim-{run}-{turn}", bench.size.stored_rows)
                    )
                    rates["drain", where].append(_drained(f"drain-{run}-{turn}", bench.size.stored_rows))
    found = Measured()
    for what, title in WHAT.items():
        found.add(f"{title}, empty table", "a second", rates[what, "empty"])
        found.add(f"{title}, {stored:,} stored rows", "a second", rates[what, "filled"])
        found.add(f"{title}, filled / empty", "times", ratios(rates[what, "filled"], rates[what, "empty"]))
    return found


def _drained(kind: str, rows: int) -> float:
    with stack.processes("sweeper", *stack.WORKERS):
        work.people(kind, rows)
        live.warm_up("noop-batch", kind=f"{kind}-warm")
        return live.together(kind, "noop-batch").per_second
