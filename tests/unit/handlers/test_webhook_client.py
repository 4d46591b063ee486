"""The client: connections are shared and kept, and no answer is too long or too slow for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING

import httpcore2
import httpx2
import pytest

from events.handling import Completed, Retry
from handlers.webhook import client as client_module
from handlers.webhook.client import client
from handlers.webhook.stream import BoundedStream, Budget
from tests.harness.rabbitmq import free_ports
from tests.unit.handlers.conftest import calls_of

if TYPE_CHECKING:
    from tests.receiver import Receiver
    from tests.unit.handlers.conftest import Call

pytestmark = pytest.mark.usefixtures("loopback_allowed")

FORK = """
import os
from handlers.webhook.client import client
before = client()
child = os.fork()
if child == 0:
    os._exit(0 if client() is not before else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or client() is not before)
"""


def test_a_connection_is_kept_from_call_to_call(receiver: Receiver, call: Call) -> None:
    attempts = [call(receiver.url("/ok"))[0] for _ in range(3)]
    assert len({calls_of(receiver, attempt)[0]["connection"] for attempt in attempts}) == 1


def test_a_connection_that_broke_is_replaced(receiver: Receiver, call: Call) -> None:
    assert isinstance(call(receiver.url("/ok"))[1], Completed)
    assert isinstance(call(receiver.url("/reset"))[1], Retry)
    assert isinstance(call(receiver.url("/ok"))[1], Completed)


def test_the_end_of_an_idle_connection_is_noticed_before_its_use() -> None:
    ours, theirs = socket.socketpair()
    stream = BoundedStream(ours, lambda: Budget(perf_counter() + 1, 1))
    assert stream.get_extra_info("is_readable") is False
    theirs.close()
    assert stream.get_extra_info("is_readable") is True
    stream.close()


def test_sixteen_threads_share_one_client(receiver: Receiver, call: Call) -> None:
    with ThreadPoolExecutor(16) as threads:
        made = list(threads.map(lambda _: call(receiver.url("/slow?ms=5")), range(100)))
    assert all(isinstance(outcome, Completed) for _, outcome in made)
    received = [calls_of(receiver, attempt) for attempt, _ in made]
    assert all(len(each) == 1 for each in received)
    assert len({each[0]["connection"] for each in received}) <= 16


@pytest.mark.parametrize("path", ["/huge?kib=256", "/drip-body"])
def test_a_body_that_is_too_long_or_too_slow_is_left_with_its_connection(
    receiver: Receiver, call: Call, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(client_module, "DRAIN_SECONDS", 0.1)
    first, outcome = call(receiver.url(path))
    second, _ = call(receiver.url("/ok"))
    assert isinstance(outcome, Completed)
    assert calls_of(receiver, first)[0]["connection"] != calls_of(receiver, second)[0]["connection"]


def test_a_body_of_decent_size_costs_no_connection(receiver: Receiver, call: Call) -> None:
    first, _ = call(receiver.url("/huge?kib=32"))
    second, _ = call(receiver.url("/ok"))
    assert calls_of(receiver, first)[0]["connection"] == calls_of(receiver, second)[0]["connection"]


def test_a_flood_of_provisional_answers_is_cut_off(receiver: Receiver, call: Call) -> None:
    _, outcome = call(receiver.url("/chatty"))
    assert outcome == Retry("127.0.0.1 gave no answer: the answer is too long.")


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_ports(1)[0]}")
    assert isinstance(call(receiver.url("/ok"))[1], Completed)


def test_one_client_serves_a_process_and_a_child_begins_its_own(fresh_client: None) -> None:
    assert client() is client()
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60)


def test_a_receiver_that_does_not_read_cannot_hold_a_call() -> None:
    ours, theirs = socket.socketpair()
    budget = Budget(perf_counter() + 0.2, 1)
    stream = BoundedStream(ours, lambda: budget)
    with theirs, pytest.raises(httpcore2.WriteTimeout):
        stream.write(b"x" * 50_000_000)
    stream.close()


def test_a_spent_budget_sends_nothing() -> None:
    with pytest.raises(TimeoutError):
        Budget(perf_counter(), 1).seconds()


def test_an_address_in_version_six_has_its_brackets_in_the_host_header(call: Call) -> None:
    [port] = free_ports(1)
    url = httpx2.URL(f"http://[::1]:{port}/")
    assert client_module._head(url, {}) == [(b"Host", b"[::1]:%d" % port)]
    assert call(str(url))[1].__class__.__name__ == "Reject"
