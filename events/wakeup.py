"""Sleeping until something is due, or until a commit says that something nearer was written."""

from __future__ import annotations

import time
from selectors import EVENT_READ, DefaultSelector
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
            if deaf:
                time.sleep(max(0.0, longest.total_seconds()))
                return self._was_told()
            return self._is_told_within(longest.total_seconds())
        except psycopg.OperationalError:
            self._listener.close()
            self._listener = _listen()
            return True

    def _was_told(self) -> bool:
        return bool(list(self._listener.notifies(timeout=0)))

    def _is_told_within(self, seconds: float) -> bool:
        # psycopg itself would wake up ten times a second to see whether it is interrupted: half of what a sweep uses
        # while nothing is due.
        end = time.monotonic() + seconds
        with DefaultSelector() as socket:
            socket.register(self._listener, EVENT_READ)
            while socket.select(end - time.monotonic()):
                if self._was_told():
                    return True
        return False


def _listen() -> psycopg.Connection[Any]:
    # Django's own parameters, without those that make a connection speak Django's dialect of types.
    parameters = {**connection.get_connection_params(), "autocommit": True}
    for alien in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(alien, None)
    with connection.wrap_database_errors:
        listener = psycopg.connect(**parameters)
        listener.execute(f"LISTEN {WAKE_CHANNEL}")
    return listener
