"""Celery alone: `fill ROWS DUE` publishes when they are due, `fill-eta ROWS DUE` beforehand, with an ETA.

A worker is `celery -A celery_peer worker`.
"""

# mypy: disable-error-code="import-not-found"
from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

import calls
from celery import Celery

app = Celery("peers", broker=os.environ["PEER_BROKER"])
app.conf.update(
    task_default_queue=os.environ["PEER_QUEUE"],
    task_ignore_result=True,
    worker_prefetch_multiplier=128,
    worker_hijack_root_logger=False,
)


@app.task(name="noop")
def noop() -> None:
    """Nothing, and when it was."""
    calls.note()


def publish(rows: int, due: float, **options: Any) -> None:
    """Messages over one channel: from that instant on, or at once if `options` say when they are due."""
    with app.producer_pool.acquire(block=True) as producer:
        producer.connection.connect()
        if not options:
            calls.wait_until(due)
        for _ in range(rows):
            noop.apply_async(producer=producer, **options)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare"]:
            pass
        case ["fill", rows, due]:
            publish(int(rows), float(due))
        case ["fill-eta", rows, due]:
            publish(int(rows), float(due), eta=datetime.fromtimestamp(float(due), UTC))
