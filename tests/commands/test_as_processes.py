"""Commands as a person runs them: exit codes, what goes to which stream, signals, and servers that are away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from events.models import Sweep
from tests.commands.conftest import ROOT, csv_file
from tests.harness.worker import CeleryProgram, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.commands.conftest import Process
    from tests.harness.database import CommittedDatabase

NOWHERE = {
    "DATABASE_URL": "postgresql://alice@127.0.0.1:1/none",
    "CELERY_BROKER_URL": "amqp://guest@127.0.0.1:1//",
}


@pytest.fixture
def mute_server() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_mistake_is_told_on_stderr_with_exit_code_one_and_no_traceback(
    manage: Process, tmp_path: Path
) -> None:
    ran = manage("import_entities", csv_file(tmp_path, "external_id,timezone\nbob,EST\n"))
    assert ran.returncode == 1
    assert ran.stderr.startswith("CommandError: ")
    assert "line 2: timezone: 'EST' is an abbreviation" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize("command", ["sweep --once", "load_sample"])
def test_without_a_database_a_command_says_so_in_a_sentence(manage: Process, command: str) -> None:
    ran = manage(*command.split(), **NOWHERE)
    assert ran.returncode == 1
    assert "CommandError: The database did not do it: connection failed" in ran.stderr
    assert "See: manage.py doctor" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_reader_that_goes_away_early_is_no_error_to_complain_of(committed_db: CommittedDatabase) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "manage.py", "list_handlers"]
    with os.fdopen(writing, "w") as gone:
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env=committed_db.environment(PYTHONUNBUFFERED="1"),
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (1, "")


def test_a_sweep_that_stays_awake_stops_when_it_is_asked_to(
    committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    environment = committed_db.environment(PYTHONUNBUFFERED="1", PUNCTUAL_VAR=str(tmp_path))
    command = [sys.executable, "manage.py", "sweep"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as sweep:
        eventually(lambda: Sweep.objects.filter(passes__gte=1).exists(), seconds=30, what="the first pass")
        sweep.send_signal(signal.SIGTERM)
        said, _ = sweep.communicate(timeout=30)
    assert sweep.returncode == 0
    assert said.startswith("Awake. Ctrl-C ends it")
    assert said.endswith("Stopped. 0 rows recovered, 0 rows handed to the workers.\n")


def test_the_doctor_without_any_server_names_what_is_away_and_what_to_do(manage: Process) -> None:
    ran = manage("doctor", "--json", **NOWHERE)
    found = {finding["name"]: finding for finding in json.loads(ran.stdout)}
    assert ran.returncode == 1
    assert f"2 looks of {len(found)} failed: database, broker." in ran.stderr
    assert found["database"]["status"] == found["broker"]["status"] == "fail"
    assert found["settings"]["status"] == found["handlers"]["status"] == "ok"
    others = found.keys() - {"database", "broker", "settings", "handlers"}
    assert {found[name]["status"] for name in others} == {"warn"}
    assert all(finding["next_step"] for finding in found.values() if finding["status"] != "ok")


def test_the_doctor_does_not_wait_for_ever_for_servers_that_never_answer(
    manage: Process, mute_server: int
) -> None:
    ran = manage(
        "doctor",
        DATABASE_URL=f"postgresql://alice@127.0.0.1:{mute_server}/none",
        CELERY_BROKER_URL=f"amqp://guest@127.0.0.1:{mute_server}//",
    )
    assert ran.returncode == 1
    assert "fail  database: PostgreSQL does not answer: connection timeout expired" in ran.stdout
    assert "fail  broker: The broker does not answer: " in ran.stdout
    assert "Traceback" not in ran.stderr


def test_the_doctor_sees_who_works(manage: Process, committed_db: CommittedDatabase, tmp_path: Path) -> None:
    var = {"PUNCTUAL_VAR": str(tmp_path / "var")}
    for name in ("messages", "processed", "control"):
        (tmp_path / "var" / "broker" / name).mkdir(parents=True)
    arguments = (
        "worker",
        "--pool",
        "solo",
        "--queues",
        "live,catchup",
        "--hostname",
        "alice@here",
        "--loglevel",
        "INFO",
    )
    with CeleryProgram(tmp_path / "worker.log", committed_db.environment(**var), *arguments) as worker:
        worker.wait_for("ready")
        ran = manage("doctor", **var)
    assert "ok    broker: " in ran.stdout
    assert "ok    queues: Messages waiting: catchup 0, dead 0, live 0, maintenance 0, sweep 0." in ran.stdout
    assert "warn  workers: 1 worker answered: alice@here. Nobody listens to maintenance, sweep." in ran.stdout
    assert ran.returncode == 0, ran.stdout


def test_the_doctor_sees_undeclared_queues_and_prepare_mends_it(manage: Process, rabbitmq_url: str) -> None:
    broker = {"CELERY_BROKER_URL": rabbitmq_url}
    before = manage("doctor", **broker)
    assert "fail  queues: Not declared: catchup, dead, live, maintenance, sweep." in before.stdout
    assert "-> Run: manage.py prepare" in before.stdout
    assert before.returncode == 1

    assert manage("prepare", **broker).returncode == 0
    after = manage("doctor", **broker)
    assert "ok    queues: Messages waiting: catchup 0, dead 0" in after.stdout
    assert "fail  workers: 0 workers answered. Nobody listens to catchup, live" in after.stdout
