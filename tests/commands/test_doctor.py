"""`doctor`: each look alone, healthy and not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from celery import current_app
from django.core import checks
from django.db import connection as database
from django.db.migrations.recorder import MigrationRecorder
from kombu import Connection

from events import clock
from events.checks import TAG
from events.management import broker_checks, database_checks
from events.management.broker_checks import examine_broker, queues, workers
from events.management.commands.doctor import settings_are_sound
from events.management.findings import Status, sentence_of, some
from events.models import Occurrence, Sweep
from events.queries import health
from events.queries.health import ZoneReport
from tests.commands.conftest import LOG, run
from tests.commands.test_backfill_and_replay import dead

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from tests.commands.conftest import UseHandlers
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
LATE = timedelta(minutes=2, seconds=1)


def test_every_look_is_told_in_a_line_or_as_json(world: World, broker: Path) -> None:
    told = run("doctor", no_color=True).out
    found = json.loads(run("doctor", "--json").out)
    assert [finding["name"] for finding in found] == [
        "settings", "handlers", "database", *database_checks.LOOKS, "broker", "queues", "workers",
    ]  # fmt: skip
    for finding in found:
        assert f"{finding['status']:<4}  {finding['name']}: " in told
        assert bool(finding["next_step"]) is (finding["status"] != "ok")
    assert told.count("-> ") == sum(finding["status"] != "ok" for finding in found)


def test_nothing_sweeps_until_a_sweep_was_seen_lately(world: World) -> None:
    assert database_checks.sweeps(world.now).says == "No sweep has ever run."
    sweep = Sweep.objects.create(sweeper="here:1", started_at=world.now, seen_at=world.now - LATE)
    assert database_checks.sweeps(world.now).status is WARN
    assert database_checks.sweeps(world.now).says == "A sweep last looked 0:02:01 ago."
    Sweep.objects.filter(pk=sweep.pk).update(seen_at=world.now - timedelta(minutes=2))
    assert database_checks.sweeps(world.now).status is OK


def test_rows_that_wait_too_long_to_be_claimed_are_told_with_the_oldest(world: World) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Tokyo"})
    world.rule()
    assert database_checks.overdue(world.now).status is OK
    rows = list(Occurrence.objects.values_list("pk", flat=True))
    Occurrence.objects.filter(pk=rows[0]).update(available_at=world.now - timedelta(seconds=1))
    assert database_checks.overdue(world.now).status is OK
    assert database_checks.overdue(world.now).says.startswith("1 row due")
    Occurrence.objects.filter(pk=rows[1]).update(available_at=world.now - LATE)
    late = database_checks.overdue(world.now)
    assert (late.status, late.says) == (
        WARN,
        "2 rows due and not yet claimed; the oldest has waited 0:02:01.",
    )


def test_leases_that_nobody_recovers_are_told(world: World) -> None:
    world.person("alice")
    world.rule()
    assert database_checks.leases(world.now).status is OK
    Occurrence.objects.update(available_at=world.now)
    world.claim()
    Occurrence.objects.update(lease_expires_at=world.now - timedelta(seconds=1))
    assert database_checks.leases(world.now).status is OK
    Occurrence.objects.update(lease_expires_at=world.now - LATE)
    assert database_checks.leases(world.now).status is WARN
    assert "manage.py recover" in database_checks.leases(world.now).next_step


def test_rows_of_a_paused_rule_are_held_as_they_should_be(world: World) -> None:
    world.person("alice")
    world.rule()
    assert database_checks.holds(world.now).says == "No row is held back."
    Occurrence.objects.filter(pk=Occurrence.objects.first().pk).update(hold="rule_paused")  # type: ignore[union-attr]
    held = database_checks.holds(world.now)
    assert (held.status, held.says) == (OK, "Held back: 1 row by rule_paused.")


def test_dead_letters_are_counted_by_state(world: World) -> None:
    assert database_checks.dead_letters(world.now).status is OK
    dead(world, "FAILED", 2)
    dead(world, "UNKNOWN", rule="unsure")
    told = database_checks.dead_letters(world.now)
    assert (told.status, told.says) == (WARN, "2 FAILED and 1 UNKNOWN wait for a person.")


def test_a_schema_that_lags_behind_the_code_is_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert database_checks.migrations(world.now).status is OK
    monkeypatch.setattr(health, "unapplied_migrations", lambda: ["events.0002_next"])
    told = database_checks.migrations(world.now)
    assert (told.status, told.next_step) == (FAIL, "Run: manage.py migrate")
    assert "1 migration not applied: events.0002_next." in told.says


def test_a_migration_that_was_not_applied_is_found(world: World) -> None:
    MigrationRecorder.Migration.objects.filter(app="log_handler").delete()
    assert "log_handler.0001_initial" in health.unapplied_migrations()


@pytest.mark.parametrize(("ahead", "status"), [(1000, OK), (-1000, OK), (1001, WARN), (-86_400_000, WARN)])
def test_clocks_may_differ_by_a_second(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: int, status: Status
) -> None:
    monkeypatch.setattr(clock, "skew", lambda: timedelta(milliseconds=ahead))
    told = database_checks.skew(world.now)
    assert told.status is status
    assert f"by {ahead:+.1f} ms" in told.says


def test_the_skew_is_this_clock_minus_that_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One machine, one clock: what is left is less than the round trip itself.
    assert abs(clock.skew()) < timedelta(seconds=1)
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() - timedelta(hours=1))
    assert timedelta(minutes=59) < clock.skew() < timedelta(minutes=61)


def test_zone_data_is_compared_zone_by_zone_and_instant_by_instant(world: World) -> None:
    # The eve of the change of clocks in Berlin: noon differs from the day before by an hour.
    report = health.compare_zones(
        [datetime(2020, 3, 28, 12, tzinfo=UTC), datetime(2020, 3, 29, 12, tzinfo=UTC)]
    )
    assert (report.zones, report.instants) == (419, 2)
    assert "Europe/Berlin" not in report.missing + report.different
    assert len(report.missing) + len(report.different) < 10


def test_zones_that_the_database_lacks_or_knows_otherwise_are_counted_and_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2027, 3, 28, 12, tzinfo=UTC)
    wall = at.replace(tzinfo=None)
    theirs = {
        ("UTC", at): wall,
        ("Europe/Berlin", at): wall + timedelta(hours=1),
        ("Asia/Tokyo", at): wall + timedelta(hours=9),
    }
    monkeypatch.setattr(health, "_local_times", lambda names, instants: theirs)
    report = health.compare_zones([at])
    assert report.different == ("Europe/Berlin",)
    assert len(report.missing) == 416


@pytest.mark.parametrize(
    ("missing", "different", "status", "says"),
    [
        ((), (), OK, "PostgreSQL agrees in all 419 zones at 24 instants"),
        (("A/B",), (), WARN, "PostgreSQL lacks 1 zone (A/B)."),
        (("A/B",), ("C/D", "E/F"), WARN, "lacks 1 zone (A/B) and shows other local times in 2 (C/D, E/F)."),
    ],
)
def test_a_difference_in_zone_data_is_a_warning(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    missing: tuple[str, ...],
    different: tuple[str, ...],
    status: Status,
    says: str,
) -> None:
    monkeypatch.setattr(
        health, "compare_zones", lambda instants: ZoneReport(419, len(instants), missing, different)
    )
    told = database_checks.zones(world.now)
    assert told.status is status
    assert says in told.says


def test_a_query_that_takes_too_long_is_one_finding_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_: datetime) -> Any:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(database_checks, "ANSWER_MS", 50)
    monkeypatch.setattr(database_checks, "LOOKS", {"slow": slow, "holds": database_checks.holds})
    found = list(database_checks.examine_database())
    assert [finding.status for finding in found] == [OK, FAIL, OK]
    assert "canceling statement due to statement timeout" in found[1].says


def test_nothing_in_the_database_is_looked_at_while_it_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_: object) -> Any:
        raise psycopg.OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(psycopg, "connect", refuse)
    reached, *others = database_checks.examine_database()
    assert (reached.status, reached.says) == (FAIL, "PostgreSQL does not answer: connection refused.")
    assert [finding.name for finding in others] == list(database_checks.LOOKS)
    assert {finding.status for finding in others} == {WARN}


def test_a_broker_whose_folder_is_gone_is_a_failure_with_its_next_step() -> None:
    answer, *others = examine_broker()
    assert (answer.name, answer.status) == ("broker", FAIL)
    assert "make up" in answer.next_step
    assert [(finding.name, finding.status) for finding in others] == [("queues", WARN), ("workers", WARN)]


def test_queues_tell_their_depth_their_dead_and_their_jams(
    broker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with current_app.connection_for_write() as connection:
        (broker / "1_a.live.msg").touch()
        assert (
            queues(connection).says == "Messages waiting: catchup 0, dead 0, live 1, maintenance 0, sweep 0."
        )
        assert queues(connection).status is OK
        monkeypatch.setattr(broker_checks, "DEEP", 0)
        assert (queues(connection).status, queues(connection).next_step[:5]) == (WARN, "Start")
        (broker / "2_b.dead.msg").touch()
        assert "purge the queue dead" in queues(connection).next_step


@pytest.mark.parametrize(
    ("heard", "status", "says"),
    [
        (("live", "catchup", "maintenance", "sweep"), OK, "2 workers answered: alice, bob."),
        (("live", "catchup", "maintenance"), WARN, "Nobody listens to sweep."),
        (("live", "sweep", "maintenance"), FAIL, "Nobody listens to catchup."),
        ((), FAIL, "0 workers answered. Nobody listens to catchup, live, maintenance, sweep."),
    ],
)
def test_workers_are_missed_queue_by_queue(
    monkeypatch: pytest.MonkeyPatch, heard: tuple[str, ...], status: Status, says: str
) -> None:
    answers = {"bob": [{"name": queue} for queue in heard], "alice": []} if heard else None
    inspection = SimpleNamespace(active_queues=lambda: answers)
    monkeypatch.setattr(current_app.control, "inspect", lambda **_: inspection)
    told = workers(Connection("memory://"))
    assert told.status is status
    assert says in told.says


def test_a_sweeper_that_looked_just_now_need_not_answer_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"bob": [{"name": queue} for queue in ("live", "catchup", "maintenance")]}
    monkeypatch.setattr(
        current_app.control, "inspect", lambda **_: SimpleNamespace(active_queues=lambda: answers)
    )
    assert workers(Connection("memory://"), is_swept=True).status is OK


def test_a_broken_handler_is_one_finding_of_the_doctor_and_stops_none_of_the_others(
    world: World, use_handlers: UseHandlers, broker: Path
) -> None:
    use_handlers(LOG, "handlers.pigeon.Handler")
    ran = run("doctor", no_color=True)
    assert "ok    settings: " in ran.out
    assert "fail  handlers: 1 handler cannot be used: handlers.pigeon.Handler (No module named" in ran.out
    assert "ok    leases: " in ran.out
    assert "handlers" in ran.refused


def test_settings_that_contradict_each_other_are_found_by_name(settings: Settings) -> None:
    assert settings_are_sound().status is OK
    assert checks.run_checks(tags=[TAG]) == []

    settings.PUNCTUAL_CLAIM_LEASE = timedelta(seconds=75)
    settings.PUNCTUAL_IN_FLIGHT_CAP = settings.PUNCTUAL_CLAIM_BATCH - 1
    cautions = checks.run_checks(tags=[TAG])
    assert [caution.id for caution in cautions] == ["punctual.W001", "punctual.W002"]
    assert settings_are_sound().status is WARN
    assert "PUNCTUAL_CLAIM_LEASE_SECONDS above 75" in settings_are_sound().next_step

    settings.PUNCTUAL_HORIZON = timedelta(hours=35)
    assert "punctual.W003" in [message.id for message in checks.run_checks(tags=[TAG])]
    settings.PUNCTUAL_HORIZON = timedelta(hours=36)
    assert checks.run_checks(tags=[TAG]) == cautions

    settings.PUNCTUAL_HORIZON = timedelta(minutes=59)
    assert "punctual.E002" in [message.id for message in checks.run_checks(tags=[TAG])]
    assert settings_are_sound().status is FAIL
    assert "PUNCTUAL_HORIZON_HOURS" in settings_are_sound().next_step


def test_a_handler_that_does_not_load_is_a_system_check(use_handlers: UseHandlers) -> None:
    use_handlers("handlers.pigeon.Handler")
    found = [message for message in checks.run_checks(tags=[TAG]) if message.id == "punctual.E001"]
    assert "handlers.pigeon.Handler: No module named" in found[0].msg
    assert "list_handlers" in str(found[0].hint)


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert sentence_of(TimeoutError()) == "TimeoutError"
    assert sentence_of(OSError("no route.\nmore")) == "no route"
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c, and 2 more"
