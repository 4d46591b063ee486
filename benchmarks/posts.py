"""Posts a second and their latency over HTTP: triggers, messages to groups, and a plain Django insert beside them.

The web process is that of `make up`: one gunicorn worker of four threads. Eight clients keep their connections and post
one after the other; they use the same two cores, so the ratios say more than the figures.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.stack import processes
from benchmarks.work import origin
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS = 8
GROUPS = 50
LATER = "2037-01-01T00:00:00Z"


def measure(variables: dict[str, str], posts: int) -> dict[str, dict[str, float]]:
    """Posts a second, and p50 and p99 in ms, by what is posted."""
    key = _account()
    rate = {"PUNCTUAL_API_PER_MINUTE": "1000000"}
    os.environ.update(rate)
    with processes({**variables, **rate}, "web") as live, _plain() as plain:
        port = int(live.variables["WEB_PORT"])
        return {
            "plain insert": _posted(plain, "/insert", key, posts, _trigger),
            "POST /triggers": _posted(port, "/api/v1/triggers", key, posts, _trigger),
            "POST /groups": _posted(port, "/api/v1/groups", key, posts, _message),
        }


def _account() -> str:
    from django.contrib.auth.models import User

    from events import operations
    from events.models import GroupType, Rule, RuleRole

    user = User.objects.create_user(f"bench-{uuid4().hex[:8]}")
    rule = Rule(owner=user, role=RuleRole.GROUPS, name="BENCH", audience_kind="group", handler="noop-batch")
    operations.create_group_type(GroupType(rule=rule), origin=origin())
    rate = 1_000_000
    _, key = operations.make_key(user, name="bench", scope="write", rate=rate, fastest=rate, origin=origin())
    return key


@contextmanager
def _plain() -> Iterator[int]:
    [port] = free_ports(1)
    command = ["gunicorn", "benchmarks.plain:application", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.plain_settings"}
    with subprocess.Popen(
        [sys.executable, "-m", *command], env=variables, stderr=subprocess.DEVNULL
    ) as server:
        try:
            yield port
        finally:
            server.terminate()


def _trigger(number: int) -> dict[str, Any]:
    return {"function": "noop-batch", "event_id": f"{uuid4()}", "trigger_at": LATER, "payload": {"n": number}}


def _message(number: int) -> dict[str, Any]:
    return {"type": "BENCH", "id": f"{number % GROUPS}", "execute_at": LATER, "message": [{"n": number}]}


def _posted(
    port: int, path: str, key: str, posts: int, body_of: Callable[[int], dict[str, Any]]
) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def client(first: int, count: int) -> list[float]:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        took = []
        for number in range(first, first + count):
            begin = time.perf_counter()
            connection.request("POST", path, json.dumps(body_of(number)), headers)
            answer = connection.getresponse()
            told = answer.read()
            took.append(time.perf_counter() - begin)
            assert answer.status in {200, 201}, told
        return took

    _wait(port)
    each = posts // CLIENTS
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda n: client(n, 20), range(CLIENTS)))  # warms it up
        begin = time.perf_counter()
        found = list(clients.map(lambda n: client(n * each, each), range(CLIENTS)))
        seconds = time.perf_counter() - begin
    took = sorted(one for some in found for one in some)
    cuts = statistics.quantiles(took, n=100)
    return {"a second": len(took) / seconds, "p50 ms": cuts[49] * 1000, "p99 ms": cuts[98] * 1000}


def _wait(port: int) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            assert time.monotonic() < end, "the web process does not answer"
            time.sleep(0.2)
        else:
            return
