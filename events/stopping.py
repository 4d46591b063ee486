"""Was this process asked to stop? Read between two sets of work, so that what is started is finished and the rest returned."""

from __future__ import annotations

from billiard import Event

# Made when a worker's main process loads the app, so that its forked children see it set.
_stop = Event()


def request() -> None:
    """Ask this process, and those forked from it, to stop taking up work."""
    _stop.set()


def requested() -> bool:
    """True once this process or its parent was asked to stop."""
    return bool(_stop.is_set())
