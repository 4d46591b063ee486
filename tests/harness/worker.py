"""Celery's processes as real programs, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.harness.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class CeleryProgram:
    """`celery -A scheduler_project …` with its output in a file. The end of its `with` stops it."""

    def __init__(self, log: Path, environment: Mapping[str, str], *arguments: str) -> None:
        self._log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--quiet", "--app", "scheduler_project", *arguments],
                env={**environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        self._guard = Guard(-self.process.pid, None, signal="TERM")

    def __enter__(self) -> CeleryProgram:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self._guard.release()

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str, *, seconds: float = 30) -> None:
        """Wait until it has written that text."""
        eventually(lambda: text in self.output, seconds=seconds, what=lambda: f"{text!r} in:\n{self.output}")

    def stop(self, *, seconds: float = 20) -> int:
        """Ask it to stop; its exit code. After `seconds` it and its children are killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


def eventually(true: Callable[[], bool], *, seconds: float = 10, what: str | Callable[[], str] = "") -> None:
    """Wait until the condition holds; AssertionError after `seconds`."""
    give_up = time.monotonic() + seconds
    while not true():
        said = what() if callable(what) else what
        assert time.monotonic() < give_up, f"not within {seconds} s: {said or true}"
        time.sleep(0.05)
