"""What the database itself refuses, whoever asks."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from events import operations, transitions
from events.lifecycle import FINAL, IN_FLIGHT, LEGAL_MOVES, Reason, State, is_legal
from events.models import LoggedMove, Occurrence
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def force(row: Occurrence, state: State, world: World) -> None:
    """Write a state with all that its CHECKs want, past the one door."""
    in_flight = state in IN_FLIGHT
    Occurrence.objects.filter(pk=row.pk).update(
        state=state,
        claim_token=uuid4() if in_flight else None,
        lease_expires_at=world.now if in_flight else None,
        finished_at=world.now if state in FINAL else None,
    )


def put_into(row: Occurrence, state: State, world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        force(row, state, world)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.mark.parametrize("to_state", State)
@pytest.mark.parametrize("from_state", State)
def test_the_database_allows_the_legal_moves_and_no_other(
    world: World, from_state: State, to_state: State
) -> None:
    (row,) = world.due()
    put_into(row, from_state, world)
    if from_state == to_state or is_legal(from_state, to_state):
        force(row, to_state, world)
    else:
        with pytest.raises(
            IntegrityError, match=f"illegal move of occurrence {row.pk}: {from_state} to {to_state}"
        ):
            force(row, to_state, world)


def test_every_state_can_be_reached_and_every_final_one_ends_the_way() -> None:
    reached = {State.SCHEDULED}
    while more := {target for state in reached for target in LEGAL_MOVES[state]} - reached:
        reached |= more
    assert reached == set(State)
    assert all(not LEGAL_MOVES[state] for state in (State.COMPLETED, State.SKIPPED))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"state": "DONE"}, id="a state that does not exist"),
        pytest.param({"claim_token": uuid4()}, id="a claim on a row that waits"),
        pytest.param({"finished_at": "now"}, id="an end of a row that waits"),
        pytest.param({"failures": 1}, id="more failures than attempts"),
        pytest.param({"fold": 2}, id="a third time of the same hour"),
        pytest.param({"hold": "because"}, id="a hold without a known cause"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(world: World, broken: dict[str, object]) -> None:
    (row,) = world.due()
    values = {name: world.now if value == "now" else value for name, value in broken.items()}
    with pytest.raises(IntegrityError):
        Occurrence.objects.filter(pk=row.pk).update(**values)


def test_one_slot_is_one_row(world: World) -> None:
    (row,) = world.due()
    row.pk = None
    with pytest.raises(IntegrityError, match="occurrence_once_per_slot"):
        row.save(force_insert=True)


@pytest.mark.parametrize(
    "statement", ["UPDATE events_transition SET reason = ''", "DELETE FROM events_transition"]
)
def test_the_log_is_append_only(world: World, statement: str) -> None:
    world.due()
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("TRUNCATE events_transition")
    assert LoggedMove.objects.count() == 1


def test_the_log_replays_to_where_every_row_stands(world: World) -> None:
    world.due(4)
    world.due(2, handler="idempotent")
    world.claim(batch=3)
    world.now += timedelta(minutes=10)
    world.tick()
    for row in Occurrence.objects.all():
        at = ""
        for move in row.moves.order_by("number"):
            assert move.from_state == at
            at = move.to_state
        assert at == row.state


@pytest.mark.parametrize("state", sorted(set(State) - {State.COMPLETED, State.CANCELLED}))
def test_a_person_resolves_to_completed_or_cancelled_and_to_nothing_else(world: World, state: State) -> None:
    (row,) = world.due()
    put_into(row, State.UNKNOWN, world)
    with pytest.raises(
        transitions.IllegalMove, match=f"FAILED or UNKNOWN to {state}. A person settles it as"
    ):
        operations.resolve([row.pk], to_state=state, why="a guess", origin=world.origin())
    assert Occurrence.objects.get().state == State.UNKNOWN
    refused = LoggedMove.objects.latest("number")
    assert (refused.from_state, refused.to_state, refused.reason) == ("UNKNOWN", "UNKNOWN", "refused")
    assert refused.actor == "user:alice"
    assert refused.detail == {"verb": "resolve", "why": "a guess", "state": "UNKNOWN"}


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELLED])
def test_a_person_settles_what_nobody_else_knows(world: World, state: State) -> None:
    (row,) = world.due()
    put_into(row, State.UNKNOWN, world)
    assert operations.resolve([row.pk], to_state=state, why="asked them", origin=world.origin()) == [row.pk]
    row.refresh_from_db()
    assert (row.state, row.reason, row.finished_at) == (state, "resolved", world.now)


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (State.COMPLETED, "From there nothing leads away."),
        (State.FAILED, "From there it may go to CANCELLED, COMPLETED, RETRYING."),
    ],
)
def test_what_the_database_refuses_at_the_door_has_a_name_and_says_where_it_may_go(
    world: World, state: State, remedy: str
) -> None:
    (row,) = world.due()
    put_into(row, state, world)
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM events_occurrence")
        (place,) = cursor.fetchone()
    with pytest.raises(transitions.IllegalMove) as refused, transaction.atomic():
        transitions.claim(
            [place], from_state=state, token=uuid4(), lease_until=world.now, origin=world.origin()
        )
    assert str(refused.value) == f"Occurrence {row.pk} does not go from {state} to PENDING. {remedy}"
    assert Occurrence.objects.get().state == state


def test_what_the_database_refuses_for_another_reason_keeps_its_own_name(world: World) -> None:
    (row,) = world.due()
    put_into(row, State.PROCESSING, world)
    token = Occurrence.objects.get().claim_token
    assert token is not None
    too_many = transitions.Settlement(State.RETRYING, Reason.ATTEMPT_FAILED, "failed", None, world.now, True)
    with pytest.raises(IntegrityError, match="occurrence_counts_in_range"), transaction.atomic():
        transitions.settle({row.pk: too_many}, token=token, origin=world.origin())


def test_a_reason_that_nobody_knows_is_refused_with_those_that_are_known(world: World) -> None:
    (row,) = world.due()
    for given in ("bogus", ""):
        with pytest.raises(
            transitions.UnknownReason, match=f"'{given}' is no reason for a move. Known are: planned, "
        ):
            transitions.cancel([row.pk], reason=given, origin=world.origin())  # type: ignore[arg-type]
    with pytest.raises(transitions.UnknownReason):
        transitions.cancel_all(rule_id=row.rule_id, reason="bogus", why="", origin=world.origin())  # type: ignore[arg-type]
    assert Occurrence.objects.get().state == "SCHEDULED"
