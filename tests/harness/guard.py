"""A guard outlives the tests by a moment: it ends a server and removes its folder however the tests end."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# It waits for the end of its standard input, which the kernel closes even when the tests are killed with SIGKILL.
SCRIPT = """
read _
kill -s "$1" -- "$2" 2>/dev/null
for _ in $(seq 200); do kill -s 0 -- "$2" 2>/dev/null || break; sleep 0.05; done
kill -s KILL -- "$2" 2>/dev/null
[ -z "$3" ] || rm -rf -- "$3"
"""


class Guard:
    """Ends `pid` (negative: its group) with `signal`, and removes `folder` if any, once released or orphaned."""

    def __init__(self, pid: int, folder: Path | None, *, signal: str) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", SCRIPT, "guard", signal, str(pid), str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # a pipe behind the tests must not wait for the guard
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal must not end the guard before its work
        )

    def begin(self) -> None:
        """Have the server ended, without waiting."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()

    def release(self) -> None:
        """End the server now, and wait until its folder is gone."""
        self.begin()
        self._shell.wait()
