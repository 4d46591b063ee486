"""What many do together stands in one row of the log, and is read of each of them as if it had been alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction

from events import operations, transitions
from events.handling import Completed, Reject
from events.models import LoggedMove, Occurrence, Transition
from events.models.history import BLOCK
from events.queries.audit import audit_log
from events.queries.stories import story
from tests.engine.handlers import Idempotent, Transactional

if TYPE_CHECKING:
    from events.handling import HandlerContext, Outcome
    from tests.engine.world import World

pytestmark = pytest.mark.django_db
WHOLE_STORY = ["planned", "claimed", "started", "completed"]


def every_other(context: HandlerContext) -> Outcome:
    return Completed() if int(context.entity.external_id[1:]) % 2 else Reject("even")


def near_the_edge_of_a_block(below: int) -> int:
    """The ids of what comes next begin so many below the edge of a block; the edge."""
    edge = (Occurrence.objects.count() + 5 * BLOCK) // BLOCK * BLOCK
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('events_occurrence', 'id'), %s)", [edge - below - 1]
        )
    return edge


def said_of(row: Occurrence) -> list[str]:
    return [move.reason for move in story(row).moves]


@pytest.mark.parametrize("handler", ["idempotent", "transactional"])
def test_those_that_move_alike_share_a_row_and_each_has_its_story(world: World, handler: str) -> None:
    Idempotent.answer = Transactional.answer = staticmethod(every_other)
    rows = world.due(6, handler=handler)
    world.run(world.claim_together())

    for row in rows:
        last = "completed" if int(row.entity.external_id[1:]) % 2 else "rejected"
        assert said_of(row) == [*WHOLE_STORY[:3], last]
    [claimed] = Transition.objects.filter(reason="claimed")
    assert sorted(claimed.occurrences or []) == [row.pk for row in rows]
    if handler == "transactional":  # the others are started and settled as their calls begin and end
        ran = Transition.objects.filter(reason__in=("started", "completed", "rejected"))
        sizes = sorted((row.reason, len(row.occurrences or [])) for row in ran)
        assert sizes == [("completed", 3), ("rejected", 3), ("started", 6)]
    assert audit_log().total == 0


def test_who_moves_alone_is_found_by_its_id(world: World) -> None:
    (row,) = world.due(1)
    world.sweep()
    assert (
        list(Transition.objects.values_list("occurrence", "occurrences", "blocks"))
        == [(row.pk, None, None)] * 4
    )


def test_what_somebody_asks_for_is_written_for_each_alone(world: World) -> None:
    rows = world.due(3)
    operations.cancel([row.pk for row in rows], why="not wanted", origin=world.origin())
    asked_for = Transition.objects.filter(reason="cancelled")
    assert sorted(asked_for.values_list("occurrence_id", flat=True)) == [row.pk for row in rows]


def test_a_set_that_lies_in_several_blocks_is_found_from_each(world: World) -> None:
    edge = near_the_edge_of_a_block(below=2)
    rows = world.due(5)
    world.run(world.claim_together())
    assert [row.pk for row in rows] == [edge - 2, edge - 1, edge, edge + 1, edge + 2]
    claimed = Transition.objects.get(reason="claimed")
    assert sorted(claimed.blocks or []) == [edge // BLOCK - 1, edge // BLOCK]
    for row in rows:
        assert said_of(row) == WHOLE_STORY
        alone = audit_log(after_id=row.pk - 1, up_to_id=row.pk)
        assert (alone.rows, alone.moves, alone.total) == (1, 4, 0)
    assert LoggedMove.objects.of(*(row.pk for row in rows)).count() == 20
    assert not LoggedMove.objects.of(edge + 3, edge + BLOCK).exists()


def test_a_retry_is_told_beside_those_that_were_done_at_once(world: World) -> None:
    Transactional.answer = staticmethod(every_other)
    rows = world.due(4, handler="transactional")
    chunk = world.claim_together()
    world.lose(chunk)
    world.now += timedelta(minutes=10)
    world.recover()
    world.sweep()
    for row in rows:
        row.refresh_from_db()
        assert [move.attempt for move in story(row).moves if move.reason == "started"] == [1, 2]
        assert said_of(row)[-1] == row.reason
    assert audit_log().total == 0


FORGED = {
    "one of them is left out": ("occurrences = array_remove(occurrences, {id})", "starts in"),
    "one of them stands twice": ("occurrences = array_append(occurrences, {id})", "starts in"),
    "they are looked for elsewhere": ("blocks = ARRAY[-1]", "starts in"),
    "all of them came from elsewhere": ("from_state = 'RETRYING'", "starts in RETRYING"),
}


@pytest.mark.parametrize(("change", "sentence"), FORGED.values(), ids=FORGED)
def test_a_set_that_was_written_past_the_one_door_is_named(world: World, change: str, sentence: str) -> None:
    row, *_ = world.due(3)
    world.run(world.claim_together())
    assert audit_log().total == 0
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE events_transition SET {change.format(id=row.pk)} WHERE reason = 'claimed'")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    found = audit_log()
    assert row.pk in {each.occurrence_id for each in found.disagreements}
    assert any(sentence in each.problem for each in found.disagreements), found.disagreements


NOBODY = """
INSERT INTO events_transition ({columns} from_state, to_state, reason, actor, attempt, at)
VALUES ({values} '', 'SCHEDULED', 'planned', 'user:bob', 0, now())
"""


neither_one_nor_many = pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("", ""), ("occurrence_id, occurrences, blocks,", "1, '{1,2}', '{0}',"), ("occurrences,", "'{1,2}',"),
        ("occurrence_id, blocks,", "1, '{0}',"),
    ],
)  # fmt: skip


def assert_refused(statement: str, constraint: str) -> None:
    with (
        pytest.raises(IntegrityError, match=constraint),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@neither_one_nor_many
@pytest.mark.usefixtures("world")
def test_a_row_of_the_log_is_of_one_or_of_many(columns: str, values: str) -> None:
    assert_refused(NOBODY.format(columns=columns, values=values), "transition_of_one_or_many")


def test_a_claim_that_lapsed_for_many_is_told_together(world: World) -> None:
    rows = world.due(3)
    world.claim()
    world.now += timedelta(minutes=10)
    assert transitions.return_lapsed_claims(limit=10, origin=world.origin("engine:test")) == 3
    assert Transition.objects.filter(reason="claim_lapsed").count() == 1
    world.sweep()
    for row in rows:
        assert said_of(row) == ["planned", "claimed", "claim_lapsed", *WHOLE_STORY[1:]]
    assert audit_log().total == 0
