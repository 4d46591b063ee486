"""What it costs to look: on an empty table, and on one in which much has run and much is far away."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks import stack, work
from benchmarks.figures import Measured
from benchmarks.parts.stages import LIMITS
from events import clock, dispatch, sweeping

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench

WARM = 10  # the first statements of a connection are prepared, and not counted


def measure(bench: Bench) -> Measured:
    """Milliseconds of a claim, and of a pass with all that recovery asks: the median of many in each run."""
    found = Measured()
    with stack.fresh():
        _looks(found, bench, "an empty table")
    name, rows = bench.filled()
    with stack.using(name):
        _looks(found, bench, f"{rows:,} stored rows")
    return found


def _looks(found: Measured, bench: Bench, where: str) -> None:
    work.analyze()
    origin = work.origin()  # read once: what the clock is asked is no part of a claim
    looks: dict[str, Callable[[], object]] = {
        "a claim": lambda: dispatch.claim_due(limits=LIMITS, origin=origin),
        "a pass": lambda: sweeping.one_pass(clock=clock.now, sweeper="benchmark"),
    }
    for name, look in looks.items():
        runs = [_milliseconds(look, bench.size.claims) for _ in bench.runs(f"{name}, {where}")]
        found.add(f"{name} that finds nothing, {where}", "ms", runs)


def _milliseconds(look: Callable[[], object], count: int) -> float:
    took = []
    for _ in range(WARM + count):
        begin = time.perf_counter()
        look()
        took.append(1000 * (time.perf_counter() - begin))
    return statistics.median(took[WARM:])
