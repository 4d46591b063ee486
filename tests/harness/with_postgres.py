"""`python -m tests.harness.with_postgres manage.py …`: run a program against a private PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from scheduler_project.local.postgres import EmbeddedPostgres
from tests.harness.guard import Guard
from tests.harness.postgres import THROW_AWAY


def main(command: list[str]) -> int:
    """The program's exit code."""
    folder = Path(tempfile.mkdtemp(prefix="punctual-tests-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres", options=THROW_AWAY)
    server.start()
    guard = Guard(server.pid, folder, signal="QUIT")
    environment = os.environ | {
        "DATABASE_URL": server.url,
        "DEBUG": "true",
        "PUNCTUAL_VAR": str(folder / "var"),
        "PUNCTUAL_ENV_FILE": "",
    }
    try:
        return subprocess.run([sys.executable, *command], env=environment, check=False).returncode
    finally:
        guard.release()


sys.exit(main(sys.argv[1:]))
