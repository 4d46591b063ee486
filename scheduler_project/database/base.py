"""Finds the embedded server's socket at every connection, because it moves when the server starts again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

SOCKET_LINE = 4  # of postmaster.pid: process, data folder, start, port, socket folder, ...


class EmbeddedPostgresNotRunning(OperationalError):
    """The embedded PostgreSQL was not started."""


class DatabaseWrapper(base.DatabaseWrapper):
    """HOST is the data folder; the socket is where the server's pid file says."""

    def get_connection_params(self) -> dict[str, Any]:
        """What psycopg connects with; raises EmbeddedPostgresNotRunning."""
        parameters: dict[str, Any] = super().get_connection_params()
        parameters["host"] = socket_folder(Path(self.settings_dict["HOST"]))
        return parameters


def socket_folder(data_folder: Path) -> str:
    """Where the server that owns the data folder listens; raises EmbeddedPostgresNotRunning."""
    try:
        return (data_folder / "postmaster.pid").read_text().splitlines()[SOCKET_LINE]
    except (OSError, IndexError):
        raise EmbeddedPostgresNotRunning(
            f"PostgreSQL does not run in {data_folder}: run `make up`, or set DATABASE_URL."
        ) from None
