"""A trigger is saved before anything else: it is taken while the broker is away, and fires when it is back."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.acceptance.deployment import Deployment
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.harness.postgres import StoppablePostgres
    from tests.harness.rabbitmq import RabbitNode
    from tests.receiver import Receiver

# An account, and its key on the last line.
NEW_KEY = """
from uuid import uuid4
from django.contrib.auth.models import User
from events import clock, operations
from events.transitions import Origin
alice = User.objects.create_user("alice")
origin = Origin("user:alice", uuid4(), clock.now())
print(operations.make_key(alice, name="back end", scope="write", rate=600, fastest=600, origin=origin)[1])
"""
STATES = "SELECT state, reason FROM events_occurrence"


@pytest.fixture
def live(own_postgres: StoppablePostgres, rabbitmq_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """A database of its own, RabbitMQ, and nothing but a web process."""
    web, flower = free_ports(2)
    deployment = Deployment(
        {
            **os.environ,
            "DATABASE_URL": own_postgres.url,
            "CELERY_BROKER_URL": rabbitmq_url,
            "PUNCTUAL_VAR": str(tmp_path),
            "PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WEB_PORT": str(web),
            "FLOWER_PORT": str(flower),
        },
        tmp_path,
    )
    deployment.manage("migrate", "-v", "0")
    deployment.manage("prepare")
    deployment.start("web")
    try:
        yield deployment
    finally:
        deployment.stop()


def eventually(live: Deployment, what: str, is_so: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not so within {seconds} s\n{live.told()}"
        time.sleep(0.1)


def post(live: Deployment, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{live.variables['WEB_PORT']}/api/v1/triggers",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, json.load(answer)


def is_up(live: Deployment) -> bool:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{live.variables['WEB_PORT']}/api/v1/openapi.json", timeout=5
        ):
            return True
    except OSError:
        return False


def states(server: StoppablePostgres) -> list[tuple[str, str]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute(STATES).fetchall()


def test_a_trigger_is_taken_with_the_broker_away_and_fires_once_when_it_is_back(
    live: Deployment, own_postgres: StoppablePostgres, rabbitmq_node: RabbitNode, receiver: Receiver
) -> None:
    key = live.manage("shell", "-v", "0", "-c", NEW_KEY).split()[-1]
    eventually(live, "web answers", lambda: is_up(live))
    rabbitmq_node.kill()
    try:
        status, answer = post(
            live, key,
            {
                "triggerUtc": "Wed, 08 Apr 2026 20:26:09 GMT", "functiontorun": "webhook", "eventid": "event-1001",
                "payload": {"url": receiver.url("/ok")},
            },
        )  # fmt: skip
        assert (status, answer["result"]) == (201, "created")
        assert states(own_postgres) == [("SCHEDULED", "given")]
    finally:
        rabbitmq_node.start()
    live.manage("prepare")
    live.start("worker-1", "worker-2")  # one for each lane: it is late by now
    live.manage("sweep", "--once")
    eventually(live, "it is done", lambda: states(own_postgres) == [("COMPLETED", "completed")])
    assert len(receiver.calls()) == 1
