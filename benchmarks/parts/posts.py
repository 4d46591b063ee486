"""Posts a second and their latency over HTTP: triggers, messages to groups, and a plain Django insert beside them.

The web process is that of `make up`: one gunicorn worker of four threads. Eight clients keep their connections and post
one after the other; they use the same cores, so the ratios say more than the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks import stack
from benchmarks.figures import Measured, quantile, ratios
from benchmarks.work import origin
from tests.harness.guard import Guard
from tests.harness.rabbitmq import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench

CLIENTS = 8
GROUPS = 50
LATER = "2037-01-01T00:00:00Z"
PLAIN = "plain insert"
UNBOUNDED = {"PUNCTUAL_API_PER_MINUTE": "1000000"}
# Of each unit of a run: how its line is called, and the unit that stands beside it.
AS = {"a second": "", "p50": ", p50", "p99": ", p99"}
UNITS = {"a second": "a second", "p50": "ms", "p99": "ms"}


def measure(bench: Bench) -> Measured:
    """Posts a second, and p50 and p99 in ms, by what is posted; and each as a part of the plain insert's rate."""
    posts = bench.size.posts
    with stack.fresh():
        runs = [_run(posts) for _ in bench.runs(f"{posts:,} posts of each")]
    found = Measured()
    rates = {what: [run[what]["a second"] for run in runs] for what in runs[0]}
    for what in rates:
        for unit in runs[0][what]:
            found.add(f"{what}{AS[unit]}", UNITS[unit], [run[what][unit] for run in runs])
        if what != PLAIN:
            found.add(f"{what} / {PLAIN}", "times", ratios(rates[what], rates[PLAIN]))
    return found


def _run(posts: int) -> dict[str, dict[str, float]]:
    key = _account()
    with stack.processes("web", settings=UNBOUNDED), _plain() as plain:
        port = int(os.environ["WEB_PORT"])
        return {
            PLAIN: _posted(plain, "/insert", key, posts, _trigger),
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
    server = subprocess.Popen(
        [sys.executable, "-m", *command], env=variables, stderr=subprocess.DEVNULL, start_new_session=True
    )
    guard = Guard(server.pid, None, signal="TERM")
    try:
        yield port
    finally:
        server.terminate()
        server.wait()
        guard.release()


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
    latency = {name: 1000 * quantile(took, share) for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {"a second": len(took) / seconds, **latency}


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
