"""Messages are hints: only rows that may run now are started, and each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from uuid import uuid4

import pytest

from events import operations
from events.models import Occurrence, OneAttempt, Rule
from handlers.log.models import Delivery
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def test_a_message_that_comes_three_times_runs_once(world: World) -> None:
    world.due(3)
    chunk = world.claim_together()
    summaries = [world.run(chunk).as_result() for _ in range(3)]
    assert [each["outcomes"] for each in summaries] == [{"completed": 3}, {}, {}]
    assert Delivery.objects.count() == 3
    assert OneAttempt.objects.count() == 3


def test_a_message_with_another_token_runs_nothing(world: World) -> None:
    world.due()
    (chunk,) = world.claim()
    assert world.run(replace(chunk, token=uuid4())).not_started == 1
    assert not Delivery.objects.exists()


def test_a_row_cancelled_after_its_message_was_sent_does_not_run(world: World) -> None:
    (row,) = world.due()
    (chunk,) = world.claim()
    operations.cancel([row.pk], why="changed my mind", origin=world.origin())
    assert world.run(chunk).not_started == 1
    assert not Delivery.objects.exists()
    assert Occurrence.objects.get().state == "CANCELLED"


def test_a_rule_paused_after_the_message_was_sent_starts_nothing(world: World) -> None:
    world.due()
    (chunk,) = world.claim()
    operations.pause_rule(Rule.objects.get(), origin=world.origin())
    assert world.run(chunk).given_back == 1
    assert world.claim() == []
    row = world.only()
    assert (row.state, row.hold, row.attempt) == ("SCHEDULED", "rule_paused", 0)


def test_a_rule_given_another_handler_after_the_message_was_sent_runs_that_one(world: World) -> None:
    world.due()
    (chunk,) = world.claim()
    rule = Rule.objects.get()
    rule.handler = "idempotent"
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert world.run(chunk).given_back == 1
    (again,) = world.claim()
    assert again.handler == "idempotent"
    assert not Delivery.objects.exists()


def test_a_row_moved_to_later_after_its_message_was_sent_does_not_run_early(world: World) -> None:
    world.due()
    (chunk,) = world.claim()
    rule = Rule.objects.get()
    rule.local_time = time(23, 59, 59)
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert world.run(chunk).outcomes == {}
    assert not Delivery.objects.exists()


def test_a_row_that_expired_on_its_way_is_skipped_and_not_run(world: World) -> None:
    world.due(1, expires_after=timedelta(minutes=1))
    (chunk,) = world.claim()
    world.now += timedelta(minutes=1)
    assert world.run(chunk).given_back == 1
    assert world.claim() == []
    assert (world.only().state, world.only().reason) == ("SKIPPED", "expired")


def test_a_deleted_persons_row_does_not_run_even_if_its_message_is_on_the_way(world: World) -> None:
    (row,) = world.due()
    (chunk,) = world.claim()
    operations.delete_entities([row.entity_id], why="asked to be forgotten", origin=world.origin())
    assert world.run(chunk).not_started == 1
    assert (world.only().state, world.only().reason) == ("CANCELLED", "entity_deleted")


def test_a_worker_asked_to_stop_gives_back_what_it_did_not_start(world: World) -> None:
    for handler in ("log", "idempotent"):
        world.due(3, handler=handler)
        assert world.run(world.claim_together(), stopping=lambda: True).given_back == 3
        Occurrence.objects.update(available_at=world.now + timedelta(days=1))
    assert set(Occurrence.objects.values_list("state", "reason", "attempt")) == {
        ("SCHEDULED", "worker_stopping", 0)
    }


def test_a_chunk_over_its_budget_gives_back_the_rest(world: World) -> None:
    world.due(3, handler="idempotent")
    chunk = world.claim_together()
    assert world.run(chunk, budget=timedelta(seconds=-1)).given_back == 3
    assert set(Occurrence.objects.values_list("reason", flat=True)) == {"budget_spent"}
