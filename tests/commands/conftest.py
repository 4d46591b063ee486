"""Commands, called as Django calls them or as a person does: in a process of their own."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from events import clock
from events.handling import installed
from scheduler_project import filebroker
from tests.engine.world import World

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.harness.database import CommittedDatabase

ROOT = Path(__file__).resolve().parents[2]
LOG = "handlers.log.handler.LogHandler"

Process = Callable[..., subprocess.CompletedProcess[str]]
UseHandlers = Callable[..., None]


@dataclass(frozen=True)
class Ran:
    """What a command printed, and the sentence with which it refused ("" if it did not)."""

    out: str
    refused: str


def run(name: str, *arguments: object, **options: Any) -> Ran:
    """Call a command in this process."""
    out = StringIO()
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=out, **options)
    except CommandError as error:
        return Ran(out.getvalue(), str(error))
    return Ran(out.getvalue(), "")


@pytest.fixture
def world(db: None) -> World:
    """A world at the database's own present, which is what commands see."""
    return World(clock.now())


@pytest.fixture
def manage(committed_db: CommittedDatabase) -> Process:
    """`manage.py` in another process, on the test database."""

    def call(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=committed_db.environment(**environment),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


@pytest.fixture
def use_handlers(settings: Settings) -> Iterator[UseHandlers]:
    """Install these handlers, by dotted path, and no others of the settings."""

    def use(*paths: str) -> None:
        settings.PUNCTUAL_HANDLERS = list(paths)
        installed.cache_clear()

    yield use
    installed.cache_clear()


@pytest.fixture
def broker() -> Iterator[Path]:
    """The folder of the embedded broker's messages, empty before and after."""
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).parent
    filebroker.prepare(folder)
    yield folder / "messages"
    shutil.rmtree(folder)


def csv_file(folder: Path, text: str, *, encoding: str = "utf-8") -> Path:
    """A file of that text."""
    path = folder / "people.csv"
    path.write_bytes(text.encode(encoding))
    return path


def terminate(process: subprocess.Popen[Any], number: int) -> None:
    """Send a signal to a process that a test started."""
    os.kill(process.pid, number)


@contextmanager
def terminal() -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """Return a terminal to write to, and a function that closes it and returns all that it was sent."""
    watching, screen = pty.openpty()
    with os.fdopen(screen, "w") as there, os.fdopen(watching, "rb", buffering=0) as seen:

        def said() -> str:
            there.close()
            parts = []
            with suppress(OSError):  # how Linux tells the end of what a terminal was sent
                while part := seen.read(4096):
                    parts.append(part)
            return b"".join(parts).decode()

        yield there, said
