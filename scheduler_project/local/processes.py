"""The processes of a local run, and the runner that starts, watches and stops them."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from honcho import manager
from honcho.printer import Printer

if TYPE_CHECKING:
    from scheduler_project.env import Environment

# Longer than a worker needs to finish the set it is at (docs/adr/0003-graceful-stop.md).
STOP_SECONDS = 30
SIGNALLED = {130, 143}


@dataclass(frozen=True)
class Program:
    """One process: its name in the logs, its command, and what it alone must know."""

    name: str
    command: list[str]
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Welcome:
    """What a person needs once everything answers."""

    host: str
    web_port: int
    flower_port: int
    login: str
    password: str

    def __str__(self) -> str:
        return (
            f"Punctual is up.\n"
            f"  admin    http://{self.host}:{self.web_port}/admin/\n"
            f"  account  http://{self.host}:{self.web_port}/account/\n"
            f"  API      http://{self.host}:{self.web_port}/api/v1/docs\n"
            f"  flower   http://{self.host}:{self.flower_port}/\n"
            f"  login    {self.login} / {self.password}\n"
            f"Ctrl-C stops everything.\n"
        )


def programs(settings: Environment, *, login: str) -> list[Program]:
    """Web, sweeper, two workers, two beats, Flower."""
    address = f"{settings.web_host}:{settings.web_port}"
    concurrency = settings.worker_concurrency
    return [
        # preload: a broken setting ends the run at once instead of one worker after another
        Program(
            "web",
            _python(
                "gunicorn",
                f"scheduler_project.wsgi --bind {address} --threads 4 --preload --no-control-socket",
            ),
        ),
        _worker("sweeper", "sweep", 1),
        _worker("worker-1", "live", concurrency),
        _worker("worker-2", "live,catchup,maintenance", concurrency),
        _beat("beat-1"),
        _beat("beat-2"),
        Program(
            "flower",
            _celery(f"flower --address={settings.web_host} --port={settings.flower_port} --max-tasks=10000"),
            # in the environment, because everybody can read a command line
            secrets={"FLOWER_BASIC_AUTH": login},
        ),
    ]


def _python(module: str, arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *shlex.split(arguments)]


def _celery(arguments: str) -> list[str]:
    return _python("celery", f"--quiet --app scheduler_project {arguments}")


def _worker(name: str, queues: str, concurrency: int) -> Program:
    # Gossip and mingle speak to other workers about nothing that we use.
    quiet = "--without-gossip --without-mingle --task-events --heartbeat-interval 10"
    return Program(
        name, _celery(f"worker --hostname {name}@%h --queues {queues} --concurrency {concurrency} {quiet}")
    )


def _beat(name: str) -> Program:
    return Program(name, _celery("beat --pidfile="))


class LeaderSignals:
    """Ends a process by its leader: a worker's main process must outlive its children to return their work."""

    def terminate(self, pid: int) -> None:
        """Ask for a graceful stop."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        """End the leader and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


class Runner(manager.Manager):
    """honcho's manager, with a stop that lets workers finish, and sentences for people."""

    def __init__(self, welcome: Welcome) -> None:
        super().__init__(Printer(sys.stdout))
        self._procmgr = LeaderSignals()
        self._welcome = welcome
        self._died = ""

    def add(self, program: Program) -> None:
        """Have the program started by run()."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **program.secrets}
        # exec: the leader is the program itself and no shell that would swallow the signal
        self.add_process(program.name, f"exec {shlex.join(program.command)}", env=environment)

    def run(self) -> int:
        """0 after a signal, 1 after a process died."""
        manager.KILL_WAIT = STOP_SECONDS
        self.loop()
        if self._died:
            self._system_print(
                f"{self._died} ended by itself, so everything was stopped. Its last lines are above.\n"
            )
            return 1
        self._system_print("Everything is stopped. `make up` carries on from here.\n")
        return 0

    def terminate(self) -> None:
        """Stop all, once; remember who died if nobody asked."""
        if not self._terminating and self.returncode not in SIGNALLED:
            self._died = next((name for name, each in self._processes.items() if "returncode" in each), "")
        super().terminate()

    def _killall(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's signature
        for each in self._processes.values():
            pid = each.get("pid")
            if pid is not None and "returncode" not in each:
                (self._procmgr.kill if force else self._procmgr.terminate)(pid)

    def _start(self) -> None:
        super()._start()
        threading.Thread(target=self._greet, daemon=True).start()

    def _greet(self) -> None:
        for port in (self._welcome.web_port, self._welcome.flower_port):
            while not _answers(self._welcome.host, port):
                if self._terminating:
                    return
                time.sleep(0.2)
        self._system_print(str(self._welcome))


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
