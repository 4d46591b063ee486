"""Sleeping until something is due, or until a commit says that something nearer was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import psycopg
from django.db import connection

from events.transitions.statements import WAKE_CHANNEL

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType


class Alarm:
    """A connection of its own that listens; use as a context manager."""

    def __enter__(self) -> Self:
        self._listener = _listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def wait(self, longest: timedelta, *, deaf: bool = False) -> bool:
        """Sleep at most so long, or until a notification arrives; whether any did. With `deaf` nothing ends the sleep.

        Returns at once when the connection was cut, listening again: something may have been said meanwhile.
        Raises django.db.OperationalError while the database is away.
        """
        try:
            heard = self._listener.notifies(timeout=longest.total_seconds(), stop_after=None if deaf else 1)
            return sum(1 for _ in heard) > 0
        except psycopg.OperationalError:
            self._listener.close()
            self._listener = _listen()
            return True


def _listen() -> psycopg.Connection[Any]:
    # Django's own parameters, without those that make a connection speak Django's dialect of types.
    parameters = {**connection.get_connection_params(), "autocommit": True}
    for alien in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(alien, None)
    with connection.wrap_database_errors:
        listener = psycopg.connect(**parameters)
        listener.execute(f"LISTEN {WAKE_CHANNEL}")
    return listener
