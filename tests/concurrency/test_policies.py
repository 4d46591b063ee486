"""Two sweeps at once, where a policy must count what the other does."""

from __future__ import annotations

import time as real_time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, transaction

from events import breakers, clock, dispatch, operations, recovery, sweeping, tasks
from events.breakers import Destination, Tolerance
from events.handling import Retry
from events.models import (
    Breaker,
    BreakerState,
    Downtime,
    LoggedMove,
    Occurrence,
    Rule,
    Sweep,
    Watermark,
)
from events.publishing import Envelope
from tests.engine import handlers
from tests.engine.world import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from tests.concurrency.conftest import Together
    from tests.engine.world import World

DEAD = Destination("reaching", "dead.example")
WINDOW = timedelta(seconds=30)


def elsewhere(work: Callable[[], object], answers: list[Any] | None = None) -> Thread:
    """The work in a thread with a connection of its own, begun; what it returned, or raised, goes to `answers`."""

    def run() -> None:
        try:
            said: object = work()
        except Exception as error:
            said = error
        finally:
            connection.close()
        if answers is not None:
            answers.append(said)

    thread = Thread(target=run)
    thread.start()
    return thread


def until_waiting(count: int) -> None:
    """Wait until so many connections wait for a lock."""
    end = real_time.monotonic() + 10
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0] >= count:
                return
        assert real_time.monotonic() < end, "nobody waits for a lock"
        real_time.sleep(0.01)


def siblings(world: World, count: int, people: int = 1, **rule: Any) -> Rule:
    """So many rows of one rule for each person, all due by now."""
    world.people({f"p{number}": "UTC" for number in range(people)})
    start = world.now - timedelta(hours=count - 1)
    made = world.rule(
        rrule=f"FREQ=HOURLY;COUNT={count}", start_date=start.date(), local_time=start.time(), timezone="UTC",
        grace=timedelta(days=2), handler="idempotent", **rule,
    )  # fmt: skip
    span = {"after": start - timedelta(seconds=1), "before": world.now + timedelta(seconds=1)}
    operations.backfill(made, **span, why="a test", origin=world.origin(), dry_run=False)
    assert Occurrence.objects.filter(rule=made, due_at__lte=world.now).count() == count * people
    return made


def claim(world: World, batch: int) -> list[int]:
    return [row for chunk in world.claim(batch=batch) for row in chunk.ids]


@pytest.mark.parametrize("overlap", ["queue", "skip"])
def test_sweeps_that_claim_siblings_at_once_let_one_of_them_go(
    world: World, together: Together, overlap: str
) -> None:
    """Each takes some of the rows, so that none sees all of them."""
    siblings(world, 6, people=5, overlap=overlap)
    gate = Barrier(6)

    def sweep() -> list[int]:
        gate.wait()
        return claim(world, 5)

    claimed = [row for rows in together(*[sweep] * 6) for row in rows]
    claimed += claim(world, 100)
    per_person = Counter(Occurrence.objects.filter(pk__in=claimed).values_list("entity", flat=True))
    assert set(per_person.values()) == {1}
    assert len(per_person) == 5
    others = Occurrence.objects.exclude(pk__in=claimed)
    assert set(others.values_list("state", "hold")) == {
        ("SCHEDULED", "overlapping") if overlap == "queue" else ("SKIPPED", "")
    }


def test_many_sweeps_and_workers_at_a_queue_run_all_of_it_in_order_and_one_at_a_time(
    world: World, together: Together
) -> None:
    siblings(world, 8, people=3, overlap="queue")

    def sweep_and_work() -> None:
        for _ in range(40):
            world.recover()
            for chunk in world.claim(batch=3):
                world.run(chunk)
            if not Occurrence.objects.exclude(state="COMPLETED").exists():
                return

    together(*[sweep_and_work] * 4)
    for _ in range(30):
        world.recover()
        world.sweep()
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}
    for entity in set(Occurrence.objects.values_list("entity", flat=True)):
        # Not the claims: a row that another sweep touches for an instant is given back, and claimed once more.
        moves = LoggedMove.objects.filter(
            occurrence__entity=entity, reason__in=("started", "completed")
        ).order_by("number")
        story = list(moves.values_list("occurrence__due_at", "reason"))
        due = [at for at, _ in story]
        assert due == sorted(due)
        assert [reason for _, reason in story] == ["started", "completed"] * 8


def test_sweeps_that_hold_rows_of_the_same_two_queues_in_another_order_do_not_deadlock(world: World) -> None:
    """Each holds rows that the other would like, and comes to the two rules from another end."""
    one, two = siblings(world, 4, overlap="queue"), siblings(world, 4, overlap="queue")
    mixed = Occurrence.objects.filter(due_at__lte=world.now).order_by("due_at", "rule")
    for number, row in enumerate(mixed):
        Occurrence.objects.filter(pk=row.pk).update(
            available_at=world.now - timedelta(hours=9) + number * WINDOW
        )
    answers: list[Any] = []
    with transaction.atomic():
        with connection.cursor() as cursor:
            for rule in (one, two):
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(%s, hashint8(%s))",
                    [dispatch.policies.LOCK_CLASS, rule.pk],
                )
        threads = []
        for number in range(1, 4):
            threads.append(elsewhere(lambda: claim(world, 3), answers))
            until_waiting(number)
    for thread in threads:
        thread.join()
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    claimed = [row for rows in answers for row in rows]
    assert Counter(Occurrence.objects.filter(pk__in=claimed).values_list("rule", flat=True)) == {
        one.pk: 1, two.pk: 1,
    }  # fmt: skip


def open_breaker(world: World, name: str = DEAD.name) -> None:
    now = world.now - WINDOW
    breakers.failed(
        Destination("reaching", name), [0], why="no answer", tolerance=Tolerance(1, WINDOW), now=now
    )


def test_sweeps_that_want_the_same_probe_get_one(world: World, together: Together) -> None:
    for _ in range(5):
        Occurrence.objects.all().update(available_at=world.now + timedelta(days=1))
        Breaker.objects.all().delete()
        world.due(12, handler="reaching", payload={"to": DEAD.name})
        open_breaker(world)
        gate = Barrier(4)

        def sweep(gate: Barrier = gate) -> list[int]:
            gate.wait()
            return claim(world, 3)

        probes = [row for rows in together(*[sweep] * 4) for row in rows]
        assert len(probes) == 1
        assert Breaker.objects.get().probe == probes[0]


def test_sweeps_that_want_each_others_probes_do_not_wait_for_each_other(world: World) -> None:
    """One has taken A's probe and comes to B's, the other the other way round: whoever comes second passes by."""
    world.due(1)
    for name in ("a", "b"):
        open_breaker(world, name)
    a, b = Destination("reaching", "a"), Destination("reaching", "b")
    answers: list[Any] = []
    with transaction.atomic():
        assert breakers.take_probe(a, 1, window=WINDOW, now=world.now)

        def other() -> tuple[bool, bool]:
            with transaction.atomic():
                return (
                    breakers.take_probe(b, 2, window=WINDOW, now=world.now),
                    breakers.take_probe(a, 2, window=WINDOW, now=world.now),
                )

        thread = elsewhere(other, answers)
        thread.join(10)
        assert not thread.is_alive()
    assert answers == [(True, False)]


def test_failures_that_are_told_at_once_are_all_counted_and_open_it_once(
    world: World, together: Together
) -> None:
    gate = Barrier(8)

    def fail(number: int) -> str:
        gate.wait()
        tolerance = Tolerance(8, WINDOW)
        return breakers.failed(DEAD, [number], why="no answer", tolerance=tolerance, now=world.now)

    said = together(*[lambda number=number: fail(number) for number in range(8)])
    assert Counter(said) == {BreakerState.CLOSED: 7, BreakerState.OPEN: 1}
    assert Breaker.objects.get().failures == 8


def test_a_task_and_a_sweep_go_by_the_settings(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_BREAKER_FAILURES, settings.PUNCTUAL_BREAKER_WINDOW = 2, timedelta(minutes=7)
    handlers.answer(Retry("no answer"))
    world.due(3, handler="reaching", payload={"to": DEAD.name})
    chunk = world.claim_together()
    envelope = Envelope(chunk.token, chunk.correlation_id, chunk.handler, chunk.ids, chunk.destination)
    told = tasks.execute.apply(kwargs=envelope.as_kwargs()).get()
    assert (told["outcomes"], told["given_back"]) == ({"failed": 2}, 1)
    breaker = Breaker.objects.get()
    assert breaker.opened_at is not None
    assert breaker.probe_at == breaker.opened_at + timedelta(minutes=7)
    assert sweeping.limits().breaker_window == timedelta(minutes=7)


def test_a_sweep_that_is_told_to_stop_while_the_database_is_away_stops(world: World) -> None:
    asked = 0

    def away() -> datetime:
        nonlocal asked
        asked += 1
        raise OperationalError("the database system is shutting down")

    assert sweeping.keep_sweeping(clock=away, sweeper="test", stopping=lambda: asked == 2) is None
    assert not Sweep.objects.exists()


def test_a_throttle_is_one_for_all_sweeps(world: World, together: Together) -> None:
    gate = Barrier(6)

    def take() -> int:
        gate.wait()
        return dispatch.take_allowance(4, per_second=10, now=world.now)

    assert sum(together(*[take] * 6)) == 10


def test_what_two_sweeps_give_back_at_once_is_all_given_back(world: World, together: Together) -> None:
    assert dispatch.take_allowance(10, per_second=10, now=world.now) == 10
    gate = Barrier(2)

    def give() -> None:
        gate.wait()
        dispatch.give_allowance_back(3, per_second=10)

    together(give, give)
    assert dispatch.take_allowance(100, per_second=10, now=world.now) == 6


def test_a_downtime_is_recorded_by_one_of_the_sweeps_that_end_it(world: World) -> None:
    """All have begun to move the mark when the first of them may."""
    Watermark.objects.create(pk=Watermark.ONE, swept_until=world.now - timedelta(hours=8))
    found: list[Any] = []

    def sweep(number: int) -> Downtime | None:
        now = world.now + timedelta(milliseconds=number)
        return recovery.mark_swept(now=now, sweeper=str(number), longest_gap=timedelta(seconds=90))

    with transaction.atomic():
        Watermark.objects.select_for_update().get()
        threads = [elsewhere(partial(sweep, number), found) for number in range(4)]
        until_waiting(4)
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, Downtime) for each in found) == Downtime.objects.count() == 1
    assert not [each for each in found if isinstance(each, Exception)]
    assert Watermark.objects.get().swept_until == world.now + timedelta(milliseconds=3)


def test_the_very_first_sweeps_at_once_make_one_mark(together: Together, committed_db: object) -> None:
    gate = Barrier(6)
    now = datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC)

    def sweep() -> Downtime | None:
        gate.wait()
        return recovery.mark_swept(now=now, sweeper="s", longest_gap=timedelta(seconds=90))

    assert together(*[sweep] * 6) == [None] * 6
    assert Watermark.objects.count() == 1


def test_an_edit_that_commits_while_a_row_of_it_is_claimed_decides(world: World, together: Together) -> None:
    """Paused, retired or deleted at the instant of the claim: nothing of it starts, and every row says why."""
    verbs: list[Callable[[Rule, Occurrence], object]] = [
        lambda rule, row: operations.pause_rule(rule, origin=world.origin()),
        lambda rule, row: operations.retire_rule(rule, why="over", origin=world.origin()),
        lambda rule, row: operations.delete_entities([row.entity_id], why="gone", origin=world.origin()),
    ]
    for verb in verbs:
        for turn in range(3):
            (row,) = siblings_of_one(world, f"{id(verb)} {turn}")
            gate = Barrier(2)

            def sweep(gate: Barrier = gate) -> None:
                gate.wait()
                for chunk in world.claim():
                    world.run(chunk)

            def edit(gate: Barrier = gate, row: Occurrence = row, verb: Any = verb) -> None:
                gate.wait()
                verb(Rule.objects.get(pk=row.rule_id), row)

            together(sweep, edit)
            world.now = (clock.now() + LEASE).replace(microsecond=0)
            world.recover()
            world.sweep()
            row.refresh_from_db()
            assert (row.state, row.hold) in {
                ("COMPLETED", ""), ("CANCELLED", ""), ("SCHEDULED", "rule_paused"),
            }  # fmt: skip


def siblings_of_one(world: World, name: str) -> list[Occurrence]:
    person = world.person(name, "UTC")
    return world.due(1, entity=person, audience_kind="", handler="idempotent", overlap="queue")
