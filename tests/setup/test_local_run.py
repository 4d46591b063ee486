"""`make up` without make: everything starts, answers, stops, and carries on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.rabbitmq import free_ports
from tests.harness.worker import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
WELCOME = "Ctrl-C stops everything."


class LocalRun:
    """One `python -m scheduler_project.local` with its output in a file."""

    def __init__(self, var: Path, log: Path) -> None:
        self.web, self.flower = free_ports(2)
        self._log = log
        kept_out = ("DATABASE_URL", "SECRET_KEY")  # as on a fresh machine
        environment = {name: value for name, value in os.environ.items() if name not in kept_out}
        environment |= {"PUNCTUAL_VAR": str(var), "WEB_PORT": str(self.web), "FLOWER_PORT": str(self.flower)}
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scheduler_project.local"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_until_up(self) -> None:
        eventually(lambda: WELCOME in self.output or self.process.poll() is not None, seconds=90)
        assert WELCOME in self.output, self.output

    def pid_of(self, name: str) -> int:
        return int(self.output.partition(f"{name} started (pid=")[2].partition(")")[0])

    def stop(self, with_signal: signal.Signals) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(60)


def get(url: str, login: str = "") -> int:
    request = urllib.request.Request(url)
    if login:
        request.add_header("Authorization", "Basic " + b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.fixture
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalRun]]:
    """Runs that are ended at the end of the test, whatever happened."""
    started: list[LocalRun] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            run.stop(signal.SIGTERM)


def processes_of(var: Path) -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if str(var) in line]


def test_everything_starts_answers_stops_and_carries_on(tmp_path: Path, runs: list[LocalRun]) -> None:
    var = tmp_path / "var"
    first = LocalRun(var, tmp_path / "first.log")
    runs.append(first)
    first.wait_until_up()
    password = (var / "operator_password").read_text().strip()
    assert f"operator / {password}" in first.output
    assert get(f"http://127.0.0.1:{first.web}/admin/login/") == 200
    assert get(f"http://127.0.0.1:{first.flower}/") == 401
    assert get(f"http://127.0.0.1:{first.flower}/", login=f"operator:{password}") == 200
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert password not in commands
    eventually(lambda: first.output.count("ready. [celery.apps.worker]") == 3, seconds=30)
    assert first.stop(signal.SIGINT) == 0, first.output
    assert "Everything is stopped." in first.output
    assert "Traceback" not in first.output
    assert processes_of(var) == []

    second = LocalRun(var, tmp_path / "second.log")
    runs.append(second)
    second.wait_until_up()
    assert f"operator / {password}" in second.output
    assert "Beat has sweep already" in second.output
    # and one that dies takes the others with it, by name
    os.kill(second.pid_of("beat-2"), signal.SIGKILL)
    assert second.process.wait(60) == 1
    assert "beat-2 ended by itself, so everything was stopped." in second.output
    assert processes_of(var) == []


def refused(**variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "scheduler_project.local"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def test_a_port_in_use_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(WEB_PORT=str(port), PUNCTUAL_VAR=str(tmp_path))
    assert said == (
        f"punctual: Port {port} on 127.0.0.1 cannot be used (Address already in use). "
        f"Stop what uses it, or choose another: make up WEB_PORT={port + 1}.\n"
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused(PUNCTUAL_VAR=str(tmp_path / "file" / "var"))
    assert f"{tmp_path}/file/var cannot be written (Not a directory)" in said
    assert len(said.splitlines()) == 1


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Punctual runs already in" in refused(PUNCTUAL_VAR=str(tmp_path))
