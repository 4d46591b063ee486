"""A receiver of webhooks, as a program of its own: `python -m tests.receiver --port 0 --log FILE`.

It prints its port as the first line, and appends one line of JSON per call to FILE before it answers:
{"key", "received_at" (seconds since the epoch), "path", "body", "headers", "connection" (which, from 1)}.
SIGTERM ends it.

The path says how it behaves:

    /ok                     200
    /status/503             that status
    /retry-after/2          503 with Retry-After: 2 (?form=date: as an HTTP-date beside a Date header;
                            ?status=429: with that status)
    /redirect?to=URL        307 to URL
    /slow?ms=200            200, after that long
    /hang                   never answers
    /reset                  ends the connection without an answer
    /garbage                answers what is not HTTP
    /drip                   200, but its head comes a byte at a time for 5 s
    /drip-body              200, but its body comes a byte at a time for 2 s
    /chatty                 thousands of 100 Continue, then 200
    /huge?kib=256           200, with a body of that size
    /flaky?fail=2           503 for the first two calls of each key, then 200

`?fail=N` works for every path: only the first N calls of a key meet the behaviour, later ones get 200.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_END = b"\r\n\r\n"
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Request:
    """One call."""

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers.get("idempotency-key", "")

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def options(self) -> dict[str, str]:
        """The target's query."""
        return dict(parse_qsl(urlsplit(self.target).query))


class Log:
    """The file of calls. Each line is one write, so that it survives the end of this process."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._calls: Counter[str] = Counter()

    def write(self, request: Request, connection: int) -> int:
        """Append the call; return how many calls had this key, with this one."""
        received_at = time.time()
        try:
            body = json.loads(request.body or b"null")
        except ValueError:
            body = request.body.decode("latin-1")
        line = {
            "key": request.key, "received_at": received_at, "path": request.path, "body": body,
            "headers": request.headers, "connection": connection,
        }  # fmt: skip
        os.write(self._file, json.dumps(line).encode() + b"\n")
        self._calls[request.key] += 1
        return self._calls[request.key]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Connection(asyncio.Protocol):
    """One connection, kept open from call to call; calls on it are answered in turn."""

    numbers = count(1)

    def __init__(self, log: Log) -> None:
        self._log = log
        self._number = next(self.numbers)
        self._buffer = b""
        self._busy = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take in what came, and serve the next call if it is complete."""
        self._buffer += data
        self._serve_next()

    def _serve_next(self) -> None:
        head, separator, rest = self._buffer.partition(HEAD_END)
        if self._busy or not separator:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._buffer, self._busy = rest[length:], True
        self._behave(Request(first.split(" ")[1], headers, rest[:length]))

    def _behave(self, request: Request) -> None:
        nth = self._log.write(request, self._number)
        _, name, *rest = request.path.split("/")
        well = nth > int(request.options.get("fail", 1 if name == "flaky" else nth))
        behaviour = BEHAVIOURS.get("ok" if well else name)
        if behaviour is None:
            self.answer(404)
        else:
            behaviour(self, request, rest[0] if rest else "")

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer, and go on to the next call."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode() + HEAD_END + body)

    def send(self, answer: bytes) -> None:
        """Send a whole answer, and go on to the next call."""
        if not self._transport.is_closing():
            self._transport.write(answer)
            self._busy = False
            self._serve_next()

    def drip(self, begin: bytes, pieces: int, end: bytes) -> None:
        """Send `begin`, then that many bytes one by one, then `end`."""
        if pieces == 0 or self._transport.is_closing():
            self.send(end)
        else:
            self._transport.write(begin or b"x")
            later(0.02, lambda: self.drip(b"", pieces - 1, end))

    def reset(self) -> None:
        """End the connection at once."""
        self._transport.abort()


def later(seconds: float, do: Callable[[], object]) -> None:
    """Do it later."""
    asyncio.get_running_loop().call_later(seconds, do)


def retry_after(connection: Connection, request: Request, value: str) -> None:
    """Ask for a wait, in one of the two forms."""
    status = int(request.options.get("status", 503))
    if request.options.get("form") == "date":
        moment = time.time()
        connection.answer(
            status,
            Date=formatdate(moment, usegmt=True),
            Retry_After=formatdate(moment + int(value), usegmt=True),
        )
    else:
        connection.answer(status, Retry_After=value)


Behaviour = Callable[[Connection, Request, str], object]
BEHAVIOURS: dict[str, Behaviour] = {
    "ok": lambda connection, _request, _value: connection.answer(200),
    "status": lambda connection, _request, value: connection.answer(int(value)),
    "flaky": lambda connection, _request, _value: connection.answer(503),
    "retry-after": retry_after,
    "redirect": lambda connection, request, _value: connection.answer(307, Location=request.options["to"]),
    "slow": lambda connection, request, _value: later(
        int(request.options.get("ms", 200)) / 1000, lambda: connection.answer(200)
    ),
    "hang": lambda _connection, _request, _value: None,
    "reset": lambda connection, _request, _value: connection.reset(),
    "garbage": lambda connection, _request, _value: connection.send(b"SSH-2.0-nonsense" + HEAD_END),
    "drip": lambda connection, _request, _value: connection.drip(
        b"HTTP/1.1 200 OK\r\nX: ", 250, b"x\r\nContent-Length: 0" + HEAD_END
    ),
    "drip-body": lambda connection, _request, _value: connection.drip(
        b"HTTP/1.1 200 OK\r\nContent-Length: 100" + HEAD_END, 100, b"x"
    ),
    "chatty": lambda connection, _request, _value: connection.send(
        (b"HTTP/1.1 100 Continue" + HEAD_END) * 5000 + b"HTTP/1.1 200 OK\r\nContent-Length: 0" + HEAD_END
    ),
    "huge": lambda connection, request, _value: connection.answer(
        200, body=b"x" * 1024 * int(request.options.get("kib", 256))
    ),
}


async def serve(port: int, log: Log) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: Connection(log), "127.0.0.1", port, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


@dataclass(frozen=True)
class Receiver:
    """A receiver that runs, as a test sees it."""

    port: int
    log: Path
    pid: int

    def url(self, path: str = "/ok") -> str:
        """The address of a behaviour."""
        return f"http://127.0.0.1:{self.port}{path}"

    def calls(self) -> list[dict[str, Any]]:
        """The calls so far, in the order of their arrival."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def keys(self) -> Counter[str]:
        """How often each key was called."""
        return Counter(call["key"] for call in self.calls())


@contextmanager
def running(log: Path) -> Iterator[Receiver]:
    """Run a receiver in a process of its own, on a free port."""
    command = [sys.executable, "-m", "tests.receiver", "--port", "0", "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield Receiver(int(process.stdout.readline()), log, process.pid)
        finally:
            process.terminate()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.receiver")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--log", required=True, help="the file of calls")
    options = parser.parse_args()
    log = Log(options.log)
    try:
        asyncio.run(serve(options.port, log))
    finally:
        log.close()


if __name__ == "__main__":
    main()
