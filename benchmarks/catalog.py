"""The parts of the measurement, in the order in which they run. Each is a module of its name in `benchmarks.parts`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.figures import Measured


@dataclass(frozen=True, slots=True)
class Part:
    """`sentence` says what is measured; lines of the unit `plotted` become a plot; `quick`: also in the quick run."""

    name: str
    sentence: str
    plotted: str = ""
    quick: bool = True

    def load(self) -> Callable[[Bench], Measured]:
        """What measures it; Django must be set up by then."""
        measure: Callable[[Bench], Measured] = import_module(f"benchmarks.parts.{self.name}").measure
        return measure


A_SECOND = "a second"
PARTS = (
    Part("stages", "Each stage alone, in one process on one connection.", A_SECOND),
    Part("drain", "Rows due together, from that instant to the last commit, by two workers.", A_SECOND),
    Part("burst", "How late rows that are due at one instant are committed.", "s late"),
    Part("steady", "100 rows a second, evenly: how late each attempt starts, and whether any starts early."),
    Part("minute", "Many rows due evenly over one minute: how late each slice of it is.", "s late"),
    Part(
        "idle",
        "What everything costs while nothing is due, in percent of one core.",
        "% of a core",
        quick=False,
    ),
    Part("quiet", "A claim, and a whole pass of a sweep, that find nothing due."),
    Part("stored", "Claim and drain beside many stored rows, against an empty table.", A_SECOND, quick=False),
    Part(
        "workers",
        "A handler that waits 20 ms, with one, two and four worker processes.",
        A_SECOND,
        quick=False,
    ),
    Part("planning", "Rows for all people at once, and for many personal rules.", "s"),
    Part("posts", "Triggers and messages over HTTP, beside a plain Django insert.", A_SECOND),
    Part("peers", "Others at the same work, on the same servers, in turn with ours.", A_SECOND, quick=False),
)
KNOWN = {part.name: part for part in PARTS}
