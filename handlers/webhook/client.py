"""The HTTP client: pinned to checked addresses, bounded in time and in bytes, one per process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import httpcore2

from events.errors import PunctualError
from handlers.webhook.stream import BoundedStream, Budget, connect
from handlers.webhook.targets import endpoints

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx2

MAX_RESPONSE_BYTES = 64 * 1024
MAX_CONNECTIONS = 64
# Shorter than common servers keep a connection, so that they seldom close one in the moment that we use it.
KEEPALIVE_SECONDS = 3.0
# The answer is known when its head is here; its body is read only so that the connection can be used again.
DRAIN_SECONDS = 1.0

NETWORK_PROBLEMS = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)

_clients: dict[int, Client] = {}
# All of a call's input and output is done in the thread that makes the call.
_budget: ContextVar[Budget] = ContextVar("webhook_budget")


class Unreachable(PunctualError):
    """{host} gave no answer: {problem}."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a receiver's answer, header names in lower case, and how long it took."""

    status: int
    headers: Mapping[str, str]
    milliseconds: int


class GuardedBackend(httpcore2.NetworkBackend):
    """Opens connections to checked addresses alone; the name is not resolved again after the check."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the budget is stricter
        local_address: str | None = None,  # noqa: ARG002 - httpcore2's signature
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore2's signature
    ) -> httpcore2.NetworkStream:
        """Connect to one of the host's addresses; raises TargetRefused before any packet is sent."""
        budget = _budget.get()
        try:
            found = endpoints(host, port, budget.seconds())
            return BoundedStream(connect(found, budget), _budget.get)
        except TimeoutError as problem:
            raise httpcore2.ConnectTimeout(str(problem)) from problem
        except OSError as problem:
            raise httpcore2.ConnectError(str(problem)) from problem


class Client:
    """A pool of connections that threads share. Redirects are not followed and no proxy is used."""

    def __init__(self) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            network_backend=GuardedBackend(),
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )

    def post(self, url: httpx2.URL, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """POST, and return the answer's head; the whole call takes at most `seconds` and reads 64 KiB.

        Raises TargetRefused before anything is sent, Unreachable if there was no answer in time.
        """
        started = perf_counter()
        with _bounded(Budget(started + seconds, MAX_RESPONSE_BYTES)) as budget:
            try:
                with self._pool.stream(
                    "POST", _target(url), headers=_head(url, headers), content=body,
                    extensions={"timeout": {"pool": seconds}},
                ) as response:  # fmt: skip
                    took = perf_counter() - started
                    _drain(response, budget)
            except NETWORK_PROBLEMS as problem:
                raise Unreachable(host=url.host, problem=_named(problem, seconds)) from problem
        return Answer(response.status, _text(response.headers), round(took * 1000))

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def client() -> Client:
    """This process's client. A child has its own, for two processes must not speak on one connection."""
    pid = os.getpid()
    # setdefault is atomic: threads that meet here agree on one, and no lock is held while a child is forked.
    return _clients.get(pid) or _clients.setdefault(pid, Client())


@contextmanager
def _bounded(budget: Budget) -> Iterator[Budget]:
    token = _budget.set(budget)
    try:
        yield budget
    finally:
        _budget.reset(token)


def _drain(response: httpcore2.Response, budget: Budget) -> None:
    budget.end_by(perf_counter() + DRAIN_SECONDS)
    with suppress(*NETWORK_PROBLEMS):
        for _ in response.iter_stream():
            pass


def _target(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _head(url: httpx2.URL, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    named = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    return [(b"Host", url.netloc), *named]


def _text(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _named(problem: Exception, seconds: float) -> str:
    if isinstance(problem, httpcore2.TimeoutException):
        return f"it took longer than {seconds:g} s"
    return str(problem).rstrip(".") or type(problem).__name__
