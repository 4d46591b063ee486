"""The database goes away and comes back while a call is in hand and a sweep sleeps: nothing is lost or repeated."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from scheduler_project import filebroker
from tests.acceptance.deployment import Deployment
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.harness.postgres import StoppablePostgres
    from tests.receiver import Receiver

OUTAGE_SECONDS = 7
STATES = """
SELECT r.name, o.state, o.attempt, o.failures
FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id
"""
# One rule, due in so many seconds, that calls a URL; strict, so that a second call would be seen as UNKNOWN at least.
DUE_SOON = """
from datetime import timedelta
from uuid import uuid4
from events import clock, operations
from events.models import Rule
from events.operations import EntityFacts
from events.transitions import Origin
origin = Origin("user:alice", uuid4(), clock.now())
operations.put_entities([EntityFacts("client", "alice", "Pacific/Apia")], origin=origin)
due = origin.now + timedelta(seconds={seconds})
rule = Rule(name={name!r}, audience_kind="client", start_date=due.date(), local_time=due.time(), timezone="UTC",
            handler="webhook", payload={{"url": {url!r}}}, at_most_once=True)
operations.create_rule(rule, horizon=timedelta(hours=48), origin=origin)
"""


@pytest.fixture
def live(own_postgres: StoppablePostgres, tmp_path: Path) -> Iterator[Deployment]:
    """A sweeper, a worker and a beat on a database of their own."""
    filebroker.prepare(tmp_path / "broker")
    web, flower = free_ports(2)
    deployment = Deployment(
        {
            **os.environ,
            "DATABASE_URL": own_postgres.url,
            "PUNCTUAL_VAR": str(tmp_path),
            "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        },
        tmp_path,
    )
    deployment.manage("migrate", "-v", "0")
    deployment.manage("prepare")
    deployment.start("sweeper", "worker-1", "beat-1")
    try:
        yield deployment
    finally:
        deployment.stop()


def soon(live: Deployment, name: str, url: str, *, seconds: int) -> None:
    live.manage("shell", "-v", "0", "-c", DUE_SOON.format(name=name, url=url, seconds=seconds))


def asked(server: StoppablePostgres, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute(question).fetchall()


def eventually(live: Deployment, what: str, is_so: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not so within {seconds} s\n{live.told()}"
        time.sleep(0.1)


def test_a_call_in_hand_is_settled_and_a_sleeping_sweep_goes_on_when_the_database_is_back(
    live: Deployment, own_postgres: StoppablePostgres, receiver: Receiver
) -> None:
    """The call begins before the outage and ends in it; the next row comes due in it."""
    eventually(
        live,
        "a sweep is awake",
        lambda: bool(asked(own_postgres, "SELECT 1 FROM events_sweep WHERE passes > 0")),
    )
    soon(live, "in hand", receiver.url("/slow?ms=6000"), seconds=1)
    soon(live, "due meanwhile", receiver.url("/ok"), seconds=6)
    eventually(live, "the call is in hand", lambda: len(receiver.calls()) == 1)
    own_postgres.stop()
    time.sleep(OUTAGE_SECONDS)
    own_postgres.start()

    wanted = [("due meanwhile", "COMPLETED", 1, 0), ("in hand", "COMPLETED", 1, 0)]
    eventually(live, "both are completed", lambda: sorted(asked(own_postgres, STATES)) == wanted)
    assert len(receiver.calls()) == 2
    assert set(receiver.keys().values()) == {1}
    late = asked(own_postgres, "SELECT detail FROM events_transition WHERE reason = 'late_answer'")
    assert late == [], json.dumps(late)
    told = live.told()
    assert "the database did not take what a chunk came to" in told
    assert "the database is away: the sweep waits for it" in told
    assert "Traceback" not in (live.logs / "sweeper.log").read_text()
