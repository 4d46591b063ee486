"""What is said of a peer, so that one program can drive all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from events.errors import PunctualError

WORKERS = 2


class NotMeasured(PunctualError):
    """{why}"""


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: how it is driven, how its jobs are counted, and what a reader of its figures must know.

    Commands are the arguments of its room's interpreter; `fill` is given the number of jobs and the instant when they
    are due, in epoch seconds. `done` is the table and condition of finished jobs, of which the commit's own time is
    read; where it is empty, nothing is kept and the jobs themselves tell when they were called.
    """

    name: str
    title: str
    package: str
    room: Literal["python", "node"]
    prepare: tuple[str, ...]
    fill: tuple[str, ...]
    processes: tuple[tuple[str, ...], ...]
    # For the reader.
    history: str
    batch: str
    advice: str
    page: str
    # How its jobs are counted.
    done: str = ""
    left: str = ""  # the table of jobs that are not done yet, where `done` is empty and there is one
    # Its own limits.
    fills: int = 5_000  # jobs a second that can be put in surely
    most: int | None = None  # no more rows than this: it would take too long
    needs_broker: bool = False
    publishes: bool = False  # keeps no due times: `fill` starts when they are due, and is part of the work
    fills_first: bool = False  # reads its jobs when it starts

    @property
    def counted(self) -> str:
        """To what its lateness is taken."""
        return "commit" if self.done else "call"
