"""Was this process asked to stop? Read between two sets of work: what is started is finished, the rest returned."""

from __future__ import annotations

import mmap

# One byte that forked children share with their parent. No lock: a child killed while it held one would hang all.
_stop = mmap.mmap(-1, 1)


def request() -> None:
    """Ask this process, and those forked from it, to stop taking up work."""
    _stop[0] = 1


def requested() -> bool:
    """True once this process or its parent was asked to stop."""
    return _stop[0] == 1
