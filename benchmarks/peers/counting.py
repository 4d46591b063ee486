"""How many of a peer's jobs are done, and when each was: by what it keeps, or by what its jobs noted."""

from __future__ import annotations

import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.peers.peer import Peer
    from benchmarks.peers.running import Place

COMMITTED = "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 FROM"


@contextmanager
def counting(peer: Peer, place: Place) -> Iterator[Count]:
    """A count with a connection of its own to the peer's database."""
    names = {"host": "PGHOST", "user": "PGUSER", "dbname": "PGDATABASE"}
    address = make_conninfo(**{name: place.variables[key] for name, key in names.items()})
    with psycopg.connect(address, autocommit=True) as connection:
        yield Count(peer, place.folder, connection)


class Count:
    """How many jobs are done, and when each was."""

    def __init__(self, peer: Peer, folder: Path, connection: psycopg.Connection[Any]) -> None:
        self._peer, self._folder, self._connection = peer, folder, connection
        self._forgotten = 0

    def done(self) -> int:
        """How many are done by now."""
        if not self._peer.done:
            size = sum(path.stat().st_size for path in self._folder.glob("*.calls"))
            return size // 8 - self._forgotten
        return self._number(f"SELECT count(*) FROM {self._peer.done}") - self._forgotten

    def is_left(self) -> bool:
        """Whether any waits still, where that is kept while what is done is not."""
        one = f"SELECT count(*) FROM (SELECT FROM {self._peer.left} LIMIT 1) AS one"
        return bool(self._peer.left) and self._number(one) > 0

    def instants(self) -> list[float]:
        """When each was done, in order, in epoch seconds."""
        if self._peer.done:
            found = [row[0] for row in self._connection.execute(f"{COMMITTED} {self._peer.done}".encode())]
        else:
            noted = array.array("d")
            for path in self._folder.glob("*.calls"):
                noted.frombytes(path.read_bytes())
            found = list(noted)
        return sorted(found)[self._forgotten :]

    def forget(self) -> None:
        """Leave out what is done by now."""
        self._forgotten += self.done()

    def analyze(self) -> None:
        """Statistics first: fresh tables without them are planned as if they were empty."""
        self._connection.execute("VACUUM ANALYZE")

    def _number(self, statement: str) -> int:
        row = self._connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])
