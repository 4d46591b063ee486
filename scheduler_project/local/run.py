"""The local run, step by step: servers, database, login, sample, processes; and everything stopped at the end."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from events.errors import PunctualError
from scheduler_project import filebroker
from scheduler_project.env import kept_secret
from scheduler_project.local.processes import Runner, Welcome, programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scheduler_project.env import Environment

OPERATOR = "operator"


class CannotStart(PunctualError):
    """{problem} {remedy}"""


def run(settings: Environment) -> int:
    """Run until a signal or a process's death; the exit code.

    1. Refuse what cannot work: a folder that cannot be written, a second run, a port in use.
    2. Start the embedded servers that no URL replaces.
    3. Migrate, declare queues and beat's entries, collect static files; login; sample on the first start.
    4. Run all processes under one runner.
    """
    # A SIGTERM during the start stops what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        stack.enter_context(_the_only_run(settings.var))
        _refuse_taken_port("WEB_PORT", settings.web_host, settings.web_port)
        _refuse_taken_port("FLOWER_PORT", settings.web_host, settings.flower_port)
        if settings.database["ENGINE"] == "scheduler_project.database":
            stack.enter_context(_embedded_postgres(settings.var / "postgres"))
        if settings.broker_url.startswith("filesystem"):
            filebroker.prepare(settings.var / "broker")
        password = _prepare(settings.var)
        welcome = Welcome(settings.web_host, settings.web_port, settings.flower_port, OPERATOR, password)
        runner = Runner(welcome)
        for program in programs(settings, login=f"{OPERATOR}:{password}"):
            runner.add(program)
        return runner.run()


@contextmanager
def _the_only_run(var: Path) -> Iterator[None]:
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = (var / "run.lock").open("w")
    except OSError as error:
        raise CannotStart(
            problem=f"{var} cannot be written ({error.strerror}).",
            remedy="Make the folder writable, or name another one in PUNCTUAL_VAR.",
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                problem=f"Punctual runs already in {var}.",
                remedy="Stop it with Ctrl-C, or name another PUNCTUAL_VAR.",
            ) from None
        yield


def _refuse_taken_port(name: str, host: str, port: int) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise CannotStart(
            problem=f"Port {port} on {host} cannot be used ({error.strerror}).",
            remedy=f"Stop what uses it, or choose another: make up {name}={port + 1}.",
        ) from error


@contextmanager
def _embedded_postgres(folder: Path) -> Iterator[None]:
    from scheduler_project.local.postgres import EmbeddedPostgres

    say("PostgreSQL starts in", folder)
    server = EmbeddedPostgres(folder)
    try:
        server.start()
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotStart(
            problem=f"PostgreSQL did not start in {folder} ({error}).",
            remedy=f"Its log, if any, is {folder / 'log'}.",
        ) from error
    try:
        yield
    finally:
        say("PostgreSQL stops")
        server.stop()


def _prepare(var: Path) -> str:
    """Bring database, broker and static files up to date; return the operator's password."""
    import django
    from django.core.management import CommandError, call_command, get_commands
    from django.db import connections

    django.setup()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("prepare")
        call_command("collectstatic", verbosity=0, interactive=False)
        password, first_start = _login(var)
        if first_start and "load_sample" in get_commands():
            call_command("load_sample")
    except (CommandError, OSError) as error:
        raise CannotStart(problem=f"The preparation failed: {error}.", remedy="Nothing runs.") from error
    connections.close_all()  # the processes are forked, and must not share a connection
    sys.stdout.flush()
    return password


def _login(var: Path) -> tuple[str, bool]:
    from django.contrib.auth.models import User

    password = kept_secret(var / "operator_password", size=12)
    if User.objects.filter(username=OPERATOR).exists():
        return password, False
    User.objects.create_superuser(username=OPERATOR, password=password)
    return password, True


def say(*words: object) -> None:
    """One line for the person at the terminal."""
    os.write(sys.stdout.fileno(), (" ".join(str(word) for word in words) + "\n").encode())
