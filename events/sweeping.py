"""One pass of recovery and dispatch, and the sweep that stays awake from one tick to the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F

from events import dispatch, planning, publishing, recovery, transitions
from events.errors import PunctualError
from events.lifecycle import Hold, Reason
from events.models import Sweep
from events.pace import Pace
from events.recovery import Recovered
from events.shards import WHOLE, Shard
from events.transitions import Origin
from events.wakeup import Alarm

# Longer than a minute, so that what is due on the full minute finds a sweep awake while the next tick is on its way.
OVERLAP = timedelta(seconds=5)
# What became available less long ago is claimed before any backlog, which has half of the room at most.
FRESH = timedelta(minutes=5)
LONGEST_SLEEP = timedelta(seconds=5)
# The same with nothing in flight, and nothing that waits for what only looking tells.
LONGEST_IDLE_SLEEP = timedelta(seconds=15)
BROKER_PAUSE = timedelta(seconds=2)
DATABASE_PAUSE_SECONDS = 0.5
# So many chunks are one where a handler takes sets: what a message costs is shared by more, and none of its rows takes
# time of its own that the others would wait for.
CHUNKS_OF_A_SET = 4
# Of the most that is claimed at once, what a pass claims first; and what it claims of a backlog.
FIRST_SHARE = 4
# So many rows for each worker are claimed however slow it seems to be: it may be fast again.
LEAST_AT_WORK = 50
# Of this process, from one tick's sweep to the next.
PACE = Pace()
# Sweeps follow each other by the period of the ticks; no sweep for so much longer is a downtime.
LONGEST_GAP = timedelta(seconds=30)
# With all room taken: looked at again soon while workers make room, and ever less often while they do not.
FULL_PAUSE = timedelta(milliseconds=20)
LONGEST_FULL_PAUSE = timedelta(seconds=1)
# What comes due within a moment is claimed together, and all but that is looked after once a second.
LEAST_PAUSE = timedelta(milliseconds=10)
LOOK_AFTER_SECONDS = 1.0

logger = logging.getLogger(__name__)


class BrokerAway(PunctualError):
    """The broker took no messages. What is claimed and was not offered to it is due again; the rest has its leases."""


@dataclass(slots=True)
class Pass:
    """What one pass did: rows that it looked at, those of them that it claimed, those that it recovered.

    `drained`: nothing claimable was left behind; `next_due`: then when the next row can be claimed, where that is
    known. `idle`: nothing was found that may want another look soon.
    """

    seen: int = 0
    claimed: int = 0
    recovered: int = 0
    drained: bool = False
    next_due: datetime | None = None
    idle: bool = False
    broker_away: bool = False


def limits() -> dispatch.Limits:
    """The claim's limits, from the settings."""
    return dispatch.Limits(
        batch=settings.PUNCTUAL_CLAIM_BATCH,
        chunk=settings.PUNCTUAL_CHUNK,
        chunk_of_sets=CHUNKS_OF_A_SET * settings.PUNCTUAL_CHUNK,
        workers=settings.PUNCTUAL_WORKERS,
        lease=settings.PUNCTUAL_CLAIM_LEASE,
        breaker_window=settings.PUNCTUAL_BREAKER_WINDOW,
    )


def end_of_watch(now: datetime) -> datetime:
    """Until when a sweep that takes a tick now stays awake: past the next full tick."""
    period = settings.PUNCTUAL_SWEEP_SECONDS
    elapsed = timedelta(seconds=now.timestamp() % period)
    return now - elapsed + timedelta(seconds=period) + OVERLAP


def forget_sweeps(*, before: datetime) -> int:
    """Delete the record of sweeps last seen before an instant; how many."""
    return Sweep.objects.filter(seen_at__lt=before).delete()[0]


def one_pass(
    *,
    clock: Callable[[], datetime],
    sweeper: str,
    pace: Pace | None = None,
    shard: Shard = WHOLE,
    is_brief: bool = False,
) -> Pass:
    """Recover what lapsed, then claim and publish: all that is due now, and after it a batch of the backlog.

    `pace` is what earlier passes saw, and this one adds to. Of a shard only its entities' rows are looked at, and its
    part of what may be in flight is its own, so that no other shard can take it away. `is_brief`: for right after
    another that left nothing behind; it claims what has come due since, and nothing else.
    """
    correlation_id = uuid4()

    def origin() -> Origin:
        return Origin(f"engine:{sweeper}", correlation_id, clock())

    begun, done = origin(), Pass()
    recovered = Recovered() if is_brief else _recover(done, sweeper, shard, begun)
    pace, looked = pace or Pace(), begun
    if pace.may_ask(begun.now):
        planning.plan_after_completion(shard=shard, origin=begun)
        looked = origin()
        pace.asked(begun.now, looked.now)
    standing = dispatch.standing(shard)
    pace.look(standing.in_flight, looked.now, lapsed=recovered.claims_returned)
    if standing.is_due(looked.now):
        _claim(done, standing, pace, shard, origin, looked, is_brief=is_brief)
    else:
        done.drained, done.next_due = True, standing.next_due
    pace.claimed(done.claimed)
    is_any_waiting = is_brief or recovered.is_any_waiting  # a brief pass has not looked
    done.idle = not (standing.in_flight or done.seen or done.recovered or is_any_waiting)
    return done


def _claim(
    done: Pass,
    standing: dispatch.Standing,
    pace: Pace,
    shard: Shard,
    origin: Callable[[], Origin],
    looked: Origin,
    *,
    is_brief: bool,
) -> None:
    """Batch after batch of what is due now, and, unless it is brief, one of the backlog: as far as there is room."""
    since, free = looked.now - FRESH, shard.part_of(settings.PUNCTUAL_IN_FLIGHT_CAP) - standing.in_flight
    room = min(free, _room_for_fresh(pace, standing.in_flight, since, shard))
    try:
        while room > done.claimed and not done.drained:
            batch = min(room - done.claimed, _next_batch(done))
            present = origin() if done.claimed else looked
            _claim_and_publish(done, replace(limits(), batch=batch), shard, present, since=since)
        if done.drained and not is_brief:
            late = _room_for_backlog(pace, shard) - dispatch.late_in_flight(since, shard)
            _catch_up(done, min(free - done.claimed, late), shard, origin())
    except BrokerAway:
        done.drained, done.broker_away = False, True


def _next_batch(done: Pass) -> int:
    """How many are claimed next in a pass: few at first, so that workers have something to do soon, then ever more."""
    return min(settings.PUNCTUAL_CLAIM_BATCH, max(_first_batch(), 2 * done.claimed))


def _first_batch() -> int:
    return max(1, settings.PUNCTUAL_CLAIM_BATCH // FIRST_SHARE)


def _recover(done: Pass, sweeper: str, shard: Shard, origin: Origin) -> Recovered:
    """Say that somebody looked, and recover."""
    _mark_swept(origin.now, sweeper)
    recovered = recovery.recover(shard=shard, origin=origin)
    done.recovered = recovered.total
    if Hold.EDITED in recovered.holds or recovered.attempts_lost:
        done.recovered += planning.replan_edited(shard=shard, origin=origin)
    return recovered


def _room_for_fresh(pace: Pace, flying: int, since: datetime, shard: Shard) -> int:
    """All room; but where claims have lapsed lately, no more than is worked off in time, the backlog not counted."""
    if not pace.has_lapses:
        return int(settings.PUNCTUAL_IN_FLIGHT_CAP)
    bounds = limits()
    least = shard.part_of(LEAST_AT_WORK * bounds.workers)
    in_time = max(least, pace.rows_within(bounds.lease / 2) or 0)
    return in_time - (flying - dispatch.late_in_flight(since, shard))


def _room_for_backlog(pace: Pace, shard: Shard) -> int:
    """Half of all room; but no more than is worked off long before its lease ends, or than keeps the workers busy."""
    bounds = limits()
    busy = shard.part_of(bounds.workers * (LEAST_AT_WORK if pace.has_lapses else 2 * bounds.chunk))
    half = shard.part_of(settings.PUNCTUAL_IN_FLIGHT_CAP // 2)
    return min(half, max(busy, pace.rows_within(bounds.lease / 3) or 0))


def plan_if_behind(*, clock: Callable[[], datetime], sweeper: str) -> None:
    """After a downtime longer than the horizon: first the rows of what has come due, so that the latest is known."""
    now = clock()
    if not planning.is_behind(now):
        return
    try:
        planning.plan_due_rules(
            horizon=settings.PUNCTUAL_HORIZON,
            planners=settings.PUNCTUAL_PLANNERS,
            origin=Origin(f"engine:{sweeper}", uuid4(), now),
        )
    except planning.RulesNotPlanned as error:
        logger.warning("%s", error)  # what is planned must fire all the same


def _mark_swept(now: datetime, sweeper: str) -> None:
    downtime = recovery.mark_swept(
        now=now,
        sweeper=sweeper,
        longest_gap=timedelta(seconds=settings.PUNCTUAL_SWEEP_SECONDS) + LONGEST_GAP,
    )
    if downtime is not None:
        logger.warning("%s; what came due in it is caught up by its rules' policies", downtime)


def _catch_up(done: Pass, room: int, shard: Shard, origin: Origin) -> None:
    """A batch of the backlog, as far as there is room and the throttle allows."""
    now, per_second = origin.now, settings.PUNCTUAL_CATCH_UP_PER_SECOND
    wanted = min(room, _first_batch())
    allowed = wanted
    if per_second and wanted > 0 and _is_due(now, shard):
        allowed = dispatch.take_allowance(wanted, per_second=per_second, now=now)
    if allowed <= 0:
        done.drained = not _is_due(now, shard)
        return
    before = done.claimed
    _claim_and_publish(done, replace(limits(), batch=allowed), shard, origin)
    if per_second:
        dispatch.give_allowance_back(allowed - (done.claimed - before), per_second=per_second)


def _is_due(now: datetime, shard: Shard) -> bool:
    due = dispatch.next_due(shard)
    return due is not None and due <= now


def _claim_and_publish(
    done: Pass, bounds: dispatch.Limits, shard: Shard, origin: Origin, since: datetime | None = None
) -> None:
    """One claim, handed to the broker. Raises BrokerAway."""
    batch = dispatch.claim_due(limits=bounds, origin=origin, since=since, shard=shard)
    done.seen += batch.seen
    done.claimed += batch.rows
    done.drained = batch.seen < bounds.batch
    published = publishing.publish(batch.chunks)
    if published.failed:
        for chunk in published.unoffered:
            transitions.recall(chunk.ids, token=chunk.token, reason=Reason.BROKER_AWAY, origin=origin)
        raise BrokerAway


def keep_sweeping(
    *, clock: Callable[[], datetime], sweeper: str, stopping: Callable[[], bool]
) -> Sweep | None:
    """One tick's sweep, begun again for as long as the database is away; None if it was told to stop meanwhile."""
    while not stopping():
        try:
            return sweep_until(end_of_watch(clock()), clock=clock, sweeper=sweeper, stopping=stopping)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the database is away: the sweep waits for it (%s)", str(error).strip())
            connection.close()
            time.sleep(DATABASE_PAUSE_SECONDS)
    return None


def sweep_until(
    end: datetime,
    *,
    clock: Callable[[], datetime],
    sweeper: str,
    stopping: Callable[[], bool],
    shard: Shard = WHOLE,
) -> Sweep:
    """Pass after pass until `end`, asleep between two until the next row is due or a commit announces one."""
    sweep, full, looked_after = _begin(clock(), sweeper), FULL_PAUSE, 0.0
    plan_if_behind(clock=clock, sweeper=sweeper)
    since_recorded: list[Pass] = []
    was_called = True
    with Alarm() as alarm:
        while True:
            began = time.monotonic()
            is_brief = not was_called and began < looked_after + LOOK_AFTER_SECONDS
            done = one_pass(clock=clock, sweeper=sweeper, pace=PACE, shard=shard, is_brief=is_brief)
            since_recorded.append(done)
            looked_after = looked_after if is_brief else began
            now = clock()
            ends = now >= end or stopping()
            if ends or not is_brief:
                _record(sweep, since_recorded, now)
                since_recorded.clear()
            if ends:
                sweep.refresh_from_db()
                return sweep
            full = FULL_PAUSE if done.seen else min(2 * full, LONGEST_FULL_PAUSE)
            pause = _pause(done, now, end, full=full, shard=shard)
            was_called = alarm.wait(pause, deaf=done.broker_away or not done.drained) or not done.drained


def sweep_once(*, clock: Callable[[], datetime], sweeper: str, shard: Shard = WHOLE) -> Pass:
    """One pass alone, on record like any other sweep; what it did."""
    sweep = _begin(clock(), sweeper)
    plan_if_behind(clock=clock, sweeper=sweeper)
    done = one_pass(clock=clock, sweeper=sweeper, shard=shard)
    _record(sweep, [done], clock())
    return done


def _begin(now: datetime, sweeper: str) -> Sweep:
    return Sweep.objects.create(sweeper=sweeper, started_at=now, seen_at=now)


def _record(sweep: Sweep, passes: Sequence[Pass], now: datetime) -> None:
    Sweep.objects.filter(pk=sweep.pk).update(
        seen_at=now,
        passes=F("passes") + len(passes),
        claimed=F("claimed") + sum(done.claimed for done in passes),
        recovered=F("recovered") + sum(done.recovered for done in passes),
    )


def _pause(done: Pass, now: datetime, end: datetime, *, full: timedelta, shard: Shard) -> timedelta:
    if done.broker_away:
        return BROKER_PAUSE
    if not done.drained:
        return full
    due = done.next_due or dispatch.next_due(shard) or end
    longest = LONGEST_IDLE_SLEEP if done.idle else LONGEST_SLEEP
    return max(min(due, end, now + longest) - now, LEAST_PAUSE)
