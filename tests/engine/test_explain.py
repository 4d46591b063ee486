"""However much is stored, what runs each second, and what a person looks at first, finds its rows by an index."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models import Exists, OuterRef
from django.urls import reverse

from events import clock, dispatch, handling, planning, sweeping
from events.admin import base
from events.management import loads
from events.models import Attempt, Occurrence
from events.queries.audit import audit_log
from events.transitions.loads import CHUNK as TOLD_TOGETHER
from tests.engine.explaining import LARGE, watched
from tests.engine.world import World
from tests.harness.database import empty_all_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client
    from pytest_django.plugin import DjangoDbBlocker

pytestmark = pytest.mark.django_db

PEOPLE, PAST, FUTURE, DUE = 2_000, 150_000, 20_000, 12_000
# As many as are claimed at once, and as one message carries: the defaults.
BATCH, CHUNK = 8_000, 2_000
# They are due a day after the fill, and so is the world's present.
AHEAD = timedelta(days=1)
# A load's past is of few large claims; real ones ran in chunks. Every other one ended together, the others row by row:
# which ones is the same on every day.
CHUNKS = f"UPDATE events_attempt SET task_id = md5(task_id || COALESCE(occurrence_id / {TOLD_TOGETHER}, id))"
HALF_ALONE = f"""
WITH half AS (DELETE FROM events_attempt WHERE occurrences[1] / {TOLD_TOGETHER} % 2 = 0 RETURNING *)
INSERT INTO events_attempt (occurrence_id, number, handler_kind, task_id, worker, started_at, finished_at, outcome)
SELECT unnest(occurrences), number, 'idempotent', task_id, worker, started_at, finished_at, outcome FROM half
"""


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[datetime]:
    """182,000 rows, committed, with the statistics of a moment in which nothing was in flight; when some are due."""
    with django_db_blocker.unblock():
        handling.installed.cache_clear()
        _tables("SET (autovacuum_enabled = off)")
        empty_all_tables()  # of the pages, too, that other tests have left, whose rows were rolled back
        try:
            yield _fill()
        finally:
            empty_all_tables()
            _tables("RESET (autovacuum_enabled)")


def _fill() -> datetime:
    # Late in its month: on the first days of one its part of the log is so small that to walk it is right.
    now = clock.now().replace(day=20, microsecond=0)
    origin = World(now).origin()
    loads.make_people(PEOPLE, tell=lambda _: None)
    how: dict[str, Any] = {
        "handler": "log", "people": loads.number_people(), "origin": origin, "tell": lambda _: None
    }  # fmt: skip
    loads.make_past(PAST, failed=0.001, **how)
    loads.make_future(FUTURE, **how)
    loads.make_due(DUE, at=now + AHEAD, **how)
    with connection.cursor() as cursor:
        cursor.execute(CHUNKS)
        cursor.execute(HALF_ALONE)
    loads.analyze()
    return now + AHEAD


def _tables(setting: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relname LIKE ANY(%s)",
                       [[f"{name}%" for name in LARGE]])  # fmt: skip
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {name} {setting}")


FORGET_STATISTICS = """
DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'events!_%' ESCAPE '!');
UPDATE pg_class SET reltuples = -1, relpages = 0, relallvisible = 0
WHERE relkind IN ('r', 'p', 'i') AND relname LIKE 'events!_%' ESCAPE '!'
"""


@pytest.fixture(params=["of an idle moment", "none"])
def world(filled: datetime, db: None, request: pytest.FixtureRequest) -> World:
    """Its present is when some are due; what PostgreSQL believes of the tables is old, or nothing at all."""
    if request.param == "none":
        with connection.cursor() as cursor:
            cursor.execute(FORGET_STATISTICS)
    return World(filled + timedelta(seconds=1))


@pytest.fixture
def operator(world: World, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Somebody who may see all, and looks on the day before: nothing is late."""
    monkeypatch.setattr(clock, "now", lambda: world.now - AHEAD)
    return admin_client


def nothing_due(world: World) -> None:
    world.now -= timedelta(hours=1)
    assert world.claim() == []


def a_batch_that_is_due(world: World) -> None:
    since = world.now - timedelta(minutes=5)
    limits = dispatch.Limits(
        batch=BATCH, chunk=CHUNK, chunk_of_sets=CHUNK, workers=1, lease=timedelta(minutes=2)
    )
    assert dispatch.claim_due(limits=limits, origin=world.origin(), since=since).rows == BATCH


def the_catch_up_lane(world: World) -> None:
    world.now += timedelta(hours=3)
    chunks = world.claim(batch=BATCH)
    assert {chunk.lane for chunk in chunks} == {"catchup"}
    assert sum(len(chunk.ids) for chunk in chunks) == BATCH


def a_claim_among_settled_ones(world: World) -> None:
    for chunk in world.claim(batch=2 * CHUNK, chunk=CHUNK):
        world.run(chunk)
    assert len(world.claim(batch=CHUNK, chunk=CHUNK // 2)) == 2


def a_full_chunk(world: World) -> dispatch.Chunk:
    chunk = world.claim(batch=2 * CHUNK, chunk=CHUNK)[0]
    assert len(chunk.ids) == CHUNK
    return chunk


def start_and_settle(world: World) -> None:
    assert world.run(a_full_chunk(world)).outcomes == {"completed": CHUNK}


def lapsed_claims(world: World) -> None:
    world.claim(batch=CHUNK)
    world.now += timedelta(hours=1)
    assert world.recover().claims_returned == CHUNK


def lost_attempts(world: World) -> None:
    assert len(world.lose(a_full_chunk(world))) == CHUNK
    world.now += timedelta(hours=1)
    assert world.recover().attempts_lost == CHUNK


def the_moment_to_wake_up_for(world: World) -> None:
    assert dispatch.standing().next_due == world.now - timedelta(seconds=1)
    assert dispatch.standing().is_due(world.now)


def how_many_are_in_flight(world: World) -> None:
    world.claim(batch=BATCH)
    assert dispatch.standing().in_flight == BATCH
    assert dispatch.late_in_flight(world.now) == BATCH


def a_sweep_of_nothing(world: World) -> None:
    world.now -= timedelta(hours=1)
    assert sweeping.sweep_once(clock=world.clock, sweeper="host:1").drained


def which_rules_are_to_be_planned(world: World) -> None:
    assert world.plan() == 0
    assert planning.is_behind(world.now) is False


@pytest.mark.parametrize(
    ("do", "rows", "index"),
    [
        (nothing_due, 20, "occurrence_due"),
        (a_batch_that_is_due, 2 * BATCH, "occurrence_due"),
        (the_catch_up_lane, 2 * BATCH, "occurrence_due"),
        (a_claim_among_settled_ones, 30 * CHUNK, "occurrence_due"),
        (start_and_settle, 15 * CHUNK, "events_occurrence_pkey"),
        (lapsed_claims, 6 * CHUNK, "occurrence_leased"),
        (lost_attempts, 25 * CHUNK, "occurrence_leased"),
        (the_moment_to_wake_up_for, 20, "occurrence_due"),
        (how_many_are_in_flight, 5 * BATCH, "occurrence_leased"),
        (a_sweep_of_nothing, 100, "occurrence_due"),
        (which_rules_are_to_be_planned, 20, None),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_no_engine_walks_a_large_table(
    world: World, do: Callable[[World], None], rows: int, index: str | None
) -> None:
    with watched() as seen:
        do(world)
    assert seen.walks == []
    assert seen.walked_rows == 0
    assert seen.read_rows <= rows
    assert index is None or index in seen.indexes
    assert seen.plans


PAGES = {
    "occurrences": ("admin:events_occurrence_changelist", {}),
    "dead letters": ("admin:events_occurrence_changelist", {"state": "dead"}),
    "attempts": ("admin:events_attempt_changelist", {}),
    "the log": ("admin:events_transition_changelist", {}),
    "the overview": ("admin:index", {}),
}


@pytest.mark.parametrize(("address", "asked"), PAGES.values(), ids=PAGES)
def test_no_first_page_of_the_admin_walks_a_large_table(
    operator: Client, address: str, asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What may cost so much of a hundred times as many rows.
    monkeypatch.setattr(base, "CHEAP", base.CHEAP / 100)
    with watched() as seen:
        assert operator.get(reverse(address), asked).status_code == 200
    assert seen.walks == []
    assert seen.walked_rows == 0
    assert seen.read_rows <= 1_000


@pytest.mark.parametrize("alone", [True, False], ids=["its attempt alone", "its attempt among others"])
def test_the_page_of_one_occurrence_and_its_audit_read_that_one_alone(operator: Client, alone: bool) -> None:
    has_its_own = Exists(Attempt.objects.filter(occurrence=OuterRef("id")))
    past = Occurrence.objects.annotate(alone=has_its_own).filter(state="COMPLETED", id__gt=PAST // 2)
    row = past.filter(alone=alone).order_by("id")[0]
    with watched() as seen:
        page = operator.get(reverse("admin:events_occurrence_change", args=[row.pk]))
        audit = audit_log(after_id=row.pk - 1, up_to_id=row.pk)
    assert len(page.context["page"]["story"].moves) == 4
    assert (audit.rows, audit.moves, audit.total) == (1, 4, 0)
    assert seen.walks == []
    assert seen.walked_rows == 0
    assert seen.read_rows <= 50
