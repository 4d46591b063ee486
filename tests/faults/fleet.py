"""The live processes: two beats, two sweepers, four workers, each in a group of its own, to be hurt one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import psutil

from scheduler_project.env import environment
from scheduler_project.local.processes import STOP_SECONDS, Program, programs
from tests.harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent.parent
# Each is one of the programs of `make up`, as it is there, under a name of its own.
BEATS = ("beat-1", "beat-2")
SWEEPERS = ("sweeper-1", "sweeper-2")
WORKERS = ("worker-1", "worker-2", "worker-3", "worker-4")
MODELS = {
    **{name: name for name in BEATS},
    **dict.fromkeys(SWEEPERS, "sweeper"),
    **dict(zip(WORKERS, ("worker-1", "worker-2") * 2, strict=True)),
}
START_SECONDS = 60
NOTHING: Mapping[str, str] = MappingProxyType({})


class Member:
    """One started process, its log, and the guard that ends it and its children however the rig ends."""

    def __init__(self, command: list[str], variables: Mapping[str, str], log: Path, folder: Path) -> None:
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command,
                env={**variables, "PYTHONUNBUFFERED": "1"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = Guard(-self.process.pid, None, signal="KILL")

    @property
    def alive(self) -> bool:
        """Whether its main process lives."""
        return self.process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it said so; a beat that lives is ready."""
        text = self.log.read_text(errors="replace")
        return "ready." in text or "beat: Starting" in text

    def signal_all(self, number: int) -> None:
        """A signal to the process and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def children(self) -> list[psutil.Process]:
        """The pool's processes, oldest first."""
        try:
            return sorted(psutil.Process(self.process.pid).children(), key=lambda child: child.pid)
        except psutil.NoSuchProcess:
            return []

    def end(self) -> None:
        """kill -9 to whatever is left of it."""
        self.signal_all(signal.SIGKILL)
        self.process.wait()  # while it is not waited for it counts as alive, and the guard would wait for it
        self._guard.release()


class Fleet:
    """The members by name. `variables` is their environment, `logs` the folder of what they say."""

    def __init__(self, variables: Mapping[str, str], logs: Path, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._variables, self._logs = dict(variables), logs
        self._settings: dict[str, str] = {}
        self._members: dict[str, Member] = {}
        self._odd: set[str] = set()
        self._strays: list[Member] = []
        self._numbers = count(1)
        known = {program.name: program for program in programs(environment(ROOT), login="operator:secret")}
        self._programs = {name: _renamed(known[MODELS[name]], name) for name in MODELS}

    def start(self, *names: str, folder: Path = ROOT, odd: Mapping[str, str] = NOTHING) -> None:
        """Start these, without waiting; from another folder or with an odd environment only until they are mended."""
        for name in names:
            log = self._logs / f"{next(self._numbers):03}-{name}.log"
            variables = {**self._variables, **self._settings, **odd}
            self._members[name] = Member(self._programs[name].command, variables, log, folder)
            if odd or folder != ROOT:
                self._odd.add(name)

    def adopt(self, settings: Mapping[str, str]) -> None:
        """Have these settings besides the usual from now on; ends everybody if they are others than before."""
        if settings != self._settings:
            self._settings = dict(settings)
            self.close()

    def mend(self) -> None:
        """Start whoever is not alive, replace whoever is odd, and wait until all are ready."""
        self.stop(*self._odd)
        for name in self.names:
            if name not in self._members or not self._members[name].alive:
                self.kill(name)
                self.start(name)
        self.wait_until_ready()

    def wait_until_ready(self, *names: str) -> None:
        """Wait for these, or for all; RuntimeError with the log of who is not ready in time."""
        give_up = time.monotonic() + START_SECONDS
        for name in names or self.names:
            member = self._members[name]
            while not member.ready:
                if not member.alive or time.monotonic() > give_up:
                    raise RuntimeError(f"{name} did not start:\n{member.log.read_text()[-3000:]}")
                time.sleep(0.1)

    def kill(self, name: str) -> None:
        """kill -9 to a member and all its children, as a machine's end would; nothing if it is gone."""
        member = self._members.pop(name, None)
        self._odd.discard(name)
        if member is not None:
            member.end()

    def children(self, name: str) -> list[psutil.Process]:
        """The processes of a member's pool."""
        return self._members[name].children()

    def kill_child(self, name: str) -> None:
        """kill -9 to the children of a member's pool; its main process lives."""
        for child in self.children(name):
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def kill_main(self, name: str) -> None:
        """kill -9 to a member's main process; its children are left behind."""
        member = self._members.pop(name)
        self._odd.discard(name)
        member.process.kill()
        member.process.wait()
        self._strays.append(member)

    def freeze(self, name: str) -> None:
        """SIGSTOP to a member and its children."""
        self._members[name].signal_all(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT to a member and its children."""
        self._members[name].signal_all(signal.SIGCONT)

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to these members' main processes; their exit codes once they have ended by themselves."""
        members = {name: self._members.pop(name) for name in names}
        self._odd -= set(names)
        for member in members.values():
            member.process.terminate()
        try:
            return {name: member.process.wait(STOP_SECONDS) for name, member in members.items()}
        finally:
            for member in members.values():
                member.end()

    def close(self) -> None:
        """End everything at once."""
        for member in (*self._members.values(), *self._strays):
            member.end()
        self._members.clear()
        self._strays.clear()
        self._odd.clear()


def _renamed(program: Program, name: str) -> Program:
    command = [part.replace(f"{program.name}@", f"{name}@") for part in program.command]
    return replace(program, name=name, command=command)
