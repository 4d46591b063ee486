"""How far the measurement is: a line for each part in a terminal that moves, plain lines elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


class Teller:
    """Of so many parts; `done` after each of them."""

    def __init__(self, console: Console, parts: int) -> None:
        self._console, self._moves = console, console.is_terminal
        self._bar = Progress(
            SpinnerColumn(), BarColumn(bar_width=20), MofNCompleteColumn(), TextColumn("{task.description}"),
            TimeElapsedColumn(), console=console, transient=True, refresh_per_second=2,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=parts)

    @contextmanager
    def shown(self) -> Iterator[Callable[[str], None]]:
        """Until the block ends; gives what tells of a step."""
        if not self._moves:
            yield self._console.print
            return
        with self._bar:
            yield lambda text: self._bar.update(self._task, description=text)

    def done(self) -> None:
        """One part more is over."""
        self._bar.advance(self._task)
