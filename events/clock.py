"""The one clock that counts: PostgreSQL's. Nothing else in the project asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection


def now() -> datetime:
    """The database's present instant (aware, UTC, microseconds), not the transaction's start."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    return instant  # type: ignore[no-any-return]  # timestamptz


def machine() -> datetime:
    """This machine's present instant, for what needs no database; nothing that fires may hang on it."""
    return datetime.now(UTC)


def skew() -> timedelta:
    """This process's clock minus the database's, to half a round trip: positive where this process is ahead."""
    # A first round trip opens the connection, so that what is measured is one question and its answer.
    now()
    asked = machine()
    there = now()
    answered = machine()
    return asked + (answered - asked) / 2 - there
