"""Misfires: which lane takes an occurrence, and how late it is. Pure: `now` is always given."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum


class Lane(StrEnum):
    """Two queues, so that a backlog never delays what is due now."""

    LIVE = "live"
    CATCHUP = "catchup"


def lateness(due_at: datetime, now: datetime) -> timedelta:
    """Return how long ago `due_at` was, as an elapsed duration; zero where it is still ahead."""
    return max(now - due_at, timedelta(0))


def lane(due_at: datetime, *, now: datetime, grace: timedelta) -> Lane:
    """Return LIVE up to and including `grace` after `due_at` (and before it), CATCHUP when later."""
    return Lane.CATCHUP if now - due_at > grace else Lane.LIVE
