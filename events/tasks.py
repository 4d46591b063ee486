"""What beat and the broker call: read the clock, unpack, ONE domain call."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import shared_task
from django.conf import settings

from events import clock, execution, handling, planning, publishing, skew, sweeping
from events.breakers import Tolerance
from events.stopping import requested
from events.transitions import Origin
from events.transitions.months import open_months

if TYPE_CHECKING:
    from celery import Task


@shared_task(name="punctual.sweep", bind=True, ignore_result=True, acks_late=False)
def sweep(self: Task[Any, Any], **_: Any) -> None:
    """One tick: sweep, and stay awake until the next tick has surely come. Ticks that wait behind it are dropped."""
    with self.app.connection_for_write() as connection:
        connection.default_channel.queue_purge("sweep")
    sweeping.keep_sweeping(clock=clock.now, sweeper=skew.this_process(), stopping=requested)


@shared_task(name="punctual.plan", ignore_result=True)
def plan(**_: Any) -> None:
    """Write the rows of the time that has come nearer than the horizon; first end the reminders that are over."""
    origin = Origin(f"engine:{skew.this_process()}", uuid4(), clock.now())
    planning.retire_ended(origin=origin)
    planning.plan_due_rules(
        horizon=settings.PUNCTUAL_HORIZON, planners=settings.PUNCTUAL_PLANNERS, origin=origin
    )


@shared_task(name="punctual.prune", ignore_result=True)
def prune(**_: Any) -> None:
    """Forget the sweeps of long ago, and processes that are gone; open the months that the log will need."""
    now = clock.now()
    sweeping.forget_sweeps(before=now - timedelta(days=30))
    skew.forget(before=now - timedelta(hours=1))
    open_months(now)


# A handler that never returns costs its worker this long; by then its rows are with another.
LONGEST_CHUNK_SECONDS = 300


@shared_task(name=publishing.EXECUTE, bind=True, time_limit=LONGEST_CHUNK_SECONDS)
def execute(self: Task[Any, Any], **kwargs: Any) -> dict[str, Any]:
    """Run one chunk of claimed rows; the summary of their outcomes is the task's result."""
    envelope = publishing.Envelope.from_kwargs(**kwargs)
    order = execution.ChunkOrder(
        envelope.token,
        envelope.correlation_id,
        envelope.ids,
        task_id=self.request.id or "",
        destination=envelope.destination,
    )
    bench = execution.Bench(
        clock=clock.now,
        worker=f"worker:{skew.this_process()}",
        stopping=requested,
        lease_margin=settings.PUNCTUAL_RUN_LEASE_MARGIN,
        tolerance=Tolerance(settings.PUNCTUAL_BREAKER_FAILURES, settings.PUNCTUAL_BREAKER_WINDOW),
    )
    return execution.run_chunk(order, handling.get(envelope.handler), bench).as_result()
