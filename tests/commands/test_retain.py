"""`retain`: what is old is dropped by the month and by the set, what is needed stays, and the audit knows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from events import clock
from events.models import LoggedMove, Occurrence, OneAttempt, Retention
from events.queries.audit import audit_log
from events.transitions import months
from events.transitions.months import Dropped, drop_month, months_of_log, open_months
from tests.commands.conftest import Process, run
from tests.engine.test_audit import forge
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase

PRESENT = datetime(2029, 6, 15, 9, tzinfo=UTC)


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in 2029, whose log has had a month for each of its months."""
    world = World(PRESENT)
    open_months(PRESENT)
    monkeypatch.setattr(clock, "now", world.clock)
    return world


def lived(world: World, *ago: int, **rule: object) -> list[Occurrence]:
    """A row for each: so many days ago it was due, and ran."""
    world.person("alice", "UTC")
    found = []
    for days in ago:
        world.now = PRESENT - timedelta(days=days)
        once = {"rrule": "", "start_date": world.now.date(), "local_time": world.now.time()}
        made = world.rule(**{**once, **rule})
        world.sweep()
        Occurrence.objects.filter(rule=made).update(created_at=world.now)
        found.append(Occurrence.objects.get(rule=made))
    world.now = PRESENT
    return found


def parts() -> list[str]:
    return [month.part for month in months_of_log()]


@pytest.mark.django_db
def test_the_months_are_told_and_nothing_is_dropped_unasked(world: World) -> None:
    lived(world, 500, 3)
    before = parts()
    told = run("retain").out.splitlines()
    assert [line.split()[0] for line in told[1:]] == [part[-7:].replace("_", "-") for part in before[1:]]
    assert told[0].startswith("before 20")
    assert run("retain", "--log", "400d", "--rows", "400d").out.splitlines()[-1] == (
        "Nothing was dropped. To have it done, repeat the command with --apply."
    )
    assert (parts(), Occurrence.objects.count()) == (before, 2)
    assert not Retention.objects.exists()


@pytest.mark.django_db
def test_months_that_are_over_long_enough_are_dropped_whole_and_the_audit_agrees(world: World) -> None:
    old, young = lived(world, 500, 3)
    said = run("retain", "--log", "400d", "--apply").out
    assert "2028-02: " in said
    assert "2028-05: " not in said  # it was over 380 days ago
    assert parts()[0] == "events_transition_2028_05"
    assert not old.moves.exists()
    assert len(world.story(young)) == 4
    assert (audit_log().rows, audit_log().total) == (2, 0)
    latest = Retention.objects.latest("id")
    assert (latest.what, latest.before) == ("log", datetime(2028, 5, 1, tzinfo=UTC))
    assert run("retain", "--log", "400d", "--apply").out == (
        "No month of the log was over by 2028-05-11 09:00 UTC.\n"
    )


@pytest.mark.django_db
def test_a_story_that_has_not_ended_is_kept_whole(world: World) -> None:
    world.now, world.horizon = PRESENT - timedelta(days=500), timedelta(days=1000)
    (row,) = world.due(rrule="", start_date=date(2030, 1, 1), local_time=time(9))
    world.now = PRESENT
    said = run("retain", "--log", "400d", "--apply").out
    assert "dropped; 1 move of what is not final kept." in said
    assert world.story(row) == [("", "SCHEDULED", "planned")]
    assert LoggedMove.objects.get() == row.moves.get()
    assert audit_log().total == 0


@pytest.mark.django_db
def test_of_those_that_moved_together_only_who_has_not_ended_is_kept(world: World) -> None:
    world.now, world.horizon = PRESENT - timedelta(days=500), timedelta(days=1)
    rows = world.due(3)
    done, _ = world.claim(chunk=2)
    world.run(done)
    world.now = PRESENT
    said = run("retain", "--log", "400d", "--apply").out
    assert ": 8 moves (" in said
    assert "dropped; 2 moves of what is not final kept." in said
    assert [len(world.story(row)) for row in rows] == [0, 0, 2]
    assert sum(Retention.objects.values_list("dropped", flat=True)) == 8


@pytest.mark.django_db
def test_a_story_that_the_cut_went_through_goes_on_without_its_beginning(world: World) -> None:
    (row,) = lived(world, 500)
    for month in months_of_log():
        if month.ends < PRESENT - timedelta(days=400):
            drop_month(month, origin=world.origin())
    forge("INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt, at)"
          " VALUES ({id}, 'COMPLETED', 'COMPLETED', 'refused', 'user:bob', 1, '2029-01-01')", row)  # fmt: skip
    assert audit_log().total == 0


@pytest.mark.django_db
def test_what_is_lost_is_missed_though_what_is_older_was_dropped(world: World) -> None:
    _, young, gone = lived(world, 500, 3, 2)
    run("retain", "--log", "400d", "--rows", "400d", "--apply")
    assert audit_log().total == 0
    forge("DELETE FROM events_transition WHERE occurrence_id = {id} AND reason = 'planned'", young)
    forge("DELETE FROM events_attempt WHERE occurrence_id = {id}", gone)
    forge("DELETE FROM events_occurrence WHERE id = {id}", gone)
    first, second = audit_log().disagreements
    assert "its first move" in first.problem
    assert "leads from SCHEDULED to PENDING, not from nowhere to SCHEDULED" in first.problem
    assert second.problem.startswith("its row is gone, and no row that ended as late as 2029-06-13")


@pytest.mark.django_db
def test_rows_that_ended_long_ago_go_with_their_attempts_and_their_log_tells_of_them_on(world: World) -> None:
    old, young = lived(world, 500, 3)
    assert run("retain", "--rows", "400d").out.startswith(
        "1 occurrence that ended before 2028-05-11 09:00 UTC would be deleted.\n"
    )
    assert run("retain", "--apply", "--rows", "400d").out == (
        "1 occurrence that ended before 2028-05-11 09:00 UTC deleted.\n"
    )
    assert [*Occurrence.objects.all()] == [young]
    assert OneAttempt.objects.get().occurrence_id == young.pk
    assert LoggedMove.objects.filter(occurrence=old.pk).count() == 4
    assert audit_log().total == 0
    kept = Retention.objects.get()
    assert (kept.what, kept.dropped, kept.before) == ("rows", 1, PRESENT - timedelta(days=400))


@pytest.mark.django_db
def test_what_somebody_may_still_ask_for_stays(world: World) -> None:
    dead, waits, ahead, after = lived(world, 500, 499, 498, 497)
    rows = Occurrence.objects
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        rows.filter(pk=dead.pk).update(state="FAILED")
        rows.filter(pk=waits.pk).update(state="UNKNOWN", finished_at=None)
        rows.filter(pk=ahead.pk).update(state="CANCELLED", due_at=PRESENT + timedelta(days=1))
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    after.rule.every_from = "completion"
    after.rule.save()
    assert "0 occurrences that ended" in run("retain", "--apply", "--rows", "400d").out
    assert rows.count() == 4


@pytest.mark.django_db
def test_the_past_that_was_dropped_is_not_fired_again(world: World) -> None:
    lived(world, 500)
    world.rule(name="daily")
    span = {"rule": "daily", "before": "2028-06-01T00:00Z", "reason": "why not"}
    assert run("backfill", "--dry-run", after="2028-04-01T00:00Z", **span).refused == ""
    run("retain", "--apply", "--rows", "400d")
    assert run("backfill", after="2028-05-11T08:59Z", **span).refused.startswith(
        "--from: what ended before 2028-05-11T09:00:00+00:00 was dropped"
    )
    assert run("backfill", after="2028-05-11T09:00Z", **span).refused == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["--log", "400"], "'400' is no age. Write it in days: 400d."),
        (["--rows", "99999d"], "'99999d' is no age."),
        (["--log", "30d"], "--log: 30 days are too few. Keep 31 days at least"),
        (["--rows", "399d"], "--rows: 399 days are too few. Keep 400 days at least: what was sent this year"),
    ],
)
def test_what_is_too_young_or_no_age_is_refused(world: World, asked: list[str], answer: str) -> None:
    assert answer in run("retain", "--apply", *asked).refused


@pytest.mark.django_db
def test_every_part_of_the_log_refuses_to_be_changed(world: World) -> None:
    lived(world, 500, 3)
    for part in ("events_transition", "events_transition_default", *parts()):
        for statement in ("UPDATE {} SET actor = 'user:mallory'", "DELETE FROM {}", "TRUNCATE {}"):
            with connection.cursor() as cursor, transaction.atomic():
                cursor.execute(f"SELECT count(*) FROM {part}")
                (rows,) = cursor.fetchone()
                if not rows and statement[0] != "T":
                    continue
                with pytest.raises(DatabaseError, match="the log of transitions is append-only"):
                    cursor.execute(statement.format(part))
                transaction.set_rollback(True)


@pytest.mark.django_db
def test_what_came_before_its_month_was_opened_is_put_into_it(world: World) -> None:
    world.now = late = months_of_log()[-1].ends + timedelta(days=40)
    (row,) = world.due()
    where = "SELECT tableoid::regclass::text FROM events_transition"
    with connection.cursor() as cursor:
        cursor.execute(where)
        assert cursor.fetchall() == [("events_transition_default",)]
        opened = open_months(late)
        assert open_months(late) == []
        assert (len(opened), opened[1]) == (5, f"events_transition_{late:%Y_%m}")
        cursor.execute(where)
        assert cursor.fetchall() == [(opened[1],)]
    assert world.story(row) == [("", "SCHEDULED", "planned")]
    assert audit_log().total == 0


def test_a_reader_of_the_log_is_waited_for(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "PAUSE_SECONDS", 0.1)
    reader = psycopg.connect(committed_db.url)
    waits: list[float] = []

    def read_on(pause: float) -> None:
        waits.append(pause)
        reader.close()

    reader.execute("SELECT count(*) FROM events_transition")
    monkeypatch.setattr("time.sleep", read_on)
    before = months_of_log()
    origin = World(clock.now()).origin()
    assert drop_month(before[-1], origin=origin) == Dropped(moves=0, kept=0)
    assert waits == [0.1]
    assert months_of_log() == before[:-1]
    assert open_months(clock.now()) == [before[-1].part]


def test_a_reader_that_stays_is_not_waited_for_for_ever(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(months, "TRIES", 2)
    monkeypatch.setattr(months, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '50ms'")
    before = months_of_log()
    with psycopg.connect(committed_db.url) as reader:
        reader.execute("SELECT count(*) FROM events_transition")
        with pytest.raises(OperationalError, match="lock timeout"):
            drop_month(before[-1], origin=World(clock.now()).origin())
    assert months_of_log() == before


def test_as_a_process_it_tells_what_there_is(manage: Process) -> None:
    done = manage("retain")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" rows ") == 5
