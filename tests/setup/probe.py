"""Tasks that tell how a worker behaves. Only workers started by tests load them."""

from __future__ import annotations

import time

from celery import shared_task
from django.db import connection

from events import stopping


@shared_task(name="probe.backend")
def backend() -> int:
    """The process id of the PostgreSQL backend that serves this task."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@shared_task(name="probe.work_until_stopped")
def work_until_stopped(announce: str) -> str:
    """Work in small sets until the worker is asked to stop, as the execution loop does."""
    with open(announce, "w") as stream:
        stream.write("started")
    for done in range(600):
        if stopping.requested():
            return f"stopped between two sets, after {done}"
        time.sleep(0.05)
    return "never asked to stop"
