"""One measurement: the chosen parts in turn on one set of servers, and what they found."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks import report, stack
from benchmarks.bench import Bench
from benchmarks.progress import Teller

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from benchmarks.catalog import Part
    from benchmarks.figures import Measured
    from benchmarks.sizes import Size


class Run:
    """The chosen parts, what they found, and what failed. `machine` is what the figures hang on."""

    def __init__(self, parts: list[Part], size: Size, console: Console) -> None:
        self._parts, self._size, self._console = parts, size, console
        self.machine: dict[str, Any] = {}
        self.found: dict[Part, Measured] = {}
        self.took: dict[Part, float] = {}
        self.failed: dict[str, str] = {}

    def measure(self) -> None:
        """Each in turn; one that fails stops no other."""
        teller = Teller(self._console, len(self._parts))
        with teller.shown() as tell, ExitStack() as kept:
            tell("starting PostgreSQL and the broker")
            variables = kept.enter_context(stack.servers())
            stack.prepare()
            self.machine = _machine(variables)
            bench = Bench(variables, self._size, tell, kept)
            for part in self._parts:
                bench.tell = partial(_tell_of, part.name, tell)
                self._one(part, bench)
                teller.done()
            tell("ending what was started")

    def _one(self, part: Part, bench: Bench) -> None:
        before, begun = _additions(), time.monotonic()
        try:
            found = part.load()(bench)
        except Exception as error:  # noqa: BLE001 - the isolation point: the other parts are measured all the same
            self.failed[part.name] = f"{type(error).__name__}: {error}"
            self._console.print(f"{part.name} failed: {self.failed[part.name]}", style="red", markup=False)
            return
        self.found[part], self.took[part] = found, time.monotonic() - begun
        found.notes.append(
            f"Ten million additions took {before:.2f} s before it, and {_additions():.2f} s after it;"
            f" {_additions_on_all_cores():.2f} s each where all cores made them at once."
        )
        if found.wrong:
            self.failed[part.name] = " ".join(found.wrong)
        self._console.print(f"\n[bold]{part.name}[/bold]: {part.sentence}", highlight=False)
        self._console.print(report.terminal(found.shown()))
        for note in found.notes:
            self._console.print(note, markup=False)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        parts = {part.name: self.part_as_json(part) for part in self.found}
        return {"machine": self.machine, "parts": parts, "failed": self.failed}

    def part_as_json(self, part: Part) -> dict[str, Any]:
        """What one part found, and the seconds that it took."""
        return {
            "sentence": part.sentence,
            "seconds": round(self.took[part], 1),
            **self.found[part].as_json(),
        }


def _additions() -> float:
    """Seconds that ten million of them take one core now: a machine that shares its own may change from minute to
    minute.
    """
    begun, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - begun


def _additions_on_all_cores() -> float:
    """The mean of what they take when as many processes as there are cores make them beside each other.

    Cores that are two threads of one take longer so, and all that is measured with several processes does.
    """
    each = (sys.executable, "-c", "from benchmarks.run import _additions; print(_additions())")
    running = [
        subprocess.Popen(each, cwd=stack.ROOT, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)
    ]
    return fmean(float(process.communicate()[0]) for process in running)


def _tell_of(name: str, tell: Callable[[str], None], text: str) -> None:
    tell(f"{name}: {text}")


def _machine(variables: dict[str, str]) -> dict[str, Any]:
    """What can be read of it; the load is that of the last minute, by whatever else it does."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0]).split()[0]
    connection.close()
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": version,
        "broker": "RabbitMQ" if "CELERY_BROKER_URL" in variables else "the broker of files",
        "measured": datetime.now(UTC).date().isoformat(),
        "load before": round(os.getloadavg()[0], 2),
    }
