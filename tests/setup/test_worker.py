"""A worker with these settings: one database connection, and a stop that loses nothing. On both brokers."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django_celery_results.models import TaskResult

from scheduler_project import filebroker
from tests.harness.worker import CeleryProgram, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.harness.database import CommittedDatabase


@pytest.fixture(params=["files", "rabbitmq"])
def environment(
    request: pytest.FixtureRequest, committed_db: CommittedDatabase, tmp_path: Path
) -> Mapping[str, str]:
    """What a worker needs to know, for each broker."""
    if request.param == "files":
        filebroker.prepare(tmp_path / "broker")
        return committed_db.environment(PUNCTUAL_VAR=str(tmp_path))
    url = request.getfixturevalue("rabbitmq_url")
    return committed_db.environment(PUNCTUAL_VAR=str(tmp_path), CELERY_BROKER_URL=url)


@pytest.fixture
def worker(environment: Mapping[str, str], tmp_path: Path) -> Iterator[CeleryProgram]:
    """A worker that knows the probing tasks and is ready."""
    arguments = [
        "worker",
        "--include",
        "tests.setup.probe",
        "--queues",
        "maintenance",
        "--concurrency",
        "1",
        "--hostname",
        "probe@%h",
    ]
    with CeleryProgram(tmp_path / "worker.log", environment, *arguments) as program:
        program.wait_for("ready.")
        yield program


def send(environment: Mapping[str, str], code: str) -> None:
    """Run a line of Python that publishes, in a process that has the worker's settings."""
    program = f"import django; django.setup(); from tests.setup import probe; {code}"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def results(name: str) -> list[str]:
    return list(TaskResult.objects.filter(task_name=name, status="SUCCESS").values_list("result", flat=True))


@pytest.mark.usefixtures("worker")
def test_one_child_keeps_one_backend_over_many_tasks_and_replaces_it_when_it_dies(
    environment: Mapping[str, str],
) -> None:
    send(environment, "[probe.backend.delay() for _ in range(20)]")
    eventually(lambda: len(results("probe.backend")) == 20, seconds=20)
    (backend,) = set(results("probe.backend"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [int(backend)])
    time.sleep(0.2)
    send(environment, "[probe.backend.delay() for _ in range(10)]")
    eventually(lambda: len(results("probe.backend")) == 30, seconds=20)
    assert len(set(results("probe.backend"))) == 2
    assert not TaskResult.objects.exclude(status="SUCCESS").exists()


def test_a_stopped_worker_finishes_the_set_it_is_at_and_says_how_far_it_came(
    worker: CeleryProgram, environment: Mapping[str, str], tmp_path: Path
) -> None:
    announce = tmp_path / "announce"
    send(environment, f"probe.work_until_stopped.delay({str(announce)!r})")
    eventually(announce.exists, seconds=10, what=lambda: worker.output)
    begin = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - begin < 12
    (result,) = results("probe.work_until_stopped")
    assert "stopped between two sets" in result
