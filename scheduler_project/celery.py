"""The Celery app: its queues, and what a worker does when it starts, stops, and between two tasks."""

from __future__ import annotations

import gc
import os
import warnings
from typing import Any

from celery import Celery, signals
from celery.platforms import SecurityWarning
from kombu import Exchange, Queue

from events import stopping

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")

EXCHANGE = Exchange("punctual", type="direct")
DEAD_EXCHANGE = Exchange("punctual.dead", type="direct")
DELIVERIES = 5
# So many are made before garbage is looked for: with the 700 of Python's own, a third of a worker's time went there.
VALUES_OF_A_CHUNK = 50_000


def _queue(name: str, **arguments: Any) -> Queue:
    # Quorum queues count deliveries, so that a message that kills its worker does not go round for ever.
    # The filesystem transport ignores the arguments.
    limits = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERIES}
    return Queue(name, EXCHANGE, routing_key=name, queue_arguments=limits | arguments)


TO_DEAD = {"x-dead-letter-exchange": DEAD_EXCHANGE.name, "x-dead-letter-routing-key": "dead"}
QUEUES = (
    # A tick that nobody took within a minute is stale: the next one does its work.
    _queue("sweep", **{"x-message-ttl": 60_000}),
    _queue("live", **TO_DEAD),
    _queue("catchup", **TO_DEAD),
    _queue("maintenance", **TO_DEAD),
)
# Nobody consumes it: it waits for a person, so no worker may have it by default.
DEAD_QUEUE = Queue("dead", DEAD_EXCHANGE, routing_key="dead", queue_arguments={"x-queue-type": "quorum"})

# It warns root of pickled messages; only JSON is accepted here.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("punctual")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = QUEUES
app.conf.punctual_dead_queue = DEAD_QUEUE
app.autodiscover_tasks()


@signals.worker_shutting_down.connect
def _ask_children_to_stop(**_: Any) -> None:
    # They finish the set they are at and return the rest of their chunk: docs/adr/0003-graceful-stop.md
    stopping.request()


@signals.worker_process_init.connect
def _collect_seldom(**_: Any) -> None:
    """What a child was forked with lives as long as it does, so the collector need not walk it again and again; and a
    claim or a chunk makes thousands of values that are no cycles (https://docs.python.org/3/library/gc.html#gc.freeze).
    """
    gc.freeze()
    gc.set_threshold(VALUES_OF_A_CHUNK)


@signals.task_prerun.connect
def _replace_dead_connections(**_: Any) -> None:
    # With CONN_HEALTH_CHECKS: the first task after PostgreSQL's restart finds a living connection.
    from django.db import close_old_connections

    close_old_connections()


@signals.task_prerun.connect
def _compare_clocks(**_: Any) -> None:
    from events import skew

    skew.measure_now_and_then(_role())


@signals.heartbeat_sent.connect
def _compare_clocks_while_idle(**_: Any) -> None:
    """Of the main process, which runs no tasks. It keeps no connection, since children that it forks would share it."""
    from django.db import connection

    from events import skew

    was_connected = connection.connection is not None
    skew.measure_now_and_then(_role())
    if not was_connected:
        connection.close()


def _role() -> str:
    """A worker that takes nothing but ticks is a sweeper."""
    return "sweeper" if set(app.amqp.queues.consume_from) == {"sweep"} else "worker"


@signals.setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """A receiver is all it takes: the settings configured logging, and Celery leaves it alone."""
