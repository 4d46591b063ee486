"""A peer's processes, which end however the measurement ends, and the CPU time of everything that works for it."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

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
        """CPU seconds so far of the servers and of all that this process started, ended processes included.

        A process's time goes to its parent when it ends, so the sum forgets nobody. This process's own is left out.
        """
        mine = psutil.Process(os.getpid())
        postmasters = [each for each in psutil.process_iter(["cmdline"]) if self._is_server(each)]
        total = 0.0
        for parent in (mine, *postmasters):
            for each in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    used = each.cpu_times()
                    own = 0.0 if each.pid == mine.pid else used.user + used.system
                    total += own + used.children_user + used.children_system
        return total

    def _is_server(self, process: psutil.Process) -> bool:
        # It was started by pg_ctl and so is no child of this process. Its own children have other command lines.
        return str(self.servers / "postgres") in (process.info["cmdline"] or ())
