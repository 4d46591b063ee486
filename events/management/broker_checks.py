"""The doctor's look at the broker and at who listens to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import current_app
from kombu.exceptions import KombuError

from events.management.asking import counted
from events.management.findings import Finding, fail, ok, sentence_of, warn

if TYPE_CHECKING:
    from kombu import Connection

SECONDS = 3
REPLY_SECONDS = 2
# Nothing fires without a worker on each of these; without the others the schedule runs dry in time.
NEEDED = ("live", "catchup")
DEEP = 1000


def examine_broker(*, is_swept: bool = False) -> list[Finding]:
    """Reachable first; queues and workers only if it is. `is_swept`: a sweep has looked just now, so somebody does."""
    connection = current_app.connection_for_write(connect_timeout=SECONDS, transport_options=BOUNDS)
    lost = (OSError, KombuError, *connection.connection_errors, *connection.channel_errors)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=SECONDS)
            answers = ok("broker", f"{connection.as_uri()} answers.")
            return [answers, queues(connection), workers(connection, is_swept=is_swept)]
    except lost as error:
        next_step = (
            "Start the broker (locally: make up), or correct CELERY_BROKER_URL. Nothing is lost meanwhile."
        )
        skipped = [warn(name, NOT_LOOKED_AT, "Mend the broker first.") for name in ("queues", "workers")]
        return [fail("broker", f"The broker does not answer: {sentence_of(error)}.", next_step), *skipped]


# A broker that takes the connection and then stays silent, as RabbitMQ does in an alarm, must not hang a doctor.
BOUNDS = {"read_timeout": SECONDS, "write_timeout": SECONDS}
NOT_LOOKED_AT = "Not looked at, because the broker does not answer."


def queues(connection: Connection) -> Finding:
    """Is every queue declared, and how many messages wait in it?"""
    dead: str = current_app.conf.punctual_dead_queue.name
    names = sorted({*current_app.amqp.queues, dead})
    depths = {name: _depth(connection, name) for name in names}
    missing = [name for name, depth in depths.items() if depth is None]
    if missing:
        return fail("queues", f"Not declared: {', '.join(missing)}.", "Run: manage.py prepare")
    says = f"Messages waiting: {', '.join(f'{name} {depth}' for name, depth in depths.items())}."
    if depths[dead]:
        next_step = (
            f"See in the workers' logs what killed them; the rows are safe, so purge the queue {dead} then."
        )
        return warn("queues", says, next_step)
    if max(depth or 0 for depth in depths.values()) > DEEP:
        return warn("queues", says, "Start more workers, or see why those that run are slow.")
    return ok("queues", says)


def workers(connection: Connection, *, is_swept: bool = False) -> Finding:
    """Who answers a ping, and does somebody listen to each queue?"""
    replies: dict[str, list[dict[str, Any]]] = (
        current_app.control.inspect(timeout=REPLY_SECONDS, connection=connection).active_queues() or {}
    )
    heard = {queue["name"] for queues_of_one in replies.values() for queue in queues_of_one}
    says = f"{counted(len(replies), 'worker')} answered{_named(replies)}."
    if is_swept:  # a sweeper that waits for its next tick may be late to answer
        heard.add("sweep")
    unheard = sorted(set(current_app.amqp.queues) - heard)
    if not unheard:
        return ok("workers", says)
    next_step = (
        f"Start workers (locally: make up), or: celery -A scheduler_project worker -Q {','.join(unheard)}"
    )
    says = f"{says} Nobody listens to {', '.join(unheard)}."
    needed = any(name in unheard for name in NEEDED)
    return fail("workers", says, next_step) if needed else warn("workers", says, next_step)


def _depth(connection: Connection, queue: str) -> int | None:
    """How many messages wait in a queue; None if it was never declared."""
    # A channel of its own: the broker closes the channel on which a missing queue is asked for.
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except connection.channel_errors:
            return None


def _named(replies: dict[str, list[dict[str, Any]]]) -> str:
    return f": {', '.join(sorted(replies))}" if replies else ""
