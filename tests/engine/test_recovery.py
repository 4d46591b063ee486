"""Rows whose holder went silent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.models import Occurrence, OneAttempt
from tests.engine.world import LEASE, World

pytestmark = pytest.mark.django_db


def crash_in_the_middle(world: World, kind: str, **rule: object) -> Occurrence:
    """A row that was started, and whose worker then died."""
    if not Occurrence.objects.exists():
        world.due(1, handler=kind, **rule)
    (chunk,) = world.claim()
    started = world.lose(chunk)
    assert len(started) == 1
    return world.only()


def test_a_claim_whose_message_was_lost_comes_back_when_its_lease_ends(world: World) -> None:
    world.due(3)
    world.claim()
    world.now += LEASE - timedelta(microseconds=1)
    assert world.recover().total == 0
    world.now += timedelta(microseconds=1)
    assert world.recover().claims_returned == 3
    assert set(Occurrence.objects.values_list("state", "reason")) == {("SCHEDULED", "claim_lapsed")}
    world.tick()
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}


def test_a_late_message_of_a_lapsed_claim_runs_nothing(world: World) -> None:
    world.due()
    (old,) = world.claim()
    world.now += LEASE
    world.recover()
    (new,) = world.claim()
    assert world.run(old).not_started == 1
    assert world.run(new).outcomes == {"completed": 1}


@pytest.mark.parametrize(
    ("kind", "state"),
    [("transactional", "RETRYING"), ("idempotent", "RETRYING"), ("non-idempotent", "UNKNOWN")],
)
def test_a_lost_worker_means_what_the_handlers_kind_says(world: World, kind: str, state: str) -> None:
    crash_in_the_middle(world, kind)
    world.now += LEASE
    assert world.recover().attempts_lost == 1
    row = world.only()
    assert (row.state, row.reason, row.failures) == (state, "worker_lost", 1)
    assert OneAttempt.objects.get().outcome == "lost"


def test_a_row_that_kills_every_worker_ends_as_a_dead_letter(world: World) -> None:
    for _ in range(3):
        crash_in_the_middle(world, "idempotent", max_attempts=3)
        world.now += LEASE
        world.recover()
    row = world.only()
    assert (row.state, row.reason, row.attempt) == ("FAILED", "worker_lost", 3)
    assert world.claim() == []


def test_a_row_whose_lease_holds_is_left_alone(world: World) -> None:
    crash_in_the_middle(world, "idempotent")
    world.now += LEASE - timedelta(microseconds=1)
    assert world.recover().total == 0
    assert world.only().state == "PROCESSING"


def test_more_rows_than_one_batch_are_all_recovered(world: World) -> None:
    world.due(1500)
    world.claim(batch=1500, chunk=1500)
    world.now += LEASE
    assert world.recover().claims_returned == 1500


def test_who_was_lost_in_company_spends_no_attempt_and_travels_alone_from_then_on(world: World) -> None:
    """One row killed the worker of all three: with a single attempt allowed, its neighbours must not fail with it."""
    rows = world.due(3, handler="idempotent", max_attempts=1)
    chunk = world.claim_together()
    world.lose(chunk)
    world.now += LEASE
    world.recover()
    assert set(Occurrence.objects.values_list("state", "failures")) == {("RETRYING", 0)}

    alone = world.claim()
    assert sorted(chunk.ids for chunk in alone) == [(row.pk,) for row in rows]
    poison, *others = alone
    world.lose(poison)
    for chunk in others:
        world.run(chunk)
    world.now += LEASE
    world.recover()
    states = dict(Occurrence.objects.values_list("id", "state"))
    assert states.pop(poison.ids[0]) == "FAILED"
    assert set(states.values()) == {"COMPLETED"}
