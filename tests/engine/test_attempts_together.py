"""Attempts that began and ended together stand in one row, and are read of each occurrence as if it had been alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from events.handling import Completed, Reject
from events.models import Attempt, Occurrence, OneAttempt
from events.models.history import BLOCK
from events.queries.audit import audit_log
from events.queries.stories import story
from events.transitions.forgetting import forget_old
from tests.engine.handlers import Idempotent, Transactional
from tests.engine.test_moves_together import (
    assert_refused,
    near_the_edge_of_a_block,
    neither_one_nor_many,
)

if TYPE_CHECKING:
    from events.handling import HandlerContext, Outcome
    from tests.engine.world import World

pytestmark = pytest.mark.django_db


def told_by_each(context: HandlerContext) -> Outcome:
    return Completed({"whose": context.entity.external_id})


def first_is_rejected(context: HandlerContext) -> Outcome:
    return Reject("first") if context.entity.external_id == "p0" else Completed()


def tries_of(row: Occurrence) -> list[tuple[int, str, object]]:
    return [(each.number, each.outcome, each.detail) for each in story(row).attempts]


def sizes() -> list[int]:
    """Of how many each row tells."""
    return sorted(len(row.occurrences or [0]) for row in Attempt.objects.all())


def test_those_that_complete_together_share_a_row_and_each_has_its_attempt(world: World) -> None:
    rows = world.due(5, handler="transactional")
    summary = world.run(world.claim_together())
    assert summary.outcomes == {"completed": 5}
    assert sizes() == [5]
    assert OneAttempt.objects.count() == 5
    for row in rows:
        row.refresh_from_db()
        (tried,) = story(row).attempts
        assert (tried.number, tried.outcome, tried.detail) == (1, "completed", None)
        assert (tried.started_at, tried.finished_at) == (row.started_at, row.finished_at)
    assert audit_log().total == 0


def test_who_says_something_of_its_own_has_a_row_of_its_own(world: World) -> None:
    Transactional.answer = staticmethod(told_by_each)
    rows = world.due(3, handler="transactional")
    world.run(world.claim_together())
    assert sizes() == [1, 1, 1]
    assert [tries_of(row) for row in rows] == [
        [(1, "completed", {"whose": row.entity.external_id})] for row in rows
    ]


def test_what_may_move_again_is_found_by_its_own_row(world: World) -> None:
    Transactional.answer = staticmethod(first_is_rejected)
    rows = world.due(3, handler="transactional")
    chunk = world.claim_together()
    world.lose(chunk)
    world.now += timedelta(minutes=10)
    world.recover()
    assert sizes() == [1, 1, 1], "lost ones are asked for by those who try them again"
    world.sweep()
    for row in rows:
        last = "completed" if row.entity.external_id != "p0" else "rejected"
        assert [outcome for _, outcome, _ in tries_of(row)] == ["lost", last]
    rejected = Attempt.objects.get(outcome="rejected")
    assert rejected.occurrence_id is not None
    assert audit_log().total == 0


def test_calls_that_end_by_themselves_have_rows_of_their_own(world: World) -> None:
    Idempotent.answer = staticmethod(lambda _: Completed())
    world.due(3, handler="idempotent")
    world.run(world.claim_together())
    assert sizes() == [1, 1, 1]


def test_a_set_that_lies_in_several_blocks_is_found_from_each(world: World) -> None:
    edge = near_the_edge_of_a_block(below=1)
    rows = world.due(3, handler="transactional")
    world.run(world.claim_together())
    assert [row.pk for row in rows] == [edge - 1, edge, edge + 1]
    (together,) = Attempt.objects.all()
    assert sorted(together.blocks or []) == [edge // BLOCK - 1, edge // BLOCK]
    assert [tries_of(row) for row in rows] == [[(1, "completed", None)]] * 3
    assert OneAttempt.objects.of(edge - 1, edge + 1).count() == 2
    assert not OneAttempt.objects.of(edge + 2, edge + BLOCK).exists()


FORGED = {
    "one of them is left out": ("occurrences = array_remove(occurrences, {id})", "has no row"),
    "one of them stands twice": ("occurrences = array_append(occurrences, {id})", "attempt 1 stands 2 times"),
    "they are looked for elsewhere": ("blocks = ARRAY[-1]", "has no row"),
    "it was another attempt": ("number = 2", "attempt 2 has a row, and no move started it"),
    "it began earlier": ("started_at = started_at - interval '1 s'", "attempt 1 started at"),
}


@pytest.mark.parametrize(("change", "sentence"), FORGED.values(), ids=FORGED)
def test_a_set_that_was_written_past_the_one_door_is_named(world: World, change: str, sentence: str) -> None:
    row, *_ = world.due(3, handler="transactional")
    world.run(world.claim_together())
    assert audit_log().total == 0
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE events_attempt SET {change.format(id=row.pk)}")
    found = audit_log()
    assert row.pk in {each.occurrence_id for each in found.disagreements}
    assert any(sentence in each.problem for each in found.disagreements), found.disagreements


NOBODY = """
INSERT INTO events_attempt ({columns} number, handler_kind, task_id, worker, started_at, outcome)
VALUES ({values} 1, 'transactional', '', 'worker:test', now(), '')
"""


@neither_one_nor_many
@pytest.mark.usefixtures("world")
def test_a_row_is_of_one_or_of_many(columns: str, values: str) -> None:
    assert_refused(NOBODY.format(columns=columns, values=values), "attempt_of_one_or_many")


def test_a_set_goes_with_the_last_of_its_occurrences(world: World) -> None:
    *_, kept = world.due(3, handler="transactional")
    world.run(world.claim_together())
    before = world.now + timedelta(days=400)
    Occurrence.objects.filter(pk=kept.pk).update(due_at=before + timedelta(hours=1))
    world.now = before + timedelta(days=1)

    assert (step := forget_old(0, before=before, origin=world.origin())) is not None
    assert step.rows == 2
    assert set(Occurrence.objects.values_list("pk", flat=True)) == {kept.pk}
    assert tries_of(kept) == [(1, "completed", None)]
    assert sizes() == [3], "it tells of one that is there"

    step = forget_old(0, before=before + timedelta(hours=2), origin=world.origin())
    assert step is not None
    assert step.rows == 1
    assert not Attempt.objects.exists()


def test_sets_that_others_are_in_stay_as_they_are(world: World) -> None:
    world.due(2, handler="transactional")
    world.run(world.claim_together())
    ended = world.now
    world.now += timedelta(days=2)
    young = world.due(2, handler="transactional")
    world.run(world.claim_together())
    step = forget_old(0, before=ended + timedelta(days=1), origin=world.origin())
    assert step is not None
    assert step.rows == 2
    assert [tries_of(row) for row in young] == [[(1, "completed", None)]] * 2
    assert sizes() == [2]
