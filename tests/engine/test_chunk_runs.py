"""Chunks whose rows start and end in one transaction: what is committed before the call, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from events import operations
from events.handling import Completed, HandlerContext, Outcome
from events.models import ChunkStart, LoggedMove, Occurrence, OneAttempt
from events.queries.audit import audit_log
from events.transitions import chunk_runs
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import LEASE, World

pytestmark = pytest.mark.django_db


def test_the_log_tells_the_start_and_the_end_though_nobody_saw_the_row_between(world: World) -> None:
    world.due(2, handler="transactional")
    world.run(world.claim_together())
    assert not ChunkStart.objects.exists()
    for row in Occurrence.objects.all():
        moves = row.moves.order_by("number").values_list(
            "from_state", "to_state", "reason", "attempt", "actor"
        )
        assert list(moves)[2:] == [
            ("PENDING", "PROCESSING", "started", 1, "worker:test"),
            ("PROCESSING", "COMPLETED", "completed", 1, "worker:test"),
        ]
        attempt = OneAttempt.objects.get(occurrence=row)
        assert (attempt.number, attempt.handler_kind, attempt.outcome) == (1, "transactional", "completed")
        assert (attempt.started_at, attempt.finished_at) == (row.started_at, row.finished_at)
    assert audit_log().total == 0


def test_a_second_copy_of_the_message_starts_nothing_while_the_first_is_at_work(world: World) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()
    second: list[object] = []

    def the_copy_arrives(context: HandlerContext) -> Outcome:
        if not second:
            second.append(None)
            second.append(world.run(chunk).as_result())
        return Completed()

    handlers.Transactional.answer = staticmethod(the_copy_arrives)
    assert world.run(chunk).outcomes == {"completed": 2}
    assert second[1] == {"asked": 2, "outcomes": {}, "given_back": 0, "not_started": 2}
    assert Delivery.objects.count() == OneAttempt.objects.count() == 2


def test_what_was_taken_up_is_given_up_with_its_own_lease_not_with_its_claim(world: World) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()
    world.now += LEASE - timedelta(seconds=1)
    assert len(world.lose(chunk, lease=LEASE)) == 2
    world.now += LEASE - timedelta(seconds=1)
    assert world.recover().total == 0
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"PENDING"}

    world.now += timedelta(seconds=1)
    recovered = world.recover()
    assert (recovered.attempts_lost, recovered.claims_returned) == (2, 0)
    assert set(Occurrence.objects.values_list("state", "reason", "attempt", "failures")) == {
        ("RETRYING", "worker_lost", 1, 0)
    }
    assert set(OneAttempt.objects.values_list("number", "outcome", "worker")) == {
        (1, "lost", "worker:doomed")
    }
    assert set(LoggedMove.objects.filter(attempt=1).values_list("reason", "actor")) == {
        ("started", "worker:doomed"), ("worker_lost", "engine:test"),
    }  # fmt: skip
    assert not ChunkStart.objects.exists()
    assert audit_log().total == 0


def test_a_row_that_kills_every_worker_alone_ends_as_a_dead_letter(world: World) -> None:
    world.due(1, handler="transactional", max_attempts=2)
    for _ in range(2):
        world.lose(world.claim()[0])
        world.now += LEASE
        world.recover()
    row = world.only()
    assert (row.state, row.reason, row.attempt, row.failures) == ("FAILED", "worker_lost", 2, 2)
    assert row.finished_at == world.now
    assert audit_log().total == 0


def test_what_was_cancelled_while_its_worker_was_lost_stays_cancelled(world: World) -> None:
    kept, gone = world.due(2, handler="transactional")
    world.lose(world.claim_together())
    operations.cancel([gone.pk], why="not wanted", origin=world.origin())
    world.now += LEASE
    assert world.recover().attempts_lost == 1
    assert dict(Occurrence.objects.values_list("id", "state")) == {kept.pk: "RETRYING", gone.pk: "CANCELLED"}
    assert audit_log().total == 0


def test_a_worker_whose_chunk_was_given_up_finds_nothing_to_call(world: World) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()
    run = world.taken_up(chunk, "worker:slow")
    world.now += LEASE
    world.recover()
    for locked in (False, True):
        assert chunk_runs.read(run, handler="transactional", locked=locked).rows == []
    assert chunk_runs.end(run, {}, versions=set(), origin=world.origin("worker:slow")) == 0


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "UNKNOWN"])
@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_a_claimed_row_ends_only_with_an_attempt(world: World, state: str, attempts: int) -> None:
    (row,) = world.due(1, handler="transactional")
    world.claim()
    finished = None if state == "UNKNOWN" else world.now
    move = Occurrence.objects.filter(pk=row.pk)
    change = {
        "state": state, "attempt": attempts, "claim_token": None, "lease_expires_at": None, "finished_at": finished,
    }  # fmt: skip
    if attempts == 1 and state != "UNKNOWN":
        assert move.update(**change) == 1
    else:
        with pytest.raises(IntegrityError, match=f"PENDING to {state}"), transaction.atomic():
            move.update(**change)


def test_a_chunk_of_which_nothing_may_run_leaves_no_trace(world: World) -> None:
    world.due(2, handler="transactional")
    chunk = world.claim_together()
    world.now += LEASE
    world.recover()
    assert world.run(chunk).as_result() == {"asked": 2, "outcomes": {}, "given_back": 0, "not_started": 2}
    assert not ChunkStart.objects.exists()
    assert not OneAttempt.objects.exists()


def test_taking_up_says_who_and_for_how_long(world: World) -> None:
    rows = world.due(3, handler="transactional")
    chunk = world.claim_together()
    world.taken_up(chunk, "worker:a", task_id="a task")
    kept = ChunkStart.objects.get()
    assert (kept.first, kept.occurrences) == (rows[0].pk, [row.pk for row in rows])
    assert (kept.worker, kept.task_id, kept.started_at, kept.lease_expires_at) == (
        "worker:a", "a task", world.now, world.now + LEASE,
    )  # fmt: skip
    assert str(kept) == "3 occurrences taken up by worker:a"
