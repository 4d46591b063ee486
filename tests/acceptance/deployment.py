"""The processes of `make up`, as they are, against a test's servers."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.env import environment
from scheduler_project.local.processes import STOP_SECONDS, Program, programs

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent.parent


class Deployment:
    """Started processes by name; each leads a group of its own, as under the local runner."""

    def __init__(self, variables: Mapping[str, str], logs: Path) -> None:
        self.variables = dict(variables)
        self.logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, *command: str) -> str:
        """Run a management command beside the processes; what it printed."""
        done = subprocess.run(
            [str(ROOT / ".venv/bin/python"), "manage.py", *command],
            env=self.variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *names: str) -> None:
        """Start the programs of these names."""
        with _environment(self.variables):
            known = {
                program.name: program for program in programs(environment(ROOT), login="operator:secret")
            }
        for name in names:
            self._processes[name] = self._start(known[name])

    def _start(self, program: Program) -> subprocess.Popen[bytes]:
        with (self.logs / f"{program.name}.log").open("ab") as log:
            return subprocess.Popen(
                program.command,
                env={**self.variables, **program.secrets},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """SIGKILL to a program and all its children, as a machine's end would."""
        os.killpg(self._processes[name].pid, signal.SIGKILL)
        self._processes.pop(name).wait()

    def stop(self) -> dict[str, int]:
        """SIGTERM to every leader; their exit codes. Who does not end in time is killed, and so is not 0."""
        for process in self._processes.values():
            process.terminate()
        codes = {name: self._ended(process) for name, process in self._processes.items()}
        self._processes.clear()
        return codes

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    def told(self) -> str:
        """The end of every process's log: what a failed test should show."""
        parts = [f"--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.logs.glob("*.log"))]
        return "\n".join(parts)


class _environment:  # noqa: N801 - used like a function
    """These environment variables and no others, for a while."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self._variables)

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)
