"""Sleeping until something is due, or until a commit says that something nearer was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from django.db import connection

from events.transitions.statements import WAKE_CHANNEL

if TYPE_CHECKING:
    from datetime import timedelta
    from types import TracebackType


class Alarm:
    """A connection of its own that listens; use as a context manager."""

    def __enter__(self) -> Alarm:
        # Django's own parameters, without those that make a connection speak Django's dialect of types.
        parameters = {**connection.get_connection_params(), "autocommit": True}
        for alien in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(alien, None)
        self._listener = psycopg.connect(**parameters)
        self._listener.execute(f"LISTEN {WAKE_CHANNEL}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def wait(self, longest: timedelta, *, deaf: bool = False) -> None:
        """Sleep at most so long, or until a notification arrives; with `deaf` notifications are heard and ignored."""
        heard = self._listener.notifies(timeout=longest.total_seconds(), stop_after=None if deaf else 1)
        for _ in heard:
            continue
