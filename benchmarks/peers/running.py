"""A peer's processes, which end however the measurement ends, and the CPU time of everything that works for it."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import cpu
from benchmarks.peers.peer import NotMeasured
from tests.harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.peers.rooms import Room


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer works: its room, its environment, a folder for its logs, and the folder of the servers."""

    room: Room
    variables: dict[str, str]
    folder: Path
    servers: Path

    def run(self, command: tuple[str, ...], *, seconds: float) -> None:
        """Run a program to its end; raises NotMeasured if it fails or takes longer."""
        with self.started(command) as process:
            try:
                code = process.wait(timeout=seconds)
            except subprocess.TimeoutExpired as error:
                raise NotMeasured(why=f"{' '.join(command[:2])} took longer than {seconds:.0f} s") from error
        if code:
            raise NotMeasured(why=f"{' '.join(command[:2])} failed: {self.said()}")

    @contextmanager
    def started(self, command: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
        """A program that runs until the block ends: then it is asked to stop, and ended if it does not."""
        with (self.folder / "output.log").open("ab") as log:
            process = subprocess.Popen(
                [self.room.interpreter, *command],
                cwd=self.room.folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that its children end with it
            )
        guard = Guard(-process.pid, None, signal="TERM")
        try:
            yield process
        finally:
            guard.begin()
            process.wait()
            guard.release()

    @contextmanager
    def all_started(self, commands: tuple[tuple[str, ...], ...]) -> Iterator[list[subprocess.Popen[bytes]]]:
        """All of them, as `started`."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.started(command)) for command in commands]

    def said(self) -> str:
        """The last line that any of its programs wrote."""
        lines = (self.folder / "output.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"

    def cpu(self) -> float:
        """CPU seconds so far of the servers and of all that this process started, ended processes included."""
        return cpu.seconds(self.servers / "postgres")
