"""Private servers, a database and live processes for one measurement. All of it ends, however the measurement does."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from scheduler_project import filebroker
from scheduler_project.env import environment
from scheduler_project.local.postgres import EmbeddedPostgres
from scheduler_project.local.processes import STOP_SECONDS, Program, programs
from tests.harness.guard import Guard
from tests.harness.rabbitmq import RabbitNode, free_ports, installed_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
# Durable as in production; the commit's own time is kept, since lateness is taken to the commit.
POSTGRES = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "min_wal_size": "2GB",
    "track_commit_timestamp": "on",
    "max_connections": "100",
}
# As many log files as are kept from checkpoint to checkpoint; and a page for each that there is room for in memory.
LOG_FILES = "SELECT pg_size_bytes(current_setting('min_wal_size')) / pg_size_bytes(current_setting('wal_segment_size'))"
ALL_PAGES = """
INSERT INTO all_of_memory
SELECT repeat('x', 8000) FROM pg_settings, generate_series(1, setting::int) WHERE name = 'shared_buffers'
"""
HANDLERS = (
    "handlers.log.handler.LogHandler",
    "handlers.webhook.handler.WebhookHandler",
    "benchmarks.noop.NoopBatch",
    "benchmarks.noop.NoopSingle",
    "benchmarks.noop.Waiting",
)
WORKERS = ("worker-1", "worker-2")
TAKERS = ("sweeper", "worker-")
START_SECONDS = 60
# Copies of a program of `make up` under names of their own.
COPIES = {"worker-3": "worker-1", "worker-4": "worker-2"}


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """A PostgreSQL and, where it is installed, a RabbitMQ; the environment that leads to them."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="punctual-benchmark-"))
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres", options=POSTGRES)
        postgres.start()
        stack.callback(Guard(postgres.pid, folder, signal="INT").release)
        _break_in(postgres.url)
        web, flower = free_ports(2)
        variables = {
            "DATABASE_URL": postgres.url,
            "SECRET_KEY": "for measuring alone, and long enough for every check there is",
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings",
            "PUNCTUAL_VAR": str(folder / "var"),
            "PUNCTUAL_ENV_FILE": "",
            "PUNCTUAL_HANDLERS": ",".join(HANDLERS),
            "LOG_LEVEL": "WARNING",
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        }
        script = installed_server()
        if script:
            node = RabbitNode(script)
            stack.callback(node.stop)
            node.start()
            variables["CELERY_BROKER_URL"] = node.url
        else:
            filebroker.prepare(folder / "var" / "broker")
        os.environ.update(variables)
        yield variables


def _break_in(url: str) -> None:
    """Let a new server have what one that runs has: log files to write over, and memory that was written before.

    Otherwise a fifth of the CPU of a drain would be that of making them, which happens once in a server's life.
    """
    with psycopg.connect(url, autocommit=True) as admin:
        (log_files,) = admin.execute(LOG_FILES).fetchone() or (0,)
        for _ in range(log_files):
            admin.execute("SELECT pg_logical_emit_message(false, 'punctual', ''), pg_switch_wal()")
        admin.execute("CREATE UNLOGGED TABLE all_of_memory (filling text STORAGE PLAIN)")
        admin.execute(ALL_PAGES)
        admin.execute("DROP TABLE all_of_memory")
        admin.execute("CHECKPOINT")


def server_folder() -> Path:
    """Where the private PostgreSQL keeps its data."""
    return Path(os.environ["PUNCTUAL_VAR"]).parent / "postgres"


def prepare() -> None:
    """Set Django up and migrate the first database, which all others are copied from."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("prepare", verbosity=0, stdout=StringIO())
    connection.close()


@contextmanager
def database() -> Iterator[str]:
    """A new database, migrated and empty, until the block ends; its name."""
    name, first = f"benchmark_{uuid4().hex[:12]}", os.environ["DATABASE_URL"]
    # Not through the first database itself: it can be copied only while nobody is connected to it.
    aside, original = first.rpartition("/")[0] + "/template1", first.rpartition("/")[2]
    with psycopg.connect(aside, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{original}"'.encode())
    try:
        yield name
    finally:
        with psycopg.connect(aside, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def using(name: str) -> Iterator[None]:
    """Django in this process, and all processes that are started in the block, work on that database."""
    from django.db import connection

    before, first = os.environ["DATABASE_URL"], connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    os.environ["DATABASE_URL"] = f"{before.rpartition('/')[0]}/{name}"
    _empty_queues()
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = first
        os.environ["DATABASE_URL"] = before


@contextmanager
def fresh() -> Iterator[None]:
    """As `using`, with a database of its own."""
    with database() as name, using(name):
        yield


@contextmanager
def processes(*names: str, settings: Mapping[str, str] | None = None) -> Iterator[dict[str, int]]:
    """Some of the programs of `make up`, as they are; their process ids by name, once the workers take messages."""
    known = {program.name: program for program in programs(environment(ROOT), login="operator:secret")}
    known |= {name: copied(known[model], name) for name, model in COPIES.items()}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(started(known[name], settings or {})) for name in dict.fromkeys(names)
        }
        try:
            _wait_for({name: process for name, process in running.items() if name.startswith(TAKERS)})
            yield {name: process.pid for name, process in running.items()}
        finally:
            for process in running.values():  # all at once; each is waited for when its own block ends
                process.terminate()


def copied(program: Program, name: str) -> Program:
    """The same program, which calls itself otherwise."""
    return Program(name, [part.replace(f"{program.name}@", f"{name}@") for part in program.command])


def _wait_for(workers: dict[str, subprocess.Popen[bytes]]) -> None:
    """Until each has compared its clock with the database's, as it does when it begins to take messages."""
    from events.models import ProcessClock

    end, missing = time.monotonic() + START_SECONDS, dict(workers)
    while missing:
        there = {
            int(name.rpartition(":")[2]) for name in ProcessClock.objects.values_list("process", flat=True)
        }
        missing = {name: process for name, process in missing.items() if process.pid not in there}
        ended = [name for name, process in missing.items() if process.poll() is not None]
        if ended or time.monotonic() > end:
            (name, *_) = ended or missing
            raise RuntimeError(f"{name} did not start; its last line: {_last_line(name)}")
        time.sleep(0.1)


def _last_line(name: str) -> str:
    lines = _log(name).read_text(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "none"


def _log(name: str) -> Path:
    folder = Path(os.environ["PUNCTUAL_VAR"]) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"


@contextmanager
def started(program: Program, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """One program, with these settings besides the usual; it and its children end when the block does."""
    with _log(program.name).open("ab") as log:
        process = subprocess.Popen(
            program.command,
            env={**os.environ, **program.secrets, **settings},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the measurement, which then ends it
        )
    guard = Guard(process.pid, None, signal="TERM")
    try:
        yield process
    finally:
        _end(process)
        guard.release()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the leader to stop; after a while end it and whatever it started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _empty_queues() -> None:
    """What earlier processes left on the broker is of another database."""
    from celery import current_app

    with current_app.connection_for_write() as connection, connection.channel() as channel:
        for queue in current_app.conf.task_queues:
            queue(channel).purge()
