"""What no table remembers: each call of a job writes its instant to a file of its process, 8 bytes a call."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

_files: dict[int, int] = {}


def note() -> None:
    """A job was done now."""
    pid = os.getpid()
    if pid not in _files:
        path = Path(os.environ["PEER_CALLS"]) / f"{pid}.calls"
        _files[pid] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(_files[pid], struct.pack("<d", time.time()))


def wait_until(instant: float) -> None:
    """Sleep until then (epoch seconds)."""
    time.sleep(max(0.0, instant - time.time()))
