"""The one clock: PostgreSQL's. Nothing else in the project asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection


def now() -> datetime:
    """The database's present instant (aware, UTC, microseconds), not the transaction's start."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    return instant  # type: ignore[no-any-return]  # timestamptz


def skew() -> timedelta:
    """This process's clock minus the database's, to half a round trip: positive where this process is ahead."""
    # A first round trip opens the connection, so that what is measured is one question and its answer.
    now()
    asked = datetime.now(UTC)
    there = now()
    answered = datetime.now(UTC)
    return asked + (answered - asked) / 2 - there
