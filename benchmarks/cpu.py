"""CPU seconds of everything that works for a measurement, of what has ended meanwhile too."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "PostgreSQL"


def seconds(postgres: Path) -> float:
    """CPU seconds so far of all that this process started and of the server in that folder; not this process's own."""
    return sum(by_root(postgres).values())


def by_root(postgres: Path) -> dict[int | str, float]:
    """The same for each process that this one started, with its children; what has ended is under this one's id.

    The server of that folder is under DATABASE: it was started by pg_ctl, and so is no child of this process.
    """
    mine = psutil.Process()
    times: dict[int | str, float] = {each.pid: _of_family(each) for each in mine.children()}
    times[mine.pid] = _ended(mine)
    servers = [each for each in psutil.process_iter(["cmdline"]) if _is_server(each, postgres)]
    return times | {DATABASE: sum(_of_family(each) for each in servers)}


def _of_family(parent: psutil.Process) -> float:
    """A process's time goes to its parent when it ends, so the sum over who lives forgets nobody."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        for each in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used = each.cpu_times()
                total += float(used.user + used.system + used.children_user + used.children_system)
    return total


def _ended(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.children_user + used.children_system)


def _is_server(process: psutil.Process, folder: Path) -> bool:
    # Its own children have other command lines.
    return str(folder) in (process.info["cmdline"] or ())
