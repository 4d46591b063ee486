"""The API as it is served: by gunicorn, on a PostgreSQL of its own that goes away and comes back."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import psycopg
import pytest

from tests.acceptance.deployment import Deployment
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.harness.postgres import StoppablePostgres

PASSWORD = "everything at its time"
NDJSON = {"Content-Type": "application/x-ndjson"}
RULE = {"name": "tea", "audience_kind": "person", "handler": "log", "phrase": "every day at 16:00"}
LINES = 6_000


@pytest.fixture
def live(own_postgres: StoppablePostgres, tmp_path: Path) -> Iterator[Deployment]:
    """The web process alone."""
    web, flower = free_ports(2)
    variables = {
        **os.environ,
        "DATABASE_URL": own_postgres.url,
        "PUNCTUAL_VAR": str(tmp_path),
        "PUNCTUAL_REGISTRATION_OPEN": "true",
        "PUNCTUAL_API_PER_MINUTE": "60000",
        "WEB_PORT": str(web),
        "FLOWER_PORT": str(flower),
    }
    deployment = Deployment(variables, tmp_path)
    deployment.manage("migrate", "-v", "0")
    deployment.manage("collectstatic", "--noinput", "-v", "0")
    deployment.start("web")
    try:
        yield deployment
    finally:
        deployment.stop()


@pytest.fixture
def http(live: Deployment) -> Iterator[httpx2.Client]:
    """A client without a key, once somebody listens."""
    url = f"http://127.0.0.1:{live.variables['WEB_PORT']}"
    # Each call has a connection of its own: one that is kept may be closed by the server just when it is used again.
    alone = httpx2.Limits(max_keepalive_connections=0)
    with httpx2.Client(base_url=url, timeout=60, trust_env=False, limits=alone) as client:
        end = time.monotonic() + 60
        while True:
            try:
                client.get("/api/v1/openapi.json")
                break
            except httpx2.TransportError:
                assert time.monotonic() < end, live.told()
                time.sleep(0.1)
        yield client


@pytest.fixture
def alice(http: httpx2.Client) -> httpx2.Client:
    """She has registered and logged in."""
    given = {"username": "alice", "password": PASSWORD, "timezone": "Europe/Berlin"}
    assert http.post("/api/v1/account/register", json=given).status_code == 201
    key = http.post("/api/v1/account/login", json={"username": "alice", "password": PASSWORD}).json()["key"]
    http.headers["Authorization"] = f"Bearer {key}"
    return http


def lines() -> Iterator[bytes]:
    """People as a program would stream them, whose number nobody knows before."""
    for number in range(LINES):
        person = {"kind": "person", "external_id": f"p{number}", "timezone": "UTC", "name": "x" * 100}
        yield orjson.dumps(person) + b"\n"


def count(server: StoppablePostgres, table: str) -> int:
    with psycopg.connect(server.url) as connection:
        found: Any = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0])


def test_it_serves_its_documents_streams_sets_and_outlives_its_database(
    alice: httpx2.Client, live: Deployment, own_postgres: StoppablePostgres
) -> None:
    page = alice.get("/api/v1/docs")
    assert page.status_code == 200
    assert alice.get("/static/ninja/swagger-ui-bundle.js").status_code == 200

    # A body in chunks, an answer in lines as sets are done.
    with alice.stream("POST", "/api/v1/entities/bulk", content=lines(), headers=NDJSON) as answer:
        assert answer.status_code == 200
        told = [orjson.loads(line) for line in answer.iter_lines()]
    assert [each["line"] for each in told] == list(range(1, LINES + 1))
    assert {each["status"] for each in told} == {"created"}
    too_many = alice.post(
        "/api/v1/entities/bulk", content=(b"x" * 65_536 for _ in range(300)), headers=NDJSON
    )
    assert too_many.status_code == 413

    # Sixteen at once with one key.
    with ThreadPoolExecutor(16) as pool:
        keyed = {"Idempotency-Key": "k1"}
        answers = list(pool.map(lambda _: alice.post("/api/v1/rules", json=RULE, headers=keyed), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert count(own_postgres, "events_rule") == 1

    own_postgres.stop()
    away = alice.get("/api/v1/account")
    assert (away.status_code, away.json()["type"]) == (503, "/problems/database-away")
    assert int(away.headers["Retry-After"]) > 0
    assert away.headers["X-Request-Id"] == away.json()["request_id"]
    own_postgres.start()
    assert alice.get("/api/v1/account").status_code == 200, live.told()


def test_who_hangs_up_before_the_answer_sends_it_again_and_has_one_effect(
    alice: httpx2.Client, own_postgres: StoppablePostgres
) -> None:
    body, keyed = b"".join(lines()), {**NDJSON, "Idempotency-Key": "k1"}
    before = count(own_postgres, "events_entity")
    with pytest.raises(httpx2.ReadTimeout):
        alice.post("/api/v1/entities/bulk", content=body, headers=keyed, timeout=0.2)
    again = alice.post("/api/v1/entities/bulk", content=body, headers=keyed)
    assert again.content.count(b'"created"') == LINES
    assert count(own_postgres, "events_entity") == before + LINES
    assert alice.post("/api/v1/entities/bulk", content=body, headers=keyed).content == again.content
