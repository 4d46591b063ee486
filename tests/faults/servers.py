"""Servers that can be broken: a durable PostgreSQL and a RabbitMQ node of the rig's own."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from events.errors import PunctualError
from scheduler_project.local.postgres import EmbeddedPostgres
from tests.harness.guard import Guard
from tests.harness.rabbitmq import HOW_TO_GET_IT, RabbitNode, installed_server

if TYPE_CHECKING:
    from collections.abc import Iterator

# What is committed must survive a crash, so nothing is taken from durability; few connections, so that they run out.
DURABLE = {"max_connections": "60", "shared_buffers": "64MB", "checkpoint_timeout": "30s"}
STOP_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class DurablePostgres:
    """A PostgreSQL that keeps what it committed, whatever is done to it. `remove()` ends it and its folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="punctual-faults-"))
        self._folder.chmod(0o755)
        self._start()

    @property
    def url(self) -> str:
        """Its DATABASE_URL, the same after every restart."""
        return self._server.url

    def _start(self) -> None:
        self._server = EmbeddedPostgres(self._folder / "data", options=DURABLE)
        self._server.start()
        self._guard = Guard(self._server.pid, self._folder, signal="QUIT")

    def restart(self, mode: str) -> None:
        """Stop it, `fast` or `immediate` (as in a crash), and start it with the data it had."""
        postmaster = psutil.Process(self._server.pid)
        postmaster.send_signal(STOP_SIGNALS[mode])
        postmaster.wait(60)
        kept = self._folder.with_suffix(".kept")
        self._folder.rename(kept)
        self._guard.release()
        kept.rename(self._folder)
        self._start()

    def remove(self) -> None:
        """End it and remove its data."""
        self._guard.release()


class BreakableNode(RabbitNode):
    """A RabbitMQ node that can also crash, freeze, and be told by rabbitmqctl."""

    def crash(self) -> None:
        """kill -9; `start()` brings it back with what it had on disk."""
        self._signal(signal.SIGKILL)
        self.kill()

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl; what it printed."""
        script = Path(self._script).parent / "rabbitmqctl"
        return subprocess.run(
            [str(script), "--quiet", *arguments],
            env=os.environ | self._environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def messages(self, *queues: str) -> int:
        """How many messages these queues have, with those that workers are at."""
        lines = self.control("list_queues", "name", "messages", "--no-table-headers").splitlines()
        return sum(int(count) for name, count in (line.split() for line in lines) if name in queues)

    def _signal(self, number: int) -> None:
        assert self._group is not None
        os.killpg(self._group.pid, number)


class NoBroker(PunctualError):
    """There is no RabbitMQ to break: {remedy}."""


@contextmanager
def servers() -> Iterator[tuple[DurablePostgres, BreakableNode]]:
    """Both servers, started side by side; raises NoBroker."""
    script = installed_server()
    if script is None:
        raise NoBroker(remedy=HOW_TO_GET_IT)
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        node = BreakableNode(script)
        stack.callback(node.stop)
        ready = pool.submit(node.start)
        postgres = DurablePostgres()
        stack.callback(postgres.remove)
        ready.result()
        yield postgres, node
