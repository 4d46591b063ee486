"""One pass of recovery and dispatch, and the sweep that stays awake from one tick to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db.models import F

from events import dispatch, publishing, recovery, transitions
from events.lifecycle import Reason
from events.models import Sweep
from events.transitions import Origin
from events.wakeup import Alarm

logger = logging.getLogger(__name__)

# Longer than a minute, so that what is due on the full minute finds a sweep awake while the next tick is on its way.
OVERLAP = timedelta(seconds=5)
LONGEST_SLEEP = timedelta(seconds=5)
BROKER_PAUSE = timedelta(seconds=2)
FULL_PAUSE = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did. `drained`: nothing claimable was left behind."""

    claimed: int
    recovered: int
    drained: bool
    broker_away: bool


def limits() -> dispatch.Limits:
    """The claim's limits, from the settings."""
    return dispatch.Limits(
        batch=settings.PUNCTUAL_CLAIM_BATCH,
        chunk=settings.PUNCTUAL_CHUNK,
        workers=settings.PUNCTUAL_WORKERS,
        lease=settings.PUNCTUAL_CLAIM_LEASE,
    )


def end_of_watch(now: datetime) -> datetime:
    """Until when a sweep that takes a tick now stays awake: past the next full tick."""
    period = settings.PUNCTUAL_SWEEP_SECONDS
    elapsed = timedelta(seconds=now.timestamp() % period)
    return now - elapsed + timedelta(seconds=period) + OVERLAP


def forget_sweeps(*, before: datetime) -> int:
    """Delete the record of sweeps last seen before an instant; how many."""
    return Sweep.objects.filter(seen_at__lt=before).delete()[0]


def one_pass(*, clock: Callable[[], datetime], sweeper: str) -> Pass:
    """Recover what lapsed; claim and publish what is due, in batches, until nothing is left or no capacity."""
    correlation_id = uuid4()
    recovered = recovery.recover(origin=Origin(f"engine:{sweeper}", correlation_id, clock()))
    claimed, bounds = 0, limits()
    room = settings.PUNCTUAL_IN_FLIGHT_CAP - dispatch.in_flight()
    while room > 0:
        origin = Origin(f"engine:{sweeper}", correlation_id, clock())
        batch = dispatch.claim_due(limits=bounds, origin=origin)
        published = publishing.publish(batch.chunks)
        claimed += batch.rows
        room -= batch.rows
        if published.failed:
            _take_back(published.unoffered, origin)
            return Pass(claimed, recovered.total, drained=False, broker_away=True)
        if batch.seen < bounds.batch:
            return Pass(claimed, recovered.total, drained=True, broker_away=False)
    return Pass(claimed, recovered.total, drained=False, broker_away=False)


def sweep_until(
    end: datetime,
    *,
    clock: Callable[[], datetime],
    sweeper: str,
    stopping: Callable[[], bool],
) -> Sweep:
    """Pass after pass until `end`, asleep between two until the next row is due or a commit announces one."""
    now = clock()
    sweep = Sweep.objects.create(sweeper=sweeper, started_at=now, seen_at=now)
    with Alarm() as alarm:
        while True:
            done = one_pass(clock=clock, sweeper=sweeper)
            now = clock()
            Sweep.objects.filter(pk=sweep.pk).update(
                seen_at=now,
                passes=F("passes") + 1,
                claimed=F("claimed") + done.claimed,
                recovered=F("recovered") + done.recovered,
            )
            if now >= end or stopping():
                sweep.refresh_from_db()
                return sweep
            alarm.wait(_pause(done, now, end), deaf=done.broker_away)


def _pause(done: Pass, now: datetime, end: datetime) -> timedelta:
    if done.broker_away:
        return BROKER_PAUSE
    if not done.drained:
        return FULL_PAUSE
    due = dispatch.next_due() or end
    return max(min(due, end, now + LONGEST_SLEEP) - now, timedelta(0))


def _take_back(chunks: tuple[dispatch.Chunk, ...], origin: Origin) -> None:
    for chunk in chunks:
        transitions.recall(chunk.ids, token=chunk.token, reason=Reason.BROKER_AWAY, origin=origin)
