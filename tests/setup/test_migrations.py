"""Databases and programs of the release before this one live on through its migrations."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from events import operations
from events.models import Entity, Occurrence, Rule
from tests.engine.world import World

if TYPE_CHECKING:
    from django.apps.registry import Apps

pytestmark = pytest.mark.django_db
BEFORE, NOW = "0003_recovery_by_policy_indexes", "0004_recurrences_and_calendars"
# It needs to be outside of any transaction.
BESIDE = "0005_recurrences_index"


@pytest.fixture
def world(db: None) -> World:
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))


def migrate(name: str) -> None:
    """Within this test's transaction, so that it leaves no trace; what is done beside transactions is left out."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    if ("events", BESIDE) in executor.loader.applied_migrations:
        executor.migrate([("events", NOW)], fake=True)
    MigrationExecutor(connection).migrate([("events", name)])


def models_of(name: str) -> Apps:
    """The models as programs that were built on this migration know them."""
    return MigrationExecutor(connection).loader.project_state(("events", name)).apps


def rows_of(model: Any) -> list[dict[str, Any]]:
    return list(model.objects.order_by("pk").values())


def test_rules_and_rows_of_the_release_before_stand_as_they_were(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "Asia/Tokyo"}, birthday="1992-02-29")
    rule = world.rule(name="daily")
    world.rule(name="birthday", anchor="birthday", rrule="FREQ=YEARLY", anchor_offset_days=1)
    migrate(BEFORE)
    old = models_of(BEFORE)
    known = ("Entity", "Rule", "Occurrence", "Transition")
    before = {name: rows_of(old.get_model("events", name)) for name in known}
    assert len(before["Occurrence"]) >= 4
    assert "draw_seed" not in before["Rule"][0]

    migrate(NOW)

    assert {name: rows_of(old.get_model("events", name)) for name in known} == before
    assert len(set(Rule.objects.values_list("draw_seed", flat=True))) == 2
    rule.refresh_from_db()
    assert (rule.window, rule.draws, rule.every_from, rule.rdates, rule.on_move) == (
        None,
        1,
        "start",
        [],
        "follow",
    )
    assert world.plan() == 0
    rule.payload = {"text": "edited"}
    assert operations.change_rule(rule, horizon=world.horizon, origin=world.origin()) == 0


def test_the_release_before_still_writes_rules_that_this_one_plans(world: World) -> None:
    alice = world.person("alice", "UTC")
    old_rule = models_of(BEFORE).get_model("events", "Rule")

    written = old_rule.objects.create(
        name="of old", entity_id=alice.pk, start_date=date(2027, 3, 1), local_time=time(9), rrule="FREQ=DAILY",
        handler="log",
    )  # fmt: skip
    old_rule.objects.filter(pk=written.pk).update(payload={"text": "edited"}, version=2)

    rule = Rule.objects.get(pk=written.pk)
    assert (rule.cron, rule.every, rule.every_from, rule.rdates, rule.exdates) == ("", "", "start", [], [])
    assert (rule.roll, rule.draws, rule.spacing, rule.on_move) == ("skip", 1, timedelta(0), "follow")
    assert world.plan() == 2
    assert {row.entity for row in Occurrence.objects.all()} == {Entity.objects.get()}
    assert rows_of(old_rule)[0]["local_time"] == time(9)


@pytest.mark.parametrize(
    ("column", "value"),
    [("every_from", "'sometimes'"), ("on_move", "'stay'"), ("roll", "'over'"), ("draws", "-1")],
)
def test_what_is_new_is_held_by_the_database_itself(world: World, column: str, value: str) -> None:
    world.person()
    world.rule()
    with pytest.raises(IntegrityError, match="violates check constraint"), transaction.atomic():
        connection.cursor().execute(f"UPDATE events_rule SET {column} = {value}")


# --- accounts ------------------------------------------------------------------------------------------------------
BEFORE_ACCOUNTS, ACCOUNTS = "0005_recurrences_index", "0006_accounts_groups_and_given_moments"
NAMES_BY_ACCOUNT, AFTER_ACCOUNTS = "0007_names_by_account", "0009_words_of_refusals"
# How the release before puts an entity.
OLD_PUT = """
    INSERT INTO events_entity AS e (kind, external_id, timezone, name, attributes, leap, version)
    VALUES ('person', %s, %s, '', '{}', '', 1)
    ON CONFLICT (kind, external_id) DO UPDATE SET timezone = EXCLUDED.timezone, version = e.version + 1
"""


def to_before_accounts() -> None:
    """Within this test's transaction; what is done beside transactions is left out."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    MigrationExecutor(connection).migrate([("events", AFTER_ACCOUNTS)], fake=True)
    MigrationExecutor(connection).migrate([("events", NAMES_BY_ACCOUNT)])
    MigrationExecutor(connection).migrate([("events", ACCOUNTS)], fake=True)
    MigrationExecutor(connection).migrate([("events", BEFORE_ACCOUNTS)])


def put_as_before(external_id: str, timezone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(OLD_PUT, [external_id, timezone])


def test_the_release_before_accounts_writes_on_until_names_are_by_account(world: World) -> None:
    alice = world.person("alice", "UTC")
    world.rule(name="daily")
    to_before_accounts()
    old = models_of(BEFORE_ACCOUNTS)
    before = {name: rows_of(old.get_model("events", name)) for name in ("Entity", "Rule", "Occurrence")}
    assert "owner_id" not in before["Entity"][0]

    MigrationExecutor(connection).migrate([("events", ACCOUNTS)])

    assert {name: rows_of(old.get_model("events", name)) for name in before} == before
    put_as_before("alice", "Asia/Tokyo")
    put_as_before("bob", "UTC")
    alice.refresh_from_db()
    assert (alice.timezone, alice.owner_id) == ("Asia/Tokyo", None)
    assert set(Occurrence.objects.values_list("given", flat=True)) == {False}
    assert Rule.objects.get().role == "rule"
