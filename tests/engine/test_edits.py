"""Entities and rules change while their rows wait: what still holds keeps its identity, what does not is withdrawn."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from events import operations
from events.handling import Retry
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from tests.engine.handlers import Idempotent, completed
from tests.engine.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    """Noon in Greenwich on the day before the spring change in New York."""
    return World(datetime(2027, 3, 13, 12, 0, tzinfo=UTC))


def move(world: World, external_id: str, timezone: str, **attributes: str) -> None:
    facts = EntityFacts("person", external_id, timezone, external_id.title(), dict(attributes))
    operations.put_entities([facts], origin=world.origin())


def unsent() -> dict[str, str]:
    rows = Occurrence.objects.filter(state="SCHEDULED").order_by("slot")
    return {f"{row.slot:%d %H:%M}": f"{row.due_at:%d %H:%M}" for row in rows}


def test_who_moves_is_called_at_the_same_wall_time_in_the_new_zone_and_the_row_stays_itself(
    world: World,
) -> None:
    world.person("alice", "America/New_York")
    world.rule()
    before = set(Occurrence.objects.values_list("pk", "idempotency_key"))
    assert unsent() == {"13 09:00": "13 14:00", "14 09:00": "14 13:00"}

    move(world, "alice", "Asia/Tokyo")

    assert unsent()["14 09:00"] == "14 00:00"
    assert before <= set(Occurrence.objects.values_list("pk", "idempotency_key"))
    assert world.story(Occurrence.objects.get(slot=datetime(2027, 3, 14, 9)))[-1][2] == "moved"


def test_who_moves_and_moves_back_has_the_rows_of_before(world: World) -> None:
    world.person("alice", "America/New_York")
    world.rule()
    before = {row.pk: row.due_at for row in Occurrence.objects.filter(state="SCHEDULED")}
    move(world, "alice", "Pacific/Kiritimati")
    move(world, "alice", "America/New_York")
    assert {row.pk: row.due_at for row in Occurrence.objects.filter(state="SCHEDULED")} == before


def test_a_birthday_moved_before_it_fired_fires_on_the_new_day_alone(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY")
    move(world, "alice", "UTC", birthday="1990-03-15")
    assert unsent() == {"15 09:00": "15 09:00"}
    assert Occurrence.objects.get(state="CANCELLED").reason == "superseded"


def test_a_birthday_withdrawn_and_given_back_reinstates_its_row(world: World) -> None:
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY")
    (row,) = Occurrence.objects.all()
    move(world, "alice", "UTC", birthday="1990-03-15")
    move(world, "alice", "UTC", birthday="1990-03-14")
    row.refresh_from_db()
    assert (row.state, row.reason, row.finished_at) == ("SCHEDULED", "reinstated", None)


def test_what_was_sent_is_not_sent_again_after_a_move(world: World) -> None:
    world.person("alice", "Asia/Tokyo")
    world.rule(rrule="FREQ=DAILY;COUNT=1", start_date=date(2027, 3, 14))
    world.now = datetime(2027, 3, 14, 0, 0, tzinfo=UTC)
    world.tick()
    assert world.only().state == "COMPLETED"
    move(world, "alice", "America/New_York")
    assert world.only().state == "COMPLETED"


def test_a_new_person_has_rows_in_the_same_transaction(world: World) -> None:
    world.person("alice", "UTC")
    world.rule()
    world.person("bob", "Asia/Kathmandu")
    assert Occurrence.objects.filter(entity__external_id="bob", state="SCHEDULED").exists()


def test_a_person_who_leaves_the_audience_loses_the_unsent_rows_alone(world: World) -> None:
    world.person("alice", "UTC", team="blue")
    world.person("bob", "UTC", team="blue")
    world.rule(audience_filter={"team": "blue"})
    move(world, "alice", "UTC", team="red")
    assert set(Occurrence.objects.values_list("entity__external_id", "state")) == {
        ("alice", "CANCELLED"),
        ("bob", "SCHEDULED"),
    }


def test_writing_the_same_facts_again_changes_nothing(world: World) -> None:
    world.person("alice", "UTC")
    world.rule()
    put = operations.put_entities([EntityFacts("person", "alice", "UTC", "Alice")], origin=world.origin())
    assert (put.created, put.changed) == (0, 0)
    assert Entity.objects.get().version == 1


def test_an_edited_rule_moves_its_rows_by_the_new_time(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule()
    rule.local_time = time(17, 30)
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert unsent() == {f"{day} 17:30": f"{day} 17:30" for day in (13, 14)}
    assert Rule.objects.get().version == 2


def test_an_edit_does_not_bring_back_what_would_have_been_due_before_it(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule()
    rule.local_time = time(11, 59)
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    assert unsent() == {"14 11:59": "14 11:59", "15 11:59": "15 11:59"}


def test_a_retired_rule_keeps_its_history_and_fires_no_more(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule()
    assert operations.retire_rule(rule, why="no longer wanted", origin=world.origin()) == 2
    assert set(Occurrence.objects.values_list("state", "reason")) == {("CANCELLED", "rule_retired")}
    world.now += timedelta(days=3)
    assert world.tick() == 0


def test_latest_payload_is_used_unless_the_rule_keeps_a_snapshot(world: World) -> None:
    from tests.engine.handlers import Bidden

    world.now = datetime(2027, 3, 13, 23, 0, tzinfo=UTC)
    world.person("alice", "UTC", shoe="left")
    for name, snapshot in (("latest", False), ("kept", True)):
        world.rule(
            name=name,
            local_time=time(23, 30),
            snapshot=snapshot,
            handler="idempotent",
            payload={"text": "before"},
        )
    Rule.objects.update(payload={"text": "after"})
    Entity.objects.update(attributes={"shoe": "right"})
    world.now += timedelta(minutes=30)
    world.tick()
    seen = {call.rule_name: (call.payload["text"], call.entity.attributes["shoe"]) for call in Bidden.calls}
    assert seen == {"latest": ("after", "right"), "kept": ("before", "left")}


def test_a_backfill_writes_the_past_once(world: World) -> None:
    world.person("alice", "UTC")
    rule = world.rule(start_date=date(2027, 3, 1))
    span = {"after": datetime(2027, 3, 1, tzinfo=UTC), "before": datetime(2027, 3, 13, tzinfo=UTC)}
    dry = operations.backfill(rule, **span, why="test", origin=world.origin(), dry_run=True)
    assert (dry.rows, Occurrence.objects.count()) == (12, 2)
    assert operations.backfill(rule, **span, why="test", origin=world.origin(), dry_run=False).rows == 12
    assert operations.backfill(rule, **span, why="test", origin=world.origin(), dry_run=False).rows == 0


def test_an_operator_may_fire_cancel_and_replay_and_the_log_says_who_and_why(world: World) -> None:
    (row,) = world.due(1, start_date=date(2027, 3, 14))
    assert operations.fire_now([row.pk], why="the client waits", origin=world.origin("user:alice")) == [
        row.pk
    ]
    world.tick()
    row.refresh_from_db()
    assert (row.state, row.due_at.day) == ("COMPLETED", 14)
    told = row.moves.get(reason="fire_now")
    assert (told.actor, told.detail) == ("user:alice", {"why": "the client waits"})
    with pytest.raises(operations.NothingMoved, match="the chosen are COMPLETED"):
        operations.cancel([row.pk], why="too late", origin=world.origin())
    with pytest.raises(operations.NothingMoved, match="Only what is FAILED or UNKNOWN"):
        operations.replay([row.pk], why="again", origin=world.origin())


def test_a_row_that_was_tried_withdrawn_and_wanted_again_can_still_move(world: World) -> None:
    Idempotent.answer = staticmethod(lambda _: Retry("not yet", after=timedelta(hours=8)))
    world.person("alice", "UTC", birthday="1990-03-14")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY", handler="idempotent")
    world.now = datetime(2027, 3, 14, 9, 0, tzinfo=UTC)
    world.tick()
    move(world, "alice", "UTC", birthday="1990-03-15")
    move(world, "alice", "UTC", birthday="1990-03-14")
    tried = Occurrence.objects.get(attempt=1)
    assert (tried.state, tried.reason) == ("SCHEDULED", "reinstated")

    move(world, "alice", "America/New_York", birthday="1990-03-14")
    tried.refresh_from_db()
    assert (tried.state, tried.reason) == ("SCHEDULED", "moved")
    assert tried.due_at == datetime(2027, 3, 14, 13, 0, tzinfo=UTC)
    Idempotent.answer = staticmethod(completed)
    world.now = tried.due_at
    world.tick()
    tried.refresh_from_db()
    assert tried.state == "COMPLETED"
    assert audit_log().total == 0
