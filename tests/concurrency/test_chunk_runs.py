"""Chunks that start and end in one transaction, while others are at their rows."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from threading import Event
from time import sleep
from typing import TYPE_CHECKING

from django.db import DataError, connection, transaction

from events import operations
from events.handling import Completed, HandlerContext, Outcome
from events.models import ChunkStart, Occurrence, OneAttempt
from events.queries.audit import audit_log
from events.transitions import chunk_runs
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.concurrency.conftest import Together
    from tests.engine.world import World

PATIENCE = 20.0


def answer(answer: Callable[[HandlerContext], Outcome]) -> None:
    handlers.Transactional.answer = staticmethod(answer)


def test_a_cancellation_waits_for_no_handler_and_takes_its_row_out_of_the_chunk(
    world: World, together: Together
) -> None:
    first, second, third = (row.pk for row in world.due(3, handler="transactional"))
    chunk = world.claim_together()
    called, cancelled = Event(), Event()

    def slow(context: HandlerContext) -> Outcome:
        called.set()
        assert cancelled.wait(PATIENCE)  # or the cancellation waits for this one
        return Completed()

    answer(slow)

    def cancel() -> None:
        assert called.wait(PATIENCE)
        operations.cancel([second], why="not wanted", origin=world.origin())
        cancelled.set()

    summary, _ = together(lambda: world.run(chunk), cancel)
    assert summary.outcomes == {"completed": 2}
    assert dict(Occurrence.objects.values_list("id", "state")) == {
        first: "COMPLETED", second: "CANCELLED", third: "COMPLETED",
    }  # fmt: skip
    assert set(Delivery.objects.values_list("occurrence_id", flat=True)) == {first, third}
    assert OneAttempt.objects.count() == 2
    assert audit_log().total == 0


def test_whoever_holds_a_row_while_its_chunk_ends_is_not_made_to_wait_and_keeps_nobody_waiting(
    world: World, together: Together
) -> None:
    """The other moves the last row and then wants the first: if both waited for each other, nobody would end."""
    first, second, third = (row.pk for row in world.due(3, handler="transactional"))
    chunk = world.claim_together()
    called, taken = Event(), Event()

    def seen(context: HandlerContext) -> Outcome:
        called.set()
        assert taken.wait(PATIENCE)
        return Completed()

    answer(seen)

    def cancel() -> None:
        assert called.wait(PATIENCE)
        with transaction.atomic():
            operations.cancel([third], why="not wanted", origin=world.origin())
            taken.set()
            while Occurrence.objects.get(pk=first).state != "PROCESSING":  # until it is started by itself
                sleep(0.01)
            Occurrence.objects.select_for_update().get(pk=first)

    summary, _ = together(lambda: world.run(chunk), cancel)
    assert summary.outcomes == {"completed": 2}
    assert dict(Occurrence.objects.values_list("id", "state")) == {
        first: "COMPLETED", second: "COMPLETED", third: "CANCELLED",
    }  # fmt: skip
    assert Delivery.objects.count() == 2
    assert audit_log().total == 0


def test_a_chunk_at_work_is_left_alone_however_long_it_takes(world: World, together: Together) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()
    called, looked = Event(), Event()

    def slow(context: HandlerContext) -> Outcome:
        called.set()
        assert looked.wait(PATIENCE)
        return Completed()

    answer(slow)

    def recover() -> int:
        assert called.wait(PATIENCE)
        world.now += 10 * LEASE
        moved = world.recover().total
        looked.set()
        return moved

    summary, moved = together(lambda: world.run(chunk), recover)
    assert moved == 0
    assert summary.outcomes == {"completed": 2}
    assert Delivery.objects.count() == 2


def test_recovery_and_a_worker_that_comes_late_decide_which_of_them_has_the_chunk(
    world: World, together: Together
) -> None:
    world.due(5, handler="transactional")
    world.now += LEASE  # no edit is younger than these starts
    for _ in range(10):
        chunk = world.claim_together()
        run = world.taken_up(chunk, "worker:late", lease=timedelta(0))

        def end(run: chunk_runs.Run = run) -> int:
            with transaction.atomic():
                return len(
                    chunk_runs.read(run, handler="transactional").rows
                )  # and does not live to settle them

        together(end, world.recover)
        if ChunkStart.objects.exists():
            world.recover()
        assert set(Occurrence.objects.values_list("state", flat=True)) == {"RETRYING"}
    assert OneAttempt.objects.count() == 50
    assert audit_log().total == 0


def test_a_handler_that_broke_the_transaction_in_silence_runs_apart(world: World) -> None:
    rows = world.due(3, handler="transactional")
    bad = rows[1].pk

    def swallows(context: HandlerContext) -> Outcome:
        if context.occurrence_id == bad:
            with suppress(DataError):
                connection.cursor().execute("SELECT 1 / 0")
        return Completed()

    answer(swallows)
    assert world.run(world.claim_together()).outcomes == {"completed": 2, "failed": 1}
    assert set(Delivery.objects.values_list("occurrence_id", flat=True)) == {rows[0].pk, rows[2].pk}


def test_a_worker_that_dies_in_the_middle_leaves_no_effect_and_is_found_by_its_lease(
    world: World, together: Together
) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()

    class Killed(BaseException):
        """As far as the database can tell."""

    def dies(context: HandlerContext) -> Outcome:
        raise Killed

    answer(dies)

    def doomed() -> None:
        try:
            world.run(chunk)
        except Killed:
            connection.close()

    together(doomed)
    assert not Delivery.objects.exists()
    assert ChunkStart.objects.count() == 1
    assert world.recover().total == 0
    world.now += 10 * LEASE
    assert world.recover().attempts_lost == 2
    assert set(Occurrence.objects.values_list("state", "attempt", "failures")) == {("RETRYING", 1, 0)}


def test_a_payload_that_changes_while_the_handler_runs_is_the_one_that_counts(
    world: World, together: Together
) -> None:
    """The row stays claimed and is not moved: that it was written at all must be noticed."""
    (row,) = world.due(1, handler="transactional")
    chunk = world.claim_together()
    called, changed = Event(), Event()
    seen: list[object] = []

    def slow(context: HandlerContext) -> Outcome:
        seen.append(context.payload)
        called.set()
        assert changed.wait(PATIENCE)
        return Completed()

    answer(slow)

    def change() -> None:
        assert called.wait(PATIENCE)
        Occurrence.objects.filter(pk=row.pk, state="PENDING").update(payload={"text": "new"})
        changed.set()

    summary, _ = together(lambda: world.run(chunk), change)
    assert summary.outcomes == {"completed": 1}
    assert seen == [{}, {"text": "new"}]
    assert Delivery.objects.get().payload == {"text": "new"}


def test_a_handler_may_end_what_it_is_the_handler_of(world: World) -> None:
    """Its own row is among those that the end of its rule would withdraw, as long as it has not started by itself."""
    rows = world.due(2, handler="transactional")
    rule = rows[0].rule

    def ends_its_rule(context: HandlerContext) -> Outcome:
        operations.retire_rule(rule, why="the last one", origin=world.origin())
        return Completed()

    answer(ends_its_rule)
    assert world.run(world.claim_together()).outcomes["completed"] == 2
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}
    assert Delivery.objects.count() == OneAttempt.objects.count() == 2
    rule.refresh_from_db()
    assert rule.state == "retired"
    assert audit_log().total == 0
