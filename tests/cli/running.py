"""`punctual` as a process of its own: with pipes, or in a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "punctual_cli"]
SECONDS = 60


@dataclass(frozen=True)
class Done:
    """How a run ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """A person's machine: a home of its own, and an environment."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        # It is no part of what coverage is measured of, and starts faster without.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PUNCTUAL_", "COVERAGE_"))
        }
        self.environment: dict[str, str] = {
            **inherited,
            "HOME": str(home),
            "XDG_CONFIG_HOME": "",
            "PYTHONPATH": str(ROOT / "clients" / "cli"),
            "TZ": "Europe/Berlin",
            "NO_COLOR": "1",
            "PUNCTUAL_PATIENCE": "0",
            **variables,
        }

    @property
    def configuration(self) -> Path:
        """Where the file of profiles is."""
        return self.home / ".config" / "punctual" / "config.toml"

    def __call__(self, *arguments: str, stdin: str = "", **variables: str) -> Done:
        """Run it with pipes, until it ends."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            env=self.environment | variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(
        self, *arguments: str, stdout: int = subprocess.PIPE, **variables: str
    ) -> Iterator[subprocess.Popen[str]]:
        """Start it with pipes; it is ended in the end, if it did not end by itself."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=self.environment | variables,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def in_terminal(self, *arguments: str, **variables: str) -> Terminal:
        """Start it in a terminal of its own."""
        return Terminal(
            arguments, self.environment | {"TERM": "xterm", "COLUMNS": "120"} | variables, self.home
        )


class Terminal:
    """A run in a terminal, in which somebody reads and types."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str], home: Path) -> None:
        self._master, slave = pty.openpty()
        self.seen = ""
        self._process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=environment,
            cwd=home,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def expect(self, text: str, seconds: float = SECONDS) -> None:
        """Read until this text was seen."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} was not seen:\n{self.seen}"
            assert self._read(0.2), f"it ended before {text!r} was seen:\n{self.seen}"

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Send it what the terminal of a person who presses Ctrl-C sends."""
        self._process.send_signal(2)

    def end(self) -> int:
        """Read until it ends; its exit code."""
        end = time.monotonic() + SECONDS
        while self._read(0.2):
            assert time.monotonic() < end, f"it does not end:\n{self.seen}"
        return self._process.wait(SECONDS)

    def _read(self, seconds: float) -> bool:
        """Read what there is, for a while; whether there may be more."""
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return self._process.poll() is None
        try:
            found = os.read(self._master, 65_536)
        except OSError:  # Linux says so when all other ends are closed
            return False
        self.seen += found.decode(errors="replace").replace("\r\n", "\n")
        return bool(found)
