"""A socket whose every operation keeps to the budget of the call that it serves."""

from __future__ import annotations

import select
import socket
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httpcore2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from handlers.webhook.targets import Endpoint


class Budget:
    """What one call may still spend: seconds until a moment of `perf_counter`, and bytes to read."""

    def __init__(self, until: float, size: int) -> None:
        self._until = until
        self._size = size

    def seconds(self) -> float:
        """The seconds that are left, above zero; raises TimeoutError when there are none."""
        left = self._until - perf_counter()
        if left <= 0:
            raise TimeoutError("the time for this call is spent")
        return left

    def size(self) -> int:
        """The bytes that may still be read, above zero; raises OSError when there are none."""
        if self._size <= 0:
            raise OSError("the answer is too long")
        return self._size

    def spend(self, size: int) -> None:
        """Count bytes as read."""
        self._size -= size

    def end_by(self, until: float) -> None:
        """End no later than at this moment of `perf_counter`."""
        self._until = min(self._until, until)


def connect(endpoints: list[Endpoint], budget: Budget) -> socket.socket:
    """Return a socket to the first endpoint that answers; each has an even share of the time that is left.

    Raises the last endpoint's OSError.
    """
    problem = OSError("the name has no address")
    for left, (family, address) in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(budget.seconds() / left)
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as refusal:
            connection.close()
            problem = refusal
        else:
            return connection
    raise problem


class BoundedStream(httpcore2.NetworkStream):
    """The stream that httpcore2 reads and writes, whose own timeouts begin anew at each operation.

    `budget` returns that of the current call: a connection serves many calls.
    """

    def __init__(self, connection: socket.socket, budget: Callable[[], Budget]) -> None:
        self._socket = connection
        self._budget = budget

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the budget is stricter
        """Return what arrived; raises ReadTimeout, or ReadError also where too much arrived."""
        budget = self._budget()
        with _translated(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(budget.seconds())
            data = self._socket.recv(min(max_bytes, budget.size()))
        budget.spend(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the budget is stricter
        """Send all of it."""
        budget = self._budget()
        rest = memoryview(buffer)
        with _translated(httpcore2.WriteTimeout, httpcore2.WriteError):
            while rest:
                self._socket.settimeout(budget.seconds())
                rest = rest[self._socket.send(rest) :]

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the budget is stricter
    ) -> httpcore2.NetworkStream:
        """Return the encrypted stream; the certificate must be valid for the name that was asked for."""
        try:
            with _translated(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                self._socket.settimeout(self._budget().seconds())
                wrapped = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return BoundedStream(wrapped, self._budget)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Say whether an idle connection has something to read: that is how its end is noticed."""
        return self._has_input() if info == "is_readable" else None

    def _has_input(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


@contextmanager
def _translated(timeout: type[Exception], other: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as problem:
        raise timeout(str(problem)) from problem
    except OSError as problem:
        raise other(str(problem)) from problem
