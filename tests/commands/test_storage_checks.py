"""The doctor's look at how PostgreSQL keeps what is stored."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection

from events import clock
from events.management import storage_checks
from events.management.findings import Status
from events.queries import storage
from events.queries.storage import Index, Tidiness
from events.transitions.months import months_of_log

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase

BEHIND = (
    "Autovacuum is behind: t has 615,001 dead rows beside 10,000,000 living ones, vacuumed 0:15:01 ago; "
    "it is due from 205,000 on."
)
NOW = datetime(2027, 3, 28, 1, tzinfo=UTC)
LATELY, LONG_AGO = NOW - timedelta(minutes=15), NOW - timedelta(minutes=15, seconds=1)


@pytest.mark.django_db
def test_a_fresh_database_is_well_kept() -> None:
    with connection.cursor() as cursor:  # the tests before this one left dead rows
        cursor.execute("SELECT pg_stat_reset()")
    now = clock.now()
    for look in (
        storage_checks.transactions,
        storage_checks.vacuum,
        storage_checks.indexes,
        storage_checks.log,
    ):
        assert look(now).status is Status.OK


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ((800_000, 50_000, 21_000, None), None),
        ((200_004, 50_001, 17_000, LATELY), None),
        ((200_000, 50_001, 9_000, LATELY), "t has 50,001 dead rows beside 200,000 living ones, vacuumed 0:15:00 ago."),
        ((1, 50_001, 5_000, None), "t has 50,001 dead rows beside 1 living ones, never vacuumed."),
        ((10_000_000, 615_000, 205_000, LONG_AGO), None),
        ((10_000_000, 615_001, 205_000, LATELY), None),
        (
            (10_000_000, 615_001, 205_000, LONG_AGO),
            BEHIND,
        ),
        ((10, 0, None, LATELY), "Autovacuum is off; t has 0 dead rows beside 10 living ones."),
    ],
)  # fmt: skip
def test_dead_rows_are_told_of_where_they_are_many_or_nobody_comes(
    table: tuple[Any, ...], says: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "tidiness", lambda: [Tidiness("t", *table)])
    told = storage_checks.vacuum(NOW)
    assert told.says == (says or "Dead rows are few, and are removed.")
    assert bool(told.next_step) is (says is not None)


@pytest.mark.django_db
def test_the_settings_of_the_table_itself_decide_when_it_is_due(db: None) -> None:
    assert [(each.table, each.due) for each in storage.tidiness()] == [
        ("events_attempt", 5_000), ("events_occurrence", 5_000),
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_attempt SET (autovacuum_enabled = off)")
    assert storage.tidiness()[0].due is None
    told = storage_checks.vacuum(clock.now())
    assert told.says.startswith("Autovacuum is off; events_attempt has ")
    assert told.next_step.startswith("ALTER TABLE events_attempt RESET (autovacuum_enabled);")


@pytest.mark.django_db
def test_an_index_that_is_larger_than_what_is_in_it_is_named(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.large_indexes(least=64_000_000) == []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE events_occurrence")
    assert {each.name for each in storage.large_indexes(least=0)} >= {"occurrence_due", "occurrence_leased"}
    known = [Index("full", 400_000_000, 1_000_000), Index("swollen", 400_000_001, 1_000_000)]
    monkeypatch.setattr(storage, "large_indexes", lambda **_: known)
    told = storage_checks.indexes(NOW)
    assert told.says == "Larger than what is in them: swollen (400 MB for 1,000,000 entries)."
    assert told.next_step == "Run beside the work: REINDEX INDEX CONCURRENTLY swollen;"


@pytest.mark.django_db
def test_the_end_of_the_logs_months_is_foreseen(db: None) -> None:
    ends = months_of_log()[-1].ends
    assert storage_checks.log(ends - timedelta(days=20)).status is Status.OK
    told = storage_checks.log(ends - timedelta(days=20) + timedelta(seconds=1))
    assert (told.status, told.next_step) == (Status.WARN, "Run: manage.py prepare")


def test_a_prepared_transaction_that_was_forgotten_is_named(committed_db: CommittedDatabase) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW max_prepared_transactions")
        if cursor.fetchone() == ("0",):
            assert storage.open_transactions(longest=timedelta(0), now=clock.now() + timedelta(hours=1)) == []
            return
    with closing(psycopg.connect(committed_db.url, autocommit=True)) as other:
        other.execute("BEGIN; SELECT 1; PREPARE TRANSACTION 'forgotten'")
        told = storage_checks.transactions(clock.now() + timedelta(hours=1))
        other.execute("ROLLBACK PREPARED 'forgotten'")
    assert "prepared transaction forgotten" in told.says
