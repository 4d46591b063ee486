"""Rows that come and go for long: space is used again, and whoever keeps PostgreSQL from it is named."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from events import clock
from events.handling import Postpone
from events.management import storage_checks
from events.management.findings import Status
from events.queries import storage
from tests.engine.handlers import Idempotent
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase

ROWS, ROUNDS = 300, 5
SOME_PAGES = 4 * 8192
RELATIONS = ("events_occurrence", "occurrence_due", "occurrence_leased", "events_occurrence_pkey")


@pytest.fixture
def world(committed_db: CommittedDatabase) -> World:
    """So many rows that are due, and are put off by a minute whenever they run."""
    world = World(clock.now().replace(microsecond=0))
    Idempotent.answer = staticmethod(lambda _: Postpone(world.now + timedelta(minutes=1)))
    world.due(ROWS, handler="idempotent")
    world.now += timedelta(minutes=1)  # or what has just been written is taken for an edit
    return world


def churn(world: World) -> None:
    """Each row is claimed, started and settled some times; autovacuum has its turn after each round."""
    for _ in range(ROUNDS):
        assert world.sweep() == ROWS
        world.now += timedelta(minutes=1, seconds=1)
        vacuum()


def vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM events_occurrence, events_attempt")


def sizes() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, pg_relation_size(name::regclass) FROM unnest(%s::text[]) AS name", [[*RELATIONS]]
        )
        return dict(cursor.fetchall())


def dead_rows() -> int:
    return {each.table: each.dead for each in storage.tidiness()}["events_occurrence"]


def test_space_is_used_again_and_who_keeps_it_is_named(
    world: World, committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_checks, "LEAST_DEAD", ROWS)
    churn(world)
    settled = sizes()
    churn(world)
    assert {name: size for name, size in sizes().items() if size > settled[name] * 1.1 + SOME_PAGES} == {}
    assert dead_rows() == 0
    assert storage_checks.vacuum(clock.now()).status is Status.OK

    with closing(psycopg.connect(committed_db.url, application_name="a report")) as idle:
        idle.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        idle.execute("SELECT count(*) FROM events_occurrence")
        churn(world)
        assert dead_rows() >= 3 * ROWS * ROUNDS
        said = storage_checks.vacuum(clock.now())
        assert (said.status, said.says[:18]) == (Status.WARN, "events_occurrence ")
        assert storage_checks.transactions(clock.now()).status is Status.OK  # for it is young
        said = storage_checks.transactions(clock.now() + timedelta(minutes=6))
        assert (
            f"1 transaction open for longer than five minutes: pid {idle.info.backend_pid} (a report, idle in"
            in said.says
        )
        assert f"pg_terminate_backend({idle.info.backend_pid})" in said.next_step

    vacuum()
    churn(world)
    swollen = sizes()
    churn(world)
    assert dead_rows() == 0
    assert storage_checks.vacuum(clock.now()).status is Status.OK
    assert {name: size for name, size in sizes().items() if size > swollen[name] * 1.1 + SOME_PAGES} == {}
