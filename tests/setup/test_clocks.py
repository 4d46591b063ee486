"""Processes with a wrong clock: each kind measures it against the database's, warns, and is shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from events.models import ProcessClock
from scheduler_project import filebroker
from tests.harness.guard import Guard
from tests.harness.rabbitmq import free_ports
from tests.harness.worker import CeleryProgram, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.harness.database import CommittedDatabase

ROOT = Path(__file__).resolve().parents[2]
WRONG_CLOCK = ROOT / "tests" / "harness" / "wrong_clock"
SECOND = timedelta(seconds=1)


@pytest.fixture
def environment(committed_db: CommittedDatabase, tmp_path: Path) -> Mapping[str, str]:
    filebroker.prepare(tmp_path / "broker")
    return committed_db.environment(PUNCTUAL_VAR=str(tmp_path))


def wrong_by(environment: Mapping[str, str], seconds: int) -> Mapping[str, str]:
    """The same for a process whose clock is wrong."""
    return {**environment, "PYTHONPATH": str(WRONG_CLOCK), "WRONG_BY_SECONDS": str(seconds)}


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return ran.stdout + ran.stderr


def measured(role: str) -> list[timedelta]:
    return list(ProcessClock.objects.filter(role=role).values_list("skew", flat=True))


def worker(log: Path, environment: Mapping[str, str], name: str, queues: str) -> CeleryProgram:
    arguments = (
        "--hostname",
        f"{name}@%h",
        "--queues",
        queues,
        "--concurrency",
        "1",
        "--include",
        "tests.setup.probe",
    )
    return CeleryProgram(log, environment, "worker", *arguments)


def test_each_process_of_celery_with_a_wrong_clock_is_named_and_no_other(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    ahead, behind = wrong_by(environment, 300), wrong_by(environment, -86_400)
    with ExitStack() as stack:
        programs = [
            fast := worker(tmp_path / "fast.log", ahead, "fast", "live,maintenance"),
            right := worker(tmp_path / "right.log", environment, "right", "catchup"),
            slow := worker(tmp_path / "slow.log", behind, "slow", "sweep"),
            beat := CeleryProgram(tmp_path / "beat.log", ahead, "beat", "--pidfile="),
        ]
        for program in programs:
            stack.enter_context(program)
        fast.wait_for("this process's clock is 5 min ahead, compared with the database's: run NTP on both")
        slow.wait_for("this process's clock is 1 d behind, compared with the database's: run NTP on both")
        beat.wait_for("this process's clock is 5 min ahead, compared with the database's: run NTP on both")
        # A child, which runs the tasks, measures before one; its parent always.
        code = "import django; django.setup(); from tests.setup import probe; probe.backend.delay()"
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        eventually(lambda: fast.output.count("clock is") == 2, seconds=20, what=lambda: fast.output)
        eventually(
            lambda: f":{right.process.pid}" in " ".join(off_by(0)), seconds=20, what=lambda: right.output
        )
        clocks = finding(environment, "clocks")
        for program in programs:
            program.process.terminate()
        for program in programs:
            program.process.wait(30)
    assert "clock is" not in right.output
    assert clocks["status"] == "warn"
    assert len(off_by(300)) == 3
    assert all(f"{name} is 5 min ahead" in clocks["says"] for name in off_by(300))
    assert [name.partition(" ")[0] for name in off_by(-86_400)] == ["sweeper"]
    assert f"{off_by(-86_400)[0]} is 1 d behind" in clocks["says"]
    assert f":{right.process.pid} " not in clocks["says"]
    assert "NTP" in clocks["next_step"]


def off_by(seconds: int) -> list[str]:
    """The role and name of each process that measured so much, to a second."""
    far = seconds * SECOND
    return [str(row) for row in ProcessClock.objects.filter(skew__gt=far - SECOND, skew__lt=far + SECOND)]


def finding(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """What the doctor says of one thing."""
    told = manage(environment, "doctor", "--json")
    found: list[dict[str, str]] = json.JSONDecoder().raw_decode(told)[0]
    return next(each for each in found if each["name"] == name)


def test_the_web_process_measures_when_it_is_asked_for_something(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "scheduler_project.wsgi",
        "--bind",
        address,
        "--no-control-socket",
    ]
    with (tmp_path / "web.log").open("wb") as log:
        web = subprocess.Popen(
            command, cwd=ROOT, env=wrong_by(environment, -20), stdout=log, stderr=log, start_new_session=True
        )
    guard = Guard(-web.pid, None, signal="TERM")
    try:
        eventually(lambda: answers(f"http://{address}/admin/login/"), seconds=30)
        assert [round(skew / SECOND) for skew in measured("web")] == [-20]
    finally:
        web.terminate()
        web.wait(20)
        guard.release()
    assert "clock is 20 s behind, compared" in (tmp_path / "web.log").read_text()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def test_commands_tell_of_their_own_clock(environment: Mapping[str, str]) -> None:
    ahead = wrong_by(environment, 300)
    assert "clock is 5 min ahead" in manage(ahead, "sweep", "--once")
    assert [round(skew / SECOND) for skew in measured("command")] == [300]
    told = re.search(
        r"warn  clock: This process's clock differs from .* by ([+\d.]+) ms", manage(ahead, "doctor")
    )
    assert told is not None
    assert abs(float(told[1]) - 300_000) < 1000
