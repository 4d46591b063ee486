"""The receiver that other tests rely on."""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.receiver import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.receiver import Receiver


def request(path: str, key: str) -> bytes:
    body = json.dumps({"for": key}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def statuses(receiver: Receiver, *requests: bytes) -> list[bytes]:
    """Send all at once on one connection, in pieces, and return the status of each answer."""
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
        whole = b"".join(requests)
        connection.sendall(whole[:30])
        connection.sendall(whole[30:])
        answers = b""
        while answers.count(b"\r\n\r\n") < len(requests):
            answers += connection.recv(65536)
    return [line.split(b" ")[1] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1")]


def test_it_answers_many_calls_on_one_connection_in_their_order(receiver: Receiver) -> None:
    keys = [str(uuid4()) for _ in range(4)]
    paths = ["/slow?ms=50", "/status/418", "/nowhere", "/ok"]
    assert statuses(receiver, *map(request, paths, keys)) == [b"200", b"418", b"404", b"200"]
    logged = [each for each in receiver.calls() if each["key"] in keys]
    assert [each["key"] for each in logged] == keys
    assert [each["body"] for each in logged] == [{"for": key} for key in keys]
    assert all(isinstance(each["received_at"], float) for each in logged)


def test_flakiness_counts_by_key(receiver: Receiver) -> None:
    alice, bob = str(uuid4()), str(uuid4())
    asked = [request("/flaky?fail=2", alice)] * 3 + [request("/flaky", bob)] * 2
    assert statuses(receiver, *asked) == [b"503", b"503", b"200", b"503", b"200"]
    assert (receiver.keys()[alice], receiver.keys()[bob]) == (3, 2)


def test_any_behaviour_can_be_limited_to_the_first_calls_of_a_key(receiver: Receiver) -> None:
    asked = [request("/retry-after/2?fail=1", str(uuid4()))] * 2
    assert statuses(receiver, *asked) == [b"503", b"200"]


def test_it_holds_many_open_connections(receiver: Receiver) -> None:
    connections = [socket.create_connection(("127.0.0.1", receiver.port), timeout=10) for _ in range(200)]
    try:
        for connection in connections:
            connection.sendall(request("/ok", str(uuid4())))
        assert all(connection.recv(100).startswith(b"HTTP/1.1 200") for connection in connections)
    finally:
        for connection in connections:
            connection.close()


def test_a_call_is_logged_though_its_connection_is_reset_and_the_receiver_killed(tmp_path: Path) -> None:
    key = str(uuid4())
    with running(tmp_path / "calls") as receiver:
        with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
            connection.sendall(request("/reset", key))
            with suppress(ConnectionResetError):
                assert connection.recv(100) == b""
        os.kill(receiver.pid, signal.SIGKILL)
    assert receiver.keys() == {key: 1}


def test_it_ends_gracefully_when_told_to(tmp_path: Path) -> None:
    with running(tmp_path / "calls") as receiver:
        pass
    assert receiver.calls() == []
