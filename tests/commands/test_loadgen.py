"""`loadgen`: exactly as much as was asked for, whole stories that an audit believes, and nothing of it left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from events import planning
from events.lifecycle import State
from events.management.commands import loadgen as command
from events.models import Entity, LoggedMove, Occurrence, OneAttempt, Rule
from tests.commands.conftest import Process, run, terminal
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase


def states() -> dict[str, int]:
    """How many occurrences are in which state."""
    found = list(Occurrence.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


@pytest.mark.django_db
def test_what_is_asked_for_is_made_and_the_audit_agrees(world: World) -> None:
    made = run(
        "loadgen", people=30, occurrences=200, past=0.7, future=0.2, failed=0.1, at="2037-01-01T00:00Z"
    )
    assert made.refused == ""
    assert made.out.count(" made, ") == 4
    assert Entity.objects.filter(kind="loadgen").count() == 30
    assert len(set(Entity.objects.values_list("timezone", flat=True))) > 10
    assert states() == {State.COMPLETED: 125, State.FAILED: 15, State.SCHEDULED: 60}
    assert OneAttempt.objects.count() == 140
    assert LoggedMove.objects.count() == 140 * 4 + 60
    assert run("audit").out == "200 rows and 620 moves: the log leads to where every row stands.\n"


@pytest.mark.django_db
def test_each_part_lies_where_it_was_wanted(world: World) -> None:
    at = datetime(2037, 1, 1, 12, 30, 5, tzinfo=UTC)
    made = run("loadgen", people=30, occurrences=200, past=0.5, future=0.2, at=at.isoformat())
    assert made.refused == ""
    past = Occurrence.objects.filter(state=State.COMPLETED)
    assert past.filter(due_at__lt=world.now, finished_at__lt=world.now).count() == 100
    assert (
        Occurrence.objects.filter(due_at__gt=world.now + timedelta(days=3600)).exclude(due_at=at).count()
        == 40
    )
    assert Occurrence.objects.filter(due_at=at, available_at=at).count() == 60


@pytest.mark.django_db
def test_what_waits_is_neither_doubled_nor_withdrawn_by_the_planner(world: World) -> None:
    soon = world.now + timedelta(hours=3)
    run("loadgen", people=30, occurrences=70, past=0.4, future=0.4, at=soon.isoformat())
    before = states()
    assert planning.plan_due_rules(horizon=world.horizon, origin=world.origin()) == 0
    world.now = soon + timedelta(hours=60)
    assert planning.plan_due_rules(horizon=world.horizon, origin=world.origin()) == 0
    assert states() == before


@pytest.mark.django_db
def test_what_is_due_runs_as_anything_does(world: World) -> None:
    run("loadgen", people=30, occurrences=60, past=0.0, future=0.0, at="now")
    world.now += timedelta(seconds=5)
    world.sweep()
    assert states() == {State.COMPLETED: 60}
    assert run("audit").refused == ""


@pytest.mark.django_db
def test_personal_rules_are_of_every_kind_and_are_planned_by_the_next_pass(world: World) -> None:
    made = run("loadgen", people=30, rules=100)
    assert "100 personal rules made" in made.out
    rules = Rule.objects.filter(entity__kind="loadgen")
    assert len(set(rules.values_list("name", flat=True))) == 100
    assert len(set(rules.values_list("entity_id", flat=True))) == 30
    assert len(set(rules.values_list("draw_seed", flat=True))) == 100
    assert rules.filter(cron__gt="").count() == 12
    assert not Occurrence.objects.exists()
    assert run("plan", once=True).refused == ""
    assert Occurrence.objects.filter(rule__in=rules.filter(rrule="FREQ=DAILY", window=None)).count() >= 13
    assert not rules.filter(planned_until=None).exists()


@pytest.mark.django_db
def test_a_second_load_adds_to_the_first(world: World) -> None:
    for _ in range(2):
        assert run("loadgen", people=10, occurrences=20).refused == ""
    assert (Entity.objects.count(), Occurrence.objects.count()) == (20, 40)
    assert run("audit").refused == ""


@pytest.mark.django_db
def test_a_database_that_others_use_is_refused_unless_one_insists(world: World) -> None:
    world.due(1)
    refused = run("loadgen", people=10)
    assert refused.refused.startswith("This database holds what loadgen did not make: entities and rules.")
    assert "--among-others" in refused.refused
    assert not Entity.objects.filter(kind="loadgen").exists()
    assert run("loadgen", "--among-others", people=10).refused == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ([], "Say how much"),
        (["--people", "many"], "'many' is no number of things."),
        (["--occurrences", "9", "--past", "2"], "'2' is no share."),
        (["--occurrences", "9", "--past", "nan"], "'nan' is no share."),
        (["--occurrences", "9", "--past", "some"], "'some' is no share."),
        (["--occurrences", "9", "--past", "0.8", "--future", "0.5"], "are more than all."),
        (["--occurrences", "9", "--past", "0", "--future", "0"], "say with --at"),
        (
            ["--occurrences", "9", "--past", "0", "--future", "0", "--at", "noon"],
            "--at: 'noon' is not a date",
        ),
        (["--occurrences", "9"], "There are no people of kind 'loadgen' yet"),
        (["--rules", "9"], "There are no people of kind 'loadgen' yet"),
        (["--people", "9", "--handler", "lug"], "lug"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    db: None, asked: list[str], answer: str
) -> None:
    assert answer in run("loadgen", *asked).refused
    assert not Entity.objects.exists()


def test_who_watches_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal() as (screen, said), monkeypatch.context() as patched:
        patched.setattr("sys.stderr", screen)
        with command.shown("Making people", 10) as tell:
            tell(5)
        assert "Making people" in said()


def test_as_a_process_every_set_is_committed(committed_db: CommittedDatabase, manage: Process) -> None:
    made = manage("loadgen", "--people", 50, "--occurrences", 300)
    assert (made.returncode, made.stderr) == (0, "")
    assert manage("audit").stdout == "300 rows and 1110 moves: the log leads to where every row stands.\n"
