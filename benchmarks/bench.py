"""What a part is given to measure with: how much, the servers, and a way to say how far it is."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.sizes import Size

# A slab of what is stored: so many rows, nine tenths of them final.
SLAB = 100_000
PEOPLE = 20_000


@dataclass(slots=True)
class Bench:
    """One for all parts. `kept` holds what several of them use, until the last has ended."""

    variables: dict[str, str]
    size: Size
    tell: Callable[[str], None]
    kept: ExitStack
    _filled: tuple[str, int] | None = field(default=None)

    def runs(self, what: str, runs: int | None = None) -> Iterator[int]:
        """The numbers of the runs, each of which is told of when it begins."""
        wanted = runs or self.size.runs
        for run in range(1, wanted + 1):
            self.tell(f"{what}, run {run} of {wanted}")
            yield run

    def filled(self) -> tuple[str, int]:
        """A database with stored rows, filled when it is first asked for; its name, and how many rows there are.

        Nine tenths have run, one tenth waits for a time ten years from now. There are as many as were asked for, or as
        could be written in the time that was allowed.
        """
        if self._filled is None:
            name = self.kept.enter_context(stack.database())
            with stack.using(name):
                self._filled = name, self._fill()
        return self._filled

    def _fill(self) -> int:
        from benchmarks.work import analyze, origin
        from events.management import loads

        wanted, made, end = self.size.stored, 0, time.monotonic() + self.size.fill_seconds

        def tell(rows: int) -> None:
            nonlocal made
            made += rows
            self.tell(f"filling a database: {made:,} rows of {wanted:,}")

        loads.make_people(min(PEOPLE, wanted), tell=lambda _: None)
        common: dict[str, Any] = {"handler": "noop-batch", "people": loads.number_people(), "tell": tell}
        while made < wanted and time.monotonic() < end:
            slab = min(SLAB, wanted - made)
            loads.make_future(slab // 10, origin=origin(), **common)
            loads.make_past(slab - slab // 10, failed=0, origin=origin(), **common)
        analyze()
        return made
