"""All processes of `make up` but Flower, with nothing to do: beat's ticks, the sweeps that they wake, heartbeats."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from benchmarks import cpu, live, stack
from benchmarks.figures import Measured

if TYPE_CHECKING:
    from benchmarks.bench import Bench

NAMES = ("beat-1", "beat-2", "sweeper", "web", *stack.WORKERS)
SETTLE_SECONDS = 10


def measure(bench: Bench) -> Measured:
    """CPU by process, with its children, in percent of one core; the last line is all of them."""
    seconds = bench.size.idle_seconds
    with stack.fresh(), stack.processes(*NAMES) as running:
        live.warm_up("noop-batch")
        bench.tell("waiting until it is quiet")
        time.sleep(min(SETTLE_SECONDS, seconds))
        bench.tell(f"nothing to do for {seconds} s")
        before, begun = cpu.by_root(stack.server_folder()), time.monotonic()
        time.sleep(seconds)
        after, took = cpu.by_root(stack.server_folder()), time.monotonic() - begun
    used = {root: 100 * (after[root] - before.get(root, 0.0)) / took for root in after}
    found = Measured()
    for name, percent in {**by_name(used, running), "everything": sum(used.values())}.items():
        found.add(name, "% of a core", [percent])
    return found


def by_name(used: dict[int | str, float], running: dict[str, int]) -> dict[str, float]:
    """What is neither of ours nor PostgreSQL is the broker, with the guards that wait beside everything."""
    known = {name: used[pid] for name, pid in running.items()} | {cpu.DATABASE: used[cpu.DATABASE]}
    rest = sum(used.values()) - sum(known.values())
    return known | {"RabbitMQ" if "CELERY_BROKER_URL" in os.environ else "the rest": rest}
