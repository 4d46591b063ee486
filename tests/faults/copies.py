"""A broker that delivers everything three times: `python -m tests.faults.copies URL FILE`.

It hears of every message from the node's tracing (`rabbitmqctl trace_on`), and sends those to our queues twice more:
at once, and a second later. SIGTERM ends it; FILE then says how many copies it sent.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from kombu import Connection, Exchange, Producer, Queue

QUEUES = ("live", "catchup", "sweep")
TRACE = Exchange("amq.rabbitmq.trace", type="topic", no_declare=True)
PUBLISHED = Queue("faults.copies", TRACE, routing_key="publish.#", exclusive=True, auto_delete=True)
MARK = "x-faults-copy"
LATER_SECONDS = 1.0
LOOK_SECONDS = 0.1


class Copier:
    """Hears what is published; `later` keeps the copies whose moment has not come."""

    def __init__(self, connection: Connection) -> None:
        self.sent = 0
        self._connection = connection
        self._channel = connection.channel()
        self._producer = Producer(self._channel, exchange=Exchange(""))
        self._later: deque[tuple[float, Any]] = deque()

    def run(self, stopped: list[bool]) -> None:
        """Copy until stopped."""
        with self._connection.Consumer(
            PUBLISHED, on_message=self._take, no_ack=True, channel=self._channel, accept=None
        ):
            while not stopped:
                with suppress(TimeoutError):
                    self._connection.drain_events(timeout=LOOK_SECONDS)
                while self._later and self._later[0][0] <= time.monotonic():
                    self._send(self._later.popleft()[1])

    def _take(self, message: Any) -> None:
        told = message.headers
        (queue,) = told["routing_keys"]
        if queue in QUEUES and MARK not in told["properties"]["headers"]:
            self._send(message)
            self._later.append((time.monotonic() + LATER_SECONDS, message))

    def _send(self, message: Any) -> None:
        properties = dict(message.headers["properties"])
        headers = properties.pop("headers") | {MARK: 1}
        (queue,) = message.headers["routing_keys"]
        self._producer.publish(message.body, routing_key=queue, headers=headers, **properties)
        self.sent += 1


def main(url: str, told: Path) -> None:
    """Copy until SIGTERM."""
    stopped: list[bool] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.append(True)

    signal.signal(signal.SIGTERM, stop)
    with Connection(url) as connection:
        copier = Copier(connection)
        copier.run(stopped)
        told.write_text(str(copier.sent))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
