"""An early pytest plugin: one private PostgreSQL for the session, before the settings are read.

TEST_DATABASE_URL names a server to use instead; its user must be a superuser.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scheduler_project.local.postgres import EmbeddedPostgres
from tests.harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Generator

# Nobody needs the data after a crash, so nothing waits for the disk.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
PREFIXES = ("PUNCTUAL_", "CELERY_", "DJANGO_", "LOG_", "EMAIL_")
KEPT = ("PUNCTUAL_NO_SKIPS", "PUNCTUAL_FAULT_SEED")

_guards = pytest.StashKey[list[Guard]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Set the environment before pytest-django reads the settings (a wrapper runs before every other hook)."""
    folder = Path(tempfile.mkdtemp(prefix="punctual-tests-"))
    folder.chmod(0o755)
    guards = early_config.stash[_guards] = []
    _forget_the_developers_settings()
    _listen_to_ctrl_c()
    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        url = _start(folder, guards)
    # WhiteNoise warns of a missing folder, and a warning is an error here.
    (folder / "var" / "static").mkdir(parents=True)
    os.environ.update(
        DATABASE_URL=url,
        DJANGO_SETTINGS_MODULE="scheduler_project.settings",
        SECRET_KEY="for tests alone, and long enough for every check there is",
        PUNCTUAL_VAR=str(folder / "var"),
        PUNCTUAL_ENV_FILE="",
    )
    if not guards:
        early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server and remove its folder."""
    for guard in config.stash.get(_guards, []):
        guard.release()


def _start(folder: Path, guards: list[Guard]) -> str:
    server = EmbeddedPostgres(folder / "postgres", options=THROW_AWAY)
    try:
        server.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    guards.append(Guard(server.pid, folder, signal="QUIT"))
    return server.url


def _listen_to_ctrl_c() -> None:
    """In the background a shell lets its programs ignore it, and theirs as well; tests interrupt what they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _forget_the_developers_settings() -> None:
    for name in list(os.environ):
        if name.startswith(PREFIXES) and name not in KEPT:
            del os.environ[name]


class StoppablePostgres:
    """A PostgreSQL of one test's own, which it may stop and start again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="punctual-own-postgres-"))
        self.folder.chmod(0o755)
        self.start()

    def start(self) -> None:
        """Start it, with the data it had."""
        self._server = EmbeddedPostgres(self.folder / "data", options=THROW_AWAY)
        self._server.start()
        self._guard = Guard(self._server.pid, self.folder, signal="QUIT")
        self.url = self._server.url

    def stop(self) -> None:
        """Stop it and keep its data."""
        kept = self.folder.with_suffix(".kept")
        self._server.stop()
        self.folder.rename(kept)
        self._guard.release()
        kept.rename(self.folder)

    def remove(self) -> None:
        """Stop it and remove its data."""
        self._guard.release()
