"""No beat, no sweeper: one worker, and a timer's commands as examples/cronjob/crontab has them."""

from __future__ import annotations

import os
import re
import shlex
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from scheduler_project import filebroker
from tests.acceptance.deployment import ROOT, Deployment
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.harness.postgres import StoppablePostgres
    from tests.receiver import Receiver

PEOPLE = 6
# As if it had been written long ago: due in a moment, and planned until now.
DUE_SOON = """
from datetime import timedelta
from uuid import uuid4
from events import clock, operations
from events.models import Occurrence, Rule
from events.operations import EntityFacts
from events.transitions import Origin
origin = Origin("user:alice", uuid4(), clock.now())
facts = [EntityFacts("client", f"client {{number}}", "Pacific/Apia") for number in range({people})]
operations.put_entities(facts, origin=origin)
due = origin.now + timedelta(seconds=2)
rule = Rule(name="soon", audience_kind="client", start_date=due.date(), local_time=due.time(), timezone="UTC",
            handler="webhook", payload={{"url": {url!r}}})
operations.create_rule(rule, horizon=timedelta(hours=48), origin=origin)
Occurrence.objects.all().delete()
Rule.objects.update(planned_until=origin.now)
"""
STORY = """
SELECT t.reason, count(*) FROM events_move t JOIN events_occurrence o ON o.id = t.occurrence_id
WHERE t.actor NOT LIKE 'worker:%' GROUP BY t.reason
"""


@pytest.fixture
def live(own_postgres: StoppablePostgres, tmp_path: Path) -> Iterator[Deployment]:
    """A database and a broker of files; nothing runs yet."""
    filebroker.prepare(tmp_path / "broker")
    web, flower = free_ports(2)
    deployment = Deployment(
        {
            **os.environ,
            "DATABASE_URL": own_postgres.url,
            "PUNCTUAL_VAR": str(tmp_path),
            "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PUNCTUAL_CLAIM_LEASE_SECONDS": "5",
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        },
        tmp_path,
    )
    deployment.manage("migrate", "-v", "0")
    deployment.manage("prepare")
    try:
        yield deployment
    finally:
        deployment.stop()


def crontab(verb: str) -> list[list[str]]:
    """The arguments of the example's commands that hold this word, without the Python that runs them."""
    lines = (ROOT / "examples" / "cronjob" / "crontab").read_text().splitlines()
    found = [re.search(r"\.venv/bin/python (.*) >/dev/null$", line) for line in lines]
    return [shlex.split(match[1]) for match in found if match and verb in shlex.split(match[1])]


def tick(live: Deployment, verb: str) -> list[str]:
    """Run the example's commands of this verb one after another; what each said."""
    said = []
    for program, *arguments in crontab(verb):
        assert program == "manage.py"
        said.append(live.manage(*arguments))
    assert said
    return said


def asked(server: StoppablePostgres, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute(question).fetchall()


def eventually(live: Deployment, what: str, is_so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not so within {seconds} s\n{live.told()}"
        time.sleep(0.1)


def test_a_timers_commands_and_a_worker_fire_each_row_once_though_its_message_was_lost(
    live: Deployment, own_postgres: StoppablePostgres, receiver: Receiver, tmp_path: Path
) -> None:
    live.manage("shell", "-v", "0", "-c", DUE_SOON.format(url=receiver.url(), people=PEOPLE))
    assert [said.split()[0] for said in tick(live, "plan")] == [str(PEOPLE)]

    due = "SELECT 1 FROM events_occurrence WHERE due_at > clock_timestamp()"
    eventually(live, "all are due", lambda: not asked(own_postgres, due))
    assert sum(handed(said) for said in tick(live, "sweep")) == PEOPLE
    for message in (tmp_path / "broker" / "messages").glob("*.msg"):
        message.unlink()  # the broker loses what it has

    lapsed = "SELECT 1 FROM events_occurrence WHERE lease_expires_at > clock_timestamp()"
    eventually(live, "the leases have lapsed", lambda: not asked(own_postgres, lapsed))
    assert [said.split()[0] for said in tick(live, "recover")] == [str(PEOPLE)]

    live.start("worker-2")
    assert sum(handed(said) for said in tick(live, "sweep")) == PEOPLE
    done = "SELECT count(*) FROM events_occurrence WHERE state = 'COMPLETED'"
    eventually(live, "all are completed", lambda: asked(own_postgres, done) == [(PEOPLE,)])
    assert sorted(receiver.keys().values()) == [1] * PEOPLE
    assert dict(asked(own_postgres, STORY)) == {  # type: ignore[arg-type]
        "planned": PEOPLE, "claimed": 2 * PEOPLE, "claim_lapsed": PEOPLE,
    }  # fmt: skip
    assert "ok    sweeps: A sweep last looked" in live.manage("doctor")


def handed(said: str) -> int:
    """How many rows a sweep says that it handed to the workers."""
    found = re.fullmatch(r"\d+ rows? recovered, (\d+) rows? handed to the workers\.\n", said)
    assert found, said
    return int(found[1])


def test_the_timer_has_old_records_of_sweeps_forgotten_too(
    live: Deployment, own_postgres: StoppablePostgres
) -> None:
    tick(live, "sweep")
    with psycopg.connect(own_postgres.url) as connection:
        connection.execute(
            "INSERT INTO events_sweep (sweeper, started_at, seen_at, passes, claimed, recovered)"
            " SELECT 'old', now() - interval '31 days', now() - interval '31 days', 1, 0, 0"
        )
    tick(live, "shell")
    assert asked(own_postgres, "SELECT passes FROM events_sweep WHERE sweeper <> 'old'") == [(1,), (1,)]
    assert not asked(own_postgres, "SELECT 1 FROM events_sweep WHERE sweeper = 'old'")
