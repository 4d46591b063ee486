"""Beat lives through an outage of the database."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from scheduler_project import filebroker
from tests.harness.worker import CeleryProgram, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.harness.postgres import StoppablePostgres

EVERY_SECOND = """
from django_celery_beat.models import IntervalSchedule, PeriodicTask
second, _ = IntervalSchedule.objects.get_or_create(every=1, period="seconds")
PeriodicTask.objects.create(name="often", task="punctual.prune", interval=second)
"""


def manage(environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *arguments], env=environment, check=True, capture_output=True
    )


def installed(postgres: StoppablePostgres, folder: Path) -> Mapping[str, str]:
    """The environment of an installation whose beat has something to send every second."""
    filebroker.prepare(folder / "broker")
    environment = {**os.environ, "DATABASE_URL": postgres.url, "PUNCTUAL_VAR": str(folder)}
    manage(environment, "migrate", "-v", "0")
    manage(environment, "prepare")
    manage(environment, "shell", "-v", "0", "-c", EVERY_SECOND)
    return environment


def test_beat_waits_for_the_database_and_carries_on(own_postgres: StoppablePostgres, tmp_path: Path) -> None:
    environment = installed(own_postgres, tmp_path)
    messages = tmp_path / "broker" / "messages"

    def sent() -> int:
        return len(list(messages.iterdir()))

    with CeleryProgram(tmp_path / "beat.log", environment, "beat", "--pidfile=") as beat:
        eventually(lambda: sent() >= 2, seconds=30, what=lambda: beat.output)
        own_postgres.stop()
        beat.wait_for("the database is away: beat waits for it")
        before = sent()
        own_postgres.start()
        beat.wait_for("the database is back: beat carries on")
        eventually(lambda: sent() >= before + 2, seconds=30, what=lambda: beat.output)
        assert beat.process.poll() is None
        assert beat.output.count("the database is away") == 1
        assert "Traceback" not in beat.output
        assert beat.stop() == 0


def test_beat_may_start_before_the_database_is_there_and_be_stopped_meanwhile(
    own_postgres: StoppablePostgres, tmp_path: Path
) -> None:
    environment = installed(own_postgres, tmp_path)
    messages = tmp_path / "broker" / "messages"
    own_postgres.stop()

    with CeleryProgram(tmp_path / "given-up.log", environment, "beat", "--pidfile=") as beat:
        beat.wait_for("the database is away: beat waits for it")
        assert beat.stop() == 0, beat.output
    with CeleryProgram(tmp_path / "beat.log", environment, "beat", "--pidfile=") as beat:
        beat.wait_for("the database is away: beat waits for it")
        own_postgres.start()
        eventually(lambda: any(messages.iterdir()), seconds=30, what=lambda: beat.output)
        assert beat.stop() == 0, beat.output
