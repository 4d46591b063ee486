"""What an experiment is: the work, what is done to it and when, and what must be found afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.faults.streams import Stream, mix

if TYPE_CHECKING:
    from tests.faults.history import History
    from tests.faults.rig import Rig


@dataclass(frozen=True)
class Step:
    """Something that is done `at` so many seconds after the first row was due.

    `hits` is how many workers may lose by it what they are at: it bounds what may be repeated or be left unknown.
    """

    at: float
    sentence: str
    act: Callable[[Rig], object]
    hits: int = 0


@dataclass(frozen=True)
class Found:
    """What an expectation judges: the history, the rig with its notes, and how many workers were hit."""

    history: History
    rig: Rig
    hits: int


Expectation = Callable[[Found], Iterator[str]]
Plan = Callable[[Random], list[Step]]


@dataclass(frozen=True)
class Experiment:
    """One row of the table. `patience` is how many seconds may pass from the last due row to the last end.

    `settings` are those in which the fleet differs from the usual; with `asleep` nothing runs while the work is
    planned, and it is for a step to start it.
    """

    name: str
    sentence: str
    steps: Plan
    expects: tuple[Expectation, ...]
    streams: tuple[Stream, ...] = mix()
    patience: float = 120
    settings: Mapping[str, str] = field(default_factory=dict)
    asleep: bool = False

    def schedule(self, seed: int) -> list[Step]:
        """The steps in their order: the same seed makes the same ones."""
        return sorted(self.steps(Random(f"{seed} {self.name}")), key=lambda step: step.at)
