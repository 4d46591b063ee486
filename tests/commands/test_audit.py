"""`audit`: quiet and green where the log holds, and every disagreement in a sentence where it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from events.management.commands import audit as command
from events.models import Occurrence
from events.queries.audit import MOST_KEPT
from tests.commands.conftest import Process, run, terminal
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase


@pytest.fixture
def world(db: None) -> World:
    """Long ago: an audit does not ask what time it is."""
    return World(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))


@pytest.mark.django_db
def test_a_log_that_holds_is_said_to(world: World) -> None:
    world.due(3)
    world.sweep()
    audited = run("audit")
    assert audited.out == "3 rows and 12 moves: the log leads to where every row stands.\n"
    assert audited.refused == ""


@pytest.mark.django_db
def test_without_any_row_there_is_nothing_to_disagree_about(db: None) -> None:
    assert run("audit").out == "0 rows and 0 moves: the log leads to where every row stands.\n"


@pytest.mark.django_db
def test_a_row_that_was_written_by_hand_is_named_and_the_next_step_too(world: World) -> None:
    _, row, _ = world.due(3)
    Occurrence.objects.filter(pk=row.pk).update(state="SKIPPED", finished_at=world.now)
    audited = run("audit")
    assert audited.out == f"occurrence {row.pk}: its row is SKIPPED, and its log ends in SCHEDULED.\n"
    assert audited.refused.startswith("1 disagreement in 3 rows and 3 moves. Something wrote past Punctual")
    assert "Read the story on each occurrence's page" in audited.refused


@pytest.mark.django_db
def test_what_is_too_much_to_read_is_counted(world: World) -> None:
    world.due(MOST_KEPT + 2)
    Occurrence.objects.update(reason="resolved")
    audited = run("audit")
    assert audited.out.count("its row gives the reason resolved") == MOST_KEPT
    assert audited.out.endswith("… and 2 more.\n")
    assert audited.refused.startswith(f"{MOST_KEPT + 2} disagreements in ")


@pytest.mark.django_db
def test_programs_read_one_object(world: World) -> None:
    _, row = world.due(2)
    Occurrence.objects.filter(pk=row.pk).update(reason="resolved")
    audited = run("audit", "--json")
    problem = "its row gives the reason resolved, and its log ends with planned"
    assert json.loads(audited.out) == {
        "rows": 2,
        "moves": 2,
        "total": 1,
        "disagreements": [{"occurrence_id": row.pk, "problem": problem}],
    }
    assert audited.refused


@pytest.mark.django_db
def test_who_watches_sees_a_bar(world: World) -> None:
    world.due(2)
    with terminal() as (screen, said):
        assert command.watched(screen).rows == 2
        assert "Replaying the log" in said()
    quiet = StringIO()
    assert command.watched(quiet).rows == 2
    assert quiet.getvalue() == ""


def test_as_a_process_it_is_quiet_in_a_pipe_and_ends_in_one_where_the_log_lies(
    committed_db: CommittedDatabase, manage: Process
) -> None:
    sound = manage("audit")
    assert (sound.returncode, sound.stderr) == (0, "")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt, at)"
            " VALUES (7, '', 'SCHEDULED', 'planned', 'user:mallory', 0, now())"
        )
    lost = manage("audit")
    assert lost.returncode == 1
    assert lost.stdout == "occurrence 7: its row is gone, and its log ends in SCHEDULED.\n"
    assert lost.stderr.startswith("CommandError: 1 disagreement in 0 rows and 1 move.")
