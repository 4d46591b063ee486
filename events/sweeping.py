"""One pass of recovery and dispatch, and the sweep that stays awake from one tick to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db.models import F

from events import dispatch, planning, publishing, recovery, transitions
from events.errors import PunctualError
from events.lifecycle import Reason
from events.models import Sweep
from events.transitions import Origin
from events.wakeup import Alarm

# Longer than a minute, so that what is due on the full minute finds a sweep awake while the next tick is on its way.
OVERLAP = timedelta(seconds=5)
# What became available less long ago is claimed before any backlog, which has half of the room at most.
FRESH = timedelta(minutes=5)
LONGEST_SLEEP = timedelta(seconds=5)
BROKER_PAUSE = timedelta(seconds=2)
# With all room taken: looked at again soon while workers make room, and ever less often while they do not.
FULL_PAUSE = timedelta(milliseconds=20)
LONGEST_FULL_PAUSE = timedelta(seconds=1)


class BrokerAway(PunctualError):
    """The broker took no messages. What is claimed and was not offered to it is due again; the rest has its leases."""


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
    """Recover what lapsed, then claim and publish: all that is due now, and after it a batch of the backlog."""
    correlation_id = uuid4()

    def origin() -> Origin:
        return Origin(f"engine:{sweeper}", correlation_id, clock())

    recovered = recovery.recover(origin=origin()).total + planning.replan_edited(origin=origin())
    since = clock() - FRESH
    room = settings.PUNCTUAL_IN_FLIGHT_CAP - dispatch.in_flight()
    claimed, drained = 0, False
    try:
        while room > claimed and not drained:
            rows, drained = _claim_and_publish(origin(), since=since)
            claimed += rows
        if drained:
            room = min(room - claimed, settings.PUNCTUAL_IN_FLIGHT_CAP // 2 - dispatch.late_in_flight(since))
            rows, drained = _claim_and_publish(origin()) if room > 0 else (0, not dispatch.is_due(clock()))
            claimed += rows
    except BrokerAway:
        return Pass(claimed, recovered, drained=False, broker_away=True)
    return Pass(claimed, recovered, drained=drained, broker_away=False)


def _claim_and_publish(origin: Origin, since: datetime | None = None) -> tuple[int, bool]:
    """How many rows were claimed, and whether nothing more was due."""
    bounds = limits()
    batch = dispatch.claim_due(limits=bounds, origin=origin, since=since)
    published = publishing.publish(batch.chunks)
    if published.failed:
        for chunk in published.unoffered:
            transitions.recall(chunk.ids, token=chunk.token, reason=Reason.BROKER_AWAY, origin=origin)
        raise BrokerAway
    return batch.rows, batch.seen < bounds.batch


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
    full = FULL_PAUSE
    with Alarm() as alarm:
        while True:
            done = one_pass(clock=clock, sweeper=sweeper)
            now = clock()
            _record(sweep, done, now)
            if now >= end or stopping():
                sweep.refresh_from_db()
                return sweep
            full = FULL_PAUSE if done.claimed else min(2 * full, LONGEST_FULL_PAUSE)
            alarm.wait(_pause(done, now, end, full=full), deaf=done.broker_away or not done.drained)


def _record(sweep: Sweep, done: Pass, now: datetime) -> None:
    Sweep.objects.filter(pk=sweep.pk).update(
        seen_at=now,
        passes=F("passes") + 1,
        claimed=F("claimed") + done.claimed,
        recovered=F("recovered") + done.recovered,
    )


def _pause(done: Pass, now: datetime, end: datetime, *, full: timedelta) -> timedelta:
    if done.broker_away:
        return BROKER_PAUSE
    if not done.drained:
        return full
    due = dispatch.next_due() or end
    return max(min(due, end, now + LONGEST_SLEEP) - now, timedelta(0))
