"""TLS: the certificate must be trusted and for the name, though the connection goes to an address."""

from __future__ import annotations

import socket
import ssl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from events.handling import Completed, Retry
from handlers.webhook import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.handlers.conftest import Call

# For receiver.test, signed by itself; its key is public, and good for nothing else.
CERTIFICATE = Path(__file__).parent / "tls" / "test-only.pem"

pytestmark = pytest.mark.usefixtures("loopback_allowed")


class Secure:
    """An HTTPS server that remembers which names it was asked for."""

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.hosts: list[str | None] = []
        self.server = HTTPServer(("127.0.0.1", 0), self._answers())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes
        self.port = self.server.server_address[1]

    def _answers(self) -> type[BaseHTTPRequestHandler]:
        hosts = self.hosts

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hosts.append(self.headers["Host"])
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        return Answer


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secure]:
    """An HTTPS server on this machine, and every name leading to it."""
    secure = Secure()
    address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", secure.port))
    monkeypatch.setattr(targets, "getaddrinfo", lambda *_args, **_options: [address])
    thread = Thread(target=secure.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield secure
    secure.server.shutdown()
    thread.join()
    secure.server.server_close()


def test_a_trusted_receiver_is_called_by_its_name(
    secure: Secure, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    _, outcome = call(f"https://receiver.test:{secure.port}/")
    assert isinstance(outcome, Completed)
    assert secure.names == ["receiver.test"]
    assert secure.hosts == [f"receiver.test:{secure.port}"]


def test_a_certificate_that_nobody_trusts_stops_the_call_before_its_request(
    secure: Secure, call: Call
) -> None:
    _, outcome = call(f"https://receiver.test:{secure.port}/")
    assert isinstance(outcome, Retry)
    assert "certificate verify failed" in outcome.reason
    assert secure.hosts == []


def test_a_certificate_for_another_name_stops_the_call_before_its_request(
    secure: Secure, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    _, outcome = call(f"https://other.test:{secure.port}/")
    assert isinstance(outcome, Retry)
    assert "Hostname mismatch" in outcome.reason
    assert secure.hosts == []
