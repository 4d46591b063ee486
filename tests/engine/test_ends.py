"""What is over stays over: rows of a retired rule or of a deleted person, whatever brought them back."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from events import operations
from events.handling import Reject, Retry
from events.models import Attempt, Entity, LoggedMove, Occurrence, Rule
from tests.engine import handlers
from tests.engine.world import LEASE, World

pytestmark = pytest.mark.django_db

TURNS = 5


def end(world: World, what: str) -> None:
    if what == "rule":
        operations.retire_rule(Rule.objects.get(), why="enough", origin=world.origin())
    else:
        ids = list(Occurrence.objects.values_list("entity_id", flat=True))
        operations.delete_entities(ids, why="forget me", origin=world.origin())


def goes_round(world: World) -> int:
    """How many moves are logged in so many turns of claim and run at one instant."""
    before = LoggedMove.objects.count()
    for _ in range(TURNS):
        for chunk in world.claim():
            world.run(chunk)
    return LoggedMove.objects.count() - before


@pytest.mark.parametrize("what", ["rule", "entity"])
def test_a_replayed_row_of_what_is_gone_does_not_go_round_for_ever(world: World, what: str) -> None:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("never"))
    (row,) = world.due(1, handler="idempotent")
    world.run(world.claim()[0])
    end(world, what)
    with pytest.raises(operations.NothingMoved, match="of a rule and an entity that still exist"):
        operations.replay([row.pk], why="try again", origin=world.origin())
    assert goes_round(world) <= 2, world.story(world.only())[-6:]


@pytest.mark.parametrize("what", ["rule", "entity"])
def test_a_row_that_was_running_when_its_cause_ended_is_not_tried_for_ever(world: World, what: str) -> None:
    world.due(1, handler="transactional")
    handlers.Transactional.answer = staticmethod(lambda _: Retry("busy", after=timedelta(0)))
    (chunk,) = world.claim()
    world.run(chunk)
    assert world.only().state == "RETRYING"
    # as if it had been PROCESSING when the cause ended: nothing but the rule's or the entity's row is touched
    if what == "rule":
        Rule.objects.update(state="retired")
    else:
        Entity.objects.update(deleted_at=world.now)
    assert goes_round(world) <= 2, world.story(world.only())[-6:]
    assert world.only().finished_at is not None


def test_an_edit_of_a_retired_rule_brings_no_rows(world: World) -> None:
    world.person()
    rule = world.rule()
    operations.retire_rule(rule, why="enough", origin=world.origin())
    world.now += timedelta(days=1)
    rule.refresh_from_db()
    rule.payload = {"text": "again"}
    with pytest.raises(operations.RetiredRule):
        operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert not Occurrence.objects.filter(state="SCHEDULED").exists()


@pytest.mark.parametrize("verb", ["pause", "retire"])
def test_an_edit_begun_before_a_pause_or_an_end_does_not_undo_it(world: World, verb: str) -> None:
    world.due(1)
    form = Rule.objects.get()
    if verb == "pause":
        operations.pause_rule(Rule.objects.get(), origin=world.origin())
        world.claim()  # the row is held
    else:
        operations.retire_rule(Rule.objects.get(), why="enough", origin=world.origin())
    form.payload = {"text": "new"}
    with suppress(operations.RetiredRule):
        operations.change_rule(form, horizon=world.horizon, origin=world.origin())
    assert Rule.objects.get().state == {"pause": "paused", "retire": "retired"}[verb]


def test_who_is_deleted_and_comes_back_is_called_again_the_next_morning(world: World) -> None:
    alice = world.person("alice", "UTC")
    world.rule(
        local_time=(world.now + timedelta(hours=9)).time(), timezone="UTC", start_date=world.now.date()
    )
    operations.delete_entities([alice.pk], why="by mistake", origin=world.origin())
    world.person("alice", "UTC")
    world.now += timedelta(hours=10)
    world.tick()
    assert Occurrence.objects.filter(state="COMPLETED").count() == 1, list(
        Occurrence.objects.values_list("slot", "state", "reason")
    )


def test_a_row_whose_worker_was_lost_travels_alone_even_after_its_message_was_lost_too(world: World) -> None:
    world.due(6)
    suspects = list(Occurrence.objects.order_by("id").values_list("pk", flat=True)[:2])
    Occurrence.objects.filter(pk__in=suspects).update(reason="worker_lost", attempt=1, failures=1)
    for row in suspects:
        Attempt.objects.create(
            occurrence_id=row, number=1, handler_kind="transactional", worker="w",
            started_at=world.now, finished_at=world.now, outcome="lost",
        )  # fmt: skip
    world.claim()
    world.now += LEASE
    world.recover()
    assert all(len(chunk.ids) == 1 for chunk in world.claim() if set(chunk.ids) & set(suspects))
