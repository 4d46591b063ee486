"""Private servers and live processes for one measurement, and the CPU time that all of them used."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from scheduler_project import filebroker
from scheduler_project.local.postgres import EmbeddedPostgres
from tests.acceptance.deployment import Deployment
from tests.harness.guard import Guard
from tests.harness.rabbitmq import RabbitNode, free_ports, installed_server

if TYPE_CHECKING:
    from collections.abc import Iterator

# Durable as in production; the commit's own time is kept, since lateness is taken to the commit.
POSTGRES = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "track_commit_timestamp": "on",
    "max_connections": "100",
}
HANDLERS = (
    "handlers.log.handler.LogHandler",
    "handlers.webhook.handler.WebhookHandler",
    "benchmarks.noop.NoopBatch",
    "benchmarks.noop.NoopSingle",
)
WORKERS = ("worker-1", "worker-2")


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """A PostgreSQL and, where it is installed, a RabbitMQ; the environment that leads to them."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="punctual-benchmark-"))
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres", options=POSTGRES)
        postgres.start()
        stack.callback(Guard(postgres.pid, folder, signal="INT").release)
        variables = {
            "DATABASE_URL": postgres.url,
            "SECRET_KEY": "for measuring alone, and long enough for every check there is",
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
            "PUNCTUAL_VAR": str(folder / "var"),
            "PUNCTUAL_ENV_FILE": "",
            "PUNCTUAL_HANDLERS": ",".join(HANDLERS),
            "LOG_LEVEL": "WARNING",
        }
        script = installed_server()
        if script:
            node = RabbitNode(script)
            node.start()
            stack.callback(node.stop)
            variables["CELERY_BROKER_URL"] = node.url
        else:
            filebroker.prepare(folder / "var" / "broker")
        os.environ.update(variables)
        yield variables


@contextmanager
def processes(variables: dict[str, str], *names: str) -> Iterator[Deployment]:
    """Some of the programs of `make up`, as they are."""
    logs = Path(variables["PUNCTUAL_VAR"]) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    web, flower = free_ports(2)
    live = Deployment({**os.environ, "WEB_PORT": str(web), "FLOWER_PORT": str(flower)}, logs)
    live.start(*names)
    try:
        yield live
    finally:
        live.stop()


def cpu_times() -> dict[int, float]:
    """CPU seconds so far of everything that this process started and of its servers, by process id; not its own."""
    mine = psutil.Process()
    servers = [each for each in psutil.process_iter(["name", "cmdline"]) if _is_server(each)]
    times = {}
    for parent in (mine, *servers):
        for each in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used = each.cpu_times()
                times[each.pid] = float(used.user + used.system)
    times.pop(mine.pid)
    return times


def used_since(before: dict[int, float]) -> float:
    """CPU seconds used since then by the processes that still run; what ended in between is not counted."""
    return sum(now - before.get(pid, 0.0) for pid, now in cpu_times().items())


def _is_server(process: psutil.Process) -> bool:
    # The embedded PostgreSQL is started by pg_ctl and so is no child of ours.
    return any("punctual-benchmark-" in part for part in process.info["cmdline"] or ())
