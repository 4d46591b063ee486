"""Two things at once, on committed rows."""

from __future__ import annotations

import threading
import time as real_time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction

from events import clock, dispatch, operations, planning, publishing, sweeping
from events.handling import Completed, HandlerContext, Outcome, Retry
from events.models import Attempt, Occurrence, Rule, Sweep
from events.operations import EntityFacts
from events.transitions.forgetting import forget_old
from handlers.log.models import Delivery
from tests.engine import handlers

if TYPE_CHECKING:
    from tests.engine.world import World


def elsewhere(work: object) -> threading.Thread:
    """The work in a thread with a connection of its own, begun."""

    def run() -> None:
        try:
            work()  # type: ignore[operator]
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def until_waiting(count: int) -> None:
    end = real_time.monotonic() + 5
    while waiting_for_a_lock() < count:
        assert real_time.monotonic() < end, "nobody waits for a lock"
        real_time.sleep(0.01)


def test_a_row_that_a_sweep_holds_while_its_rule_is_resumed_is_claimed_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:

    world.due(1)
    rule = Rule.objects.get()
    operations.pause_rule(rule, origin=world.origin())
    set_aside = dispatch.claims._set_aside

    def resumed_just_before(*args: object) -> None:
        thread = elsewhere(lambda: operations.resume_rule(Rule.objects.get(), origin=world.origin()))
        thread.join(1)  # where the sweep locks the rule, the resume waits for it
        set_aside(*args)  # type: ignore[arg-type]
        threads.append(thread)

    threads: list[threading.Thread] = []
    with monkeypatch.context() as patch:
        patch.setattr(dispatch.claims, "_set_aside", resumed_just_before)
        assert world.claim() == []
    for thread in threads:
        thread.join()
    assert Rule.objects.get().state == "active"
    world.recover()
    assert len(world.claim()) == 1, (world.only().state, world.only().hold)


def test_many_calls_that_each_keep_to_their_timeout_do_not_lose_their_chunks_leases(
    world: World,
) -> None:

    world.due(5, handler="transactional", max_attempts=1)
    chunk = world.claim_together()

    def takes_twenty_seconds(_: HandlerContext) -> Outcome:
        world.now += timedelta(seconds=20)
        elsewhere(world.recover).join()
        return Completed()

    handlers.Transactional.answer = staticmethod(takes_twenty_seconds)
    world.run(chunk)
    assert set(Occurrence.objects.values_list("state", "reason")) == {("COMPLETED", "completed")}
    assert Delivery.objects.count() == 5


def test_an_effect_that_the_commit_refuses_is_its_own_rows_failure(world: World) -> None:

    rows = world.due(3, handler="transactional")
    bad = rows[1].pk

    def bidden(context: HandlerContext) -> Outcome:
        if context.occurrence_id == bad:  # a deferred foreign key to nothing
            LogEntry.objects.create(user_id=987654321, object_repr="x", action_flag=1, change_message="")
        return Completed()

    handlers.Transactional.answer = staticmethod(bidden)
    chunk = world.claim_together()
    summary = world.run(chunk)
    assert summary.outcomes == {"completed": 2, "failed": 1}
    assert Delivery.objects.count() == 2


def test_a_slow_calls_lease_is_renewed_while_its_neighbours_are_quick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:

    world.due(60, handler="idempotent")
    chunk = world.claim_together()
    slow = chunk.ids[0]
    monkeypatch.setattr(handlers.Idempotent, "timeout", timedelta(seconds=0.6))
    world.clock = clock.now  # type: ignore[method-assign]
    left: list[timedelta] = []

    def bidden(context: HandlerContext) -> Outcome:
        real_time.sleep(1.0 if context.occurrence_id == slow else 0.08)
        if context.occurrence_id == slow:
            left.append(Occurrence.objects.get(pk=slow).lease_expires_at - clock.now())  # type: ignore[operator]
        return Completed()

    handlers.Idempotent.answer = staticmethod(bidden)
    world.run(chunk, lease_margin=timedelta(0))
    assert left[0] > timedelta(0)


def test_a_start_and_a_cancel_that_lock_the_same_rows_do_not_deadlock(world: World) -> None:

    rows = world.due(3000)[:6]  # so many that rows are found by their ids
    for row in rows:  # the later a row was written, the earlier it is due, and the earlier in its message
        Occurrence.objects.filter(pk=row.pk).update(available_at=world.now - timedelta(seconds=row.pk))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_occurrence, events_entity, events_rule")
    chunks = world.claim(batch=6)
    chunk = replace(chunks[0], ids=tuple(row for each in chunks for row in each.ids))
    assert chunk.ids == tuple(sorted(chunk.ids, reverse=True))
    middle = sorted(row.pk for row in rows)[3]
    errors: list[BaseException] = []

    def said(work: object) -> None:
        try:
            work()  # type: ignore[operator]
        except Exception as error:
            errors.append(error)

    def cancel() -> None:
        operations.cancel([row.pk for row in rows], why="enough", origin=world.origin())

    with transaction.atomic():
        Occurrence.objects.select_for_update().get(pk=middle)
        first = elsewhere(lambda: said(lambda: world.run(chunk)))
        until_waiting(1)
        second = elsewhere(lambda: said(cancel))
        until_waiting(2)
    first.join()
    second.join()
    assert not any("deadlock" in str(error) for error in errors), errors


def test_two_imports_of_the_same_people_in_another_order_do_not_deadlock(world: World) -> None:

    facts = [EntityFacts("person", f"p{number}", "UTC", "before") for number in range(6)]
    operations.put_entities(facts, origin=world.origin())
    errors: list[BaseException] = []

    def put(names: list[int], name: str) -> None:
        try:
            operations.put_entities(
                [EntityFacts("person", f"p{number}", "UTC", name) for number in names], origin=world.origin()
            )
        except Exception as error:
            errors.append(error)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM events_entity WHERE external_id = 'p3' FOR UPDATE")
        first = elsewhere(lambda: put([0, 1, 2, 3, 4, 5], "a"))
        until_waiting(1)
        second = elsewhere(lambda: put([5, 4, 3, 2, 1, 0], "b"))
        until_waiting(2)
    first.join()
    second.join()
    assert errors == []


@pytest.mark.parametrize("began", [timedelta(seconds=1), timedelta(0), timedelta(seconds=-30)])
def test_who_leaves_the_audience_while_an_attempt_runs_gets_no_second_one(
    world: World, began: timedelta
) -> None:
    """Also by an edit that was under way when the attempt began, and is committed while it runs."""
    world.person("alice", "UTC", team="blue")
    world.rule(
        rrule="", start_date=world.now.date(), local_time=world.now.time(), timezone="UTC",
        handler="idempotent", audience_filter={"team": "blue"},
    )  # fmt: skip

    def leaves(_: HandlerContext) -> Outcome:
        left = EntityFacts("person", "alice", "UTC", "Alice", {"team": "red"})
        operations.put_entities([left], origin=replace(world.origin(), now=world.now + began))
        return Retry("busy", after=timedelta(0))

    handlers.Idempotent.answer = staticmethod(leaves)
    world.run(world.claim()[0])
    assert world.only().hold == "edited"
    world.now += timedelta(seconds=1)
    planning.replan_edited(origin=world.origin())
    assert world.claim() == []
    assert (world.only().state, world.only().reason) == ("CANCELLED", "superseded")
    assert len(handlers.Bidden.calls) == 1


def test_a_sweep_outlives_the_connection_that_it_listens_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = clock.now() + timedelta(seconds=2)
    killed: list[int] = []
    one_pass = sweeping.one_pass

    def then_the_listener_is_cut(**options: object) -> sweeping.Pass:
        done = one_pass(**options)  # type: ignore[arg-type]
        if not killed:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"
                )
                killed.append(cursor.fetchone()[0])
        return done

    monkeypatch.setattr(sweeping, "one_pass", then_the_listener_is_cut)
    sweep = sweeping.sweep_until(end, clock=clock.now, sweeper="test", stopping=lambda: False)
    assert killed == [1]
    assert sweep.seen_at >= end


def test_a_full_house_is_looked_at_a_few_times_a_second_and_not_more(world: World, settings: object) -> None:
    world.due(3)
    world.claim()
    settings.PUNCTUAL_IN_FLIGHT_CAP = 1  # type: ignore[attr-defined]
    end = clock.now() + timedelta(seconds=2)
    sweeping.sweep_until(end, clock=clock.now, sweeper="test", stopping=lambda: False)
    assert Sweep.objects.get().passes <= 20


def test_a_backlog_does_not_take_the_room_of_what_is_due_now(
    world: World, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:

    settings.PUNCTUAL_IN_FLIGHT_CAP = 10  # type: ignore[attr-defined]
    settings.PUNCTUAL_CLAIM_BATCH = 5  # type: ignore[attr-defined]
    monkeypatch.setattr(publishing, "publish", lambda chunks: publishing.Published(len(chunks)))
    late = world.due(30)
    Occurrence.objects.update(
        due_at=world.now - timedelta(days=1), available_at=world.now - timedelta(days=1)
    )
    live = world.rule(
        rrule="", start_date=world.now.date(), local_time=world.now.time(), timezone="UTC",
        entity=late[0].entity,
    )  # fmt: skip
    sweeping.one_pass(clock=world.clock, sweeper="test")
    assert Occurrence.objects.get(rule=live).state == "PENDING"


def test_a_broker_whose_disk_is_full_is_a_broker_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.due(1)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scheduler_project.filebroker.Channel._put", full)
    assert publishing.publish(world.claim()).failed


def test_two_that_forget_halves_of_a_set_leave_no_attempts_of_it(world: World) -> None:
    first, second = world.due(2, handler="transactional")
    world.run(world.claim_together())
    assert Attempt.objects.count() == 1
    Occurrence.objects.filter(pk=second.pk).update(due_at=world.now + timedelta(days=2))
    first_alone, both = world.now + timedelta(days=1), world.now + timedelta(days=3)
    world.now += timedelta(days=4)
    with transaction.atomic():
        forget_old(0, before=first_alone, origin=world.origin())
        assert not Occurrence.objects.filter(pk=first.pk).exists()
        other = elsewhere(lambda: forget_old(0, before=both, origin=world.origin()))
        until_waiting(1)
    other.join()
    assert not Occurrence.objects.exists()
    assert not Attempt.objects.exists()
