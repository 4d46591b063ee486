"""Back ends that post at the same time as each other, as a sweep and as a worker: one row, moved or run, never both."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from events import operations
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts, Trigger
from events.queries.audit import audit_log
from handlers.log.models import Delivery
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.database import CommittedDatabase

NOW = datetime(2027, 3, 27, 8, 0, tzinfo=UTC)
EIGHT = range(8)


@pytest.fixture
def world(committed_db: CommittedDatabase) -> World:
    return World(NOW)


@pytest.fixture
def alice(committed_db: CommittedDatabase) -> int:
    return User.objects.create_user("alice").pk


def at_once(work: Callable[[int], object]) -> list[object]:
    """What eight threads, each on a connection of its own, came to."""

    def own_connection(number: int) -> object:
        try:
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(own_connection, EIGHT))


def put(world: World, owner: int, *events: str, later: int = 60) -> list[str]:
    triggers = [Trigger("log", event, NOW + timedelta(seconds=later), payload={}) for event in events]
    return [one.change.value for one in operations.put_triggers(triggers, owner=owner, origin=world.origin())]


def test_the_first_of_a_function_is_posted_by_all_at_once(world: World, alice: int) -> None:
    became = at_once(lambda _: put(world, alice, "42"))
    assert sorted(map(str, became)) == ["['created']", *["['unchanged']"] * 7]
    assert (Rule.objects.count(), Entity.objects.count(), Occurrence.objects.count()) == (1, 1, 1)


def test_lists_that_overlap_in_any_order_wait_for_each_other_and_never_both(world: World, alice: int) -> None:
    events = [f"event {number}" for number in range(40)]
    put(world, alice, *events[::3])

    def shuffled(number: int) -> object:
        mine = events[number:] + events[:number]
        if number % 2:
            facts = [EntityFacts("event", event, "UTC", f"name {number}") for event in reversed(mine)]
            return operations.put_entities(facts, owner=alice, origin=world.origin())
        return put(world, alice, *reversed(mine), later=60 + number)

    at_once(shuffled)
    open_rows = Occurrence.objects.filter(state="SCHEDULED")
    assert open_rows.count() == open_rows.values("entity").distinct().count() == 40
    assert audit_log().disagreements == ()


def test_while_it_is_moved_back_and_forth_it_is_claimed_and_run_once_at_most_for_each_moment(
    world: World, alice: int
) -> None:
    """Four back ends move what is due, four sweepers claim and run it."""

    def busy(number: int) -> object:
        for turn in range(12):
            if number % 2:
                put(world, alice, "42", later=-1 - (number * 12 + turn))
                continue
            for chunk in world.claim():
                world.run(chunk)
        return None

    at_once(busy)
    world.recover()
    world.sweep()
    delivered = list(Delivery.objects.values_list("due_at", flat=True))
    assert delivered
    assert len(delivered) == len(set(delivered))
    assert set(Occurrence.objects.values_list("state", flat=True)) <= {"COMPLETED", "CANCELLED"}
    assert Occurrence.objects.filter(state="COMPLETED").count() == len(delivered)
    assert audit_log().disagreements == ()


def test_whoever_posts_while_it_ends_is_told_that_it_has_fired(world: World, alice: int) -> None:
    put(world, alice, "42", later=-1)
    [chunk] = world.claim()

    def posted() -> list[str]:
        try:
            return put(world, alice, "42", later=-1)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with transaction.atomic():
            world.run(chunk)
            became = pool.submit(posted)
            wait_until_somebody_waits()
        assert became.result() == ["fired"]
    assert Occurrence.objects.get().state == "COMPLETED"


def wait_until_somebody_waits() -> None:
    end = time.monotonic() + 30
    waiting = 0
    while not waiting:
        assert time.monotonic() < end, "nobody waits for a lock"
        time.sleep(0.01)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            [waiting] = cursor.fetchone()


def test_events_that_move_to_other_zones_are_edited_by_all_at_once(world: World, alice: int) -> None:
    """Their account plans for events, and its plan is behind: whoever edits one continues it, alone."""
    world.rule(owner_id=alice, audience_kind="event", local_time=clock_time(9))
    Rule.objects.update(planned_until=NOW + timedelta(hours=1))
    zones = ["Asia/Tokyo", "America/New_York"]

    def moved(number: int) -> object:
        one = Trigger("log", "42", NOW + timedelta(hours=2), zones[number % 2], {})
        [placed] = operations.put_triggers([one], owner=alice, origin=world.origin())
        return placed.change.value

    put(world, alice, "42")
    assert set(at_once(moved)) <= {"moved", "unchanged"}
    row = Occurrence.objects.select_related("entity").get(given=True)
    assert row.timezone == row.entity.timezone
    planned = Occurrence.objects.filter(given=False, state="SCHEDULED")
    assert set(planned.values_list("timezone", flat=True)) == {row.timezone}
    assert audit_log().disagreements == ()


def test_it_is_snoozed_by_all_at_once_and_put_off_once(world: World, alice: int) -> None:
    put(world, alice, "42")
    [row] = Occurrence.objects.all()

    def snoozed(_: int) -> object:
        try:
            return operations.snooze(row.pk, until=NOW + timedelta(hours=1), why="", origin=world.origin())
        except operations.NotSnoozed as refused:
            return str(refused)

    became = at_once(snoozed)
    assert len([one for one in became if isinstance(one, int)]) == 1
    assert sorted(Occurrence.objects.values_list("state", flat=True)) == ["CANCELLED", "SCHEDULED"]
    assert audit_log().disagreements == ()
