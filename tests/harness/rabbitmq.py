"""A private RabbitMQ node, from the installed rabbitmq-server: own ports, own folder, modest memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from kombu import Connection

from scheduler_project.celery import DEAD_QUEUE, QUEUES
from tests.harness.guard import Guard

HOW_TO_GET_IT = "no rabbitmq-server is installed; get it with: apt-get install rabbitmq-server"
# Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq; the script behind it runs as anybody.
PLACES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
START_SECONDS = 60
ONE_THREAD = "+S 1:1 +SDcpu 1:1 +SDio 4 +A 4"
NO_BUSY_WAITING = "+sbwt none +sbwtdcpu none +sbwtdio none"
# Each quorum queue looks after itself so often, in ms; by default every five seconds, which idle nodes are busy with.
SELDOM_TICKS = "-rabbit quorum_tick_interval 60000"
CONFIGURATION = """
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users = none
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
raft.wal_max_size_bytes = 32000000
log.console = false
log.file.level = warning
"""


def installed_server() -> str | None:
    """The path of the script that starts a node, or None."""
    for place in PLACES:
        if os.access(f"{place}/rabbitmq-server", os.X_OK):
            return f"{place}/rabbitmq-server"
    return shutil.which("rabbitmq-server")


def free_ports(count: int) -> list[int]:
    """Ports on the loopback interface that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class RabbitNode:
    """One node. `stop()`, or the end of the tests, ends its processes and removes its folder.

    `kill()` and `start()` again: the broker's crash and return, on the same port with the same data.
    """

    def __init__(self, script: str) -> None:
        self._script = script
        self._folder = Path(tempfile.mkdtemp(prefix="punctual-rabbitmq-"))
        self._port, self._distribution, self._epmd = free_ports(3)
        (self._folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=self._port))
        (self._folder / "enabled_plugins").write_text("[].\n")
        self._group: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    @property
    def url(self) -> str:
        """Its CELERY_BROKER_URL."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        """Start the node and wait until it takes connections; raises RuntimeError with its log if it does not."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "start.log").open("ab") as log:
            # Both in one process group of their own, so that one signal ends both. epmd stays in the foreground.
            self._group = subprocess.Popen(
                ["sh", "-c", 'epmd -port "$ERL_EPMD_PORT" & exec "$0"', self._script],
                env=os.environ | self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # Not KILL: the node must end its own helpers, which have left its process group.
        self._guard = Guard(-self._group.pid, self._folder, signal="TERM")
        self._wait_until_ready()

    def forget_queues(self) -> None:
        """Delete the queues of the app, with whatever earlier tests left in them."""
        with Connection(self.url) as connection, connection.channel() as channel:
            for queue in (*QUEUES, DEAD_QUEUE):
                channel.queue_delete(queue.name)

    def kill(self) -> None:
        """End the node at once, as a crash would, and keep its data for the next start()."""
        kept = self._folder.with_suffix(".kept")
        self._folder.rename(kept)
        self.stop()
        kept.rename(self._folder)

    def stop(self) -> None:
        """End the node and remove its folder."""
        if self._group is None or self._guard is None:
            return
        self._guard.begin()
        self._group.wait()
        self._guard.release()
        self._group = self._guard = None

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "HOME": folder,  # the Erlang cookie
            "RABBITMQ_NODENAME": f"punctual{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            # one scheduler thread, and no busy waiting: the tests need the cores
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{ONE_THREAD} {SELDOM_TICKS}",
            # in the environment, where the Erlang reads it too that the node starts each minute to look for epmd
            "ERL_ZFLAGS": NO_BUSY_WAITING,
        }

    def _wait_until_ready(self) -> None:
        assert self._group is not None
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and self._group.poll() is None:
            try:
                with Connection(self.url, connect_timeout=2) as connection:
                    connection.connect()
                    return
            except OSError:
                time.sleep(0.2)
        log = (self._folder / "start.log").read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"RabbitMQ did not start within {START_SECONDS} s:\n{log[-4000:]}")
