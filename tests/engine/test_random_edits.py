"""Random moments stay where they are, or are drawn anew, and are sent once, whatever is edited."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time

import pytest

from events import operations
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from tests.engine.drawing import (
    DAY,
    HOUR,
    MINUTE,
    ZONES,
    drawn,
    edit,
    everywhere,
)
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def test_planning_again_moves_nothing(world: World) -> None:
    everywhere(world)
    rule = world.rule(window=8 * HOUR, draws=2, spacing=HOUR)
    before = drawn(rule)
    Rule.objects.update(planned_until=None)
    assert world.plan() == 0
    Rule.objects.update(planned_until=world.now)
    assert world.plan() == 0
    assert drawn(rule) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": {"text": "new"}}, {"name": "renamed"}, {"handler": "idempotent"}, {"grace": HOUR},
        {"catch_up": "latest"}, {"max_attempts": 1}, {"gap": "next_valid", "overlap": "queue"},
        {"expires_after": 30 * DAY}, {"audience_filter": {}},
    ],
)  # fmt: skip
def test_an_edit_of_anything_else_moves_no_moment(world: World, changes: dict[str, object]) -> None:
    everywhere(world, 5)
    rule = world.rule(window=8 * HOUR, draws=2, spacing=HOUR, start_date=date(2027, 2, 27))
    before = drawn(rule)
    world.now += 11 * HOUR
    edit(world, rule, **changes)
    after = drawn(rule)
    assert {key: after[key] for key in before} == before


@pytest.mark.parametrize(
    "changes",
    [{"window": 10 * HOUR}, {"draws": 2}, {"local_time": time(8, 0)}, {"spacing": HOUR, "draws": 2}],
)
def test_an_edit_of_the_times_draws_anew_and_only_from_what_is_left(
    world: World, changes: dict[str, object]
) -> None:
    world.people({f"p{number}": "UTC" for number in range(200)})
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 3, 1))
    before = drawn(rule)
    world.now = datetime(2027, 3, 1, 13, 0, 0, 1, tzinfo=UTC)
    world.sweep()
    sent = drawn(rule, "COMPLETED")
    assert 60 < len(sent) < 140
    edit(world, rule, **changes)
    after = drawn(rule)
    assert min(after.values()) >= world.now
    assert drawn(rule, "COMPLETED") == sent
    assert not {key for key in after if after[key] == before.get(key)}
    today = {key: due_at for key, due_at in after.items() if key[1].day == 1}
    hours = Counter(due_at.hour for due_at in today.values())
    closes = 19 if "window" in changes else 16 if "local_time" in changes else 17
    assert set(hours) == set(range(13, closes))
    if (
        "draws" not in changes and "local_time" not in changes
    ):  # the same windows, in which they were sent already
        assert not today.keys() & sent.keys()
        assert len(today) + len(sent) == 200


def test_a_second_draw_of_an_open_window_keeps_its_distance_from_the_one_that_was_sent(world: World) -> None:
    world.people({f"p{number}": "UTC" for number in range(200)})
    rule = world.rule(rrule="", window=8 * HOUR, start_date=date(2027, 3, 1))
    world.now = datetime(2027, 3, 1, 13, 0, tzinfo=UTC)
    world.sweep()
    sent = {entity_id: due_at for (entity_id, _, _), due_at in drawn(rule, "COMPLETED").items()}
    edit(world, rule, draws=2, spacing=2 * HOUR)
    rows = Occurrence.objects.filter(rule=rule, entity__in=sent, state="SCHEDULED")
    assert rows.count() == len(sent) > 50
    assert all(row.due_at - sent[row.entity_id] >= 2 * HOUR for row in rows)


def test_what_waits_from_a_window_that_is_over_is_neither_lost_nor_doubled_when_the_times_are_edited(
    world: World,
) -> None:
    world.people({f"p{number}": "UTC" for number in range(50)})
    rule = world.rule(rrule="", window=8 * HOUR, start_date=date(2027, 3, 1))
    operations.pause_rule(rule, origin=world.origin())
    before = drawn(rule)
    world.now = datetime(2027, 3, 1, 23, 0, tzinfo=UTC)
    world.tick()
    rule.refresh_from_db()
    edit(world, rule, window=12 * HOUR, rrule="FREQ=YEARLY")
    opens = datetime(2027, 3, 1, 9, tzinfo=UTC)
    assert drawn(rule).keys() == before.keys()
    assert all(opens <= due_at < opens + 12 * HOUR for due_at in drawn(rule).values())
    rule.refresh_from_db()
    operations.resume_rule(rule, origin=world.origin())
    assert world.tick() == 50


def test_a_rule_made_in_the_middle_of_its_window_draws_from_what_is_left(world: World) -> None:
    world.now = datetime(2027, 3, 1, 12, 30, 0, 7, tzinfo=UTC)
    world.people({f"p{number}": "UTC" for number in range(300)})
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 3, 1))
    today = [due_at for (_, slot, _), due_at in drawn(rule).items() if slot.day == 1]
    assert len(today) == 300
    assert world.now <= min(today) < world.now + 10 * MINUTE
    assert datetime(2027, 3, 1, 16, 50, tzinfo=UTC) < max(today) < datetime(2027, 3, 1, 17, tzinfo=UTC)


def test_who_joins_in_the_middle_of_a_window_gets_what_is_still_to_come(world: World) -> None:
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 2, 28))
    world.now = joined = datetime(2027, 3, 1, 13, 0, tzinfo=UTC)
    facts = [EntityFacts("person", f"p{number}", "UTC", "") for number in range(100)]
    operations.put_entities(facts, origin=world.origin())
    Entity.objects.update(created_at=joined)
    rows = drawn(rule)
    today = {key: due_at for key, due_at in rows.items() if key[1].day == 1}
    assert 30 < len(today) < 70
    assert min(today.values()) >= joined
    world.now += 30 * MINUTE
    world.plan()
    edit(world, rule, payload={"text": "new"})
    again = [EntityFacts("person", f"p{number}", "UTC", "renamed") for number in range(100)]
    operations.put_entities(again, origin=world.origin())
    assert {key: due_at for key, due_at in drawn(rule).items() if key in rows} == rows
    assert len([key for key in drawn(rule) if key[1].day == 1]) == len(today)


def test_who_moves_takes_the_moment_along_to_the_window_of_the_new_zone(world: World) -> None:
    world.people({f"p{number}": "Europe/Berlin" for number in range(40)})
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 3, 1))
    before = drawn(rule)
    identities = set(Occurrence.objects.values_list("pk", "slot"))
    moved = [EntityFacts("person", f"p{number}", "America/New_York", "") for number in range(40)]
    operations.put_entities(moved, origin=world.origin())
    assert {(row.pk, row.slot) for row in Occurrence.objects.filter(state="SCHEDULED")} >= identities
    assert {key: drawn(rule)[key] - due_at for key, due_at in before.items()} == dict.fromkeys(
        before, 6 * HOUR
    )


def test_who_moves_within_a_window_is_not_sent_it_twice(world: World) -> None:
    world.people({f"p{number}": "Asia/Tokyo" for number in range(40)})
    rule = world.rule(rrule="", window=8 * HOUR, start_date=date(2027, 3, 1))
    world.now = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)
    world.tick()
    sent = drawn(rule, "COMPLETED")
    assert 10 < len(sent) < 30
    moved = [EntityFacts("person", f"p{number}", "America/New_York", "") for number in range(40)]
    operations.put_entities(moved, origin=world.origin())
    world.now = datetime(2027, 3, 2, tzinfo=UTC)
    world.tick()
    assert Counter(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED": 40}
    assert sent.items() <= drawn(rule, "COMPLETED").items()


def test_a_backfill_draws_the_past_once_and_an_edit_leaves_it(world: World) -> None:
    everywhere(world, 3)
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 2, 1))
    span = {"after": datetime(2027, 2, 10, tzinfo=UTC), "before": datetime(2027, 2, 20, tzinfo=UTC)}
    Entity.objects.update(created_at=world.now)
    backfilled = operations.backfill(rule, **span, why="test", origin=world.origin(), dry_run=False)
    past = {key: due_at for key, due_at in drawn(rule).items() if due_at < world.now}
    assert backfilled.rows == len(past) >= 9 * 3 * len(ZONES)
    assert all(span["after"] <= due_at < span["before"] for due_at in past.values())
    assert operations.backfill(rule, **span, why="test", origin=world.origin(), dry_run=False).rows == 0
    assert edit(world, rule, payload={"text": "new"}) == 0
    assert past.items() <= drawn(rule).items()


def test_several_draws_of_an_anchored_window_are_all_sent_though_the_person_was_edited(world: World) -> None:
    world.people({"alice": "UTC", "bob": "UTC"}, birthday="1990-03-01")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY", window=8 * HOUR, draws=3)
    facts = EntityFacts("person", "alice", "UTC", "Alice, renamed", {"birthday": "1990-03-01"})
    operations.put_entities([facts], origin=world.origin())
    world.pass_time(datetime(2027, 3, 1, 18, tzinfo=UTC), step=20 * MINUTE)
    assert Counter(Occurrence.objects.values_list("entity__external_id", "state")) == {
        ("alice", "COMPLETED"): 3,
        ("bob", "COMPLETED"): 3,
    }


def test_several_draws_of_a_birthday_that_moves_after_one_was_sent_are_not_sent_again(world: World) -> None:
    world.people({"alice": "UTC"}, birthday="1990-03-01")
    world.rule(anchor="birthday", rrule="FREQ=YEARLY", window=8 * HOUR, draws=3)
    world.now = datetime(2027, 3, 1, 17, tzinfo=UTC)
    assert world.tick() == 3
    facts = EntityFacts("person", "alice", "UTC", "Alice", {"birthday": "1990-03-02"})
    operations.put_entities([facts], origin=world.origin())
    world.now = datetime(2027, 3, 2, 17, tzinfo=UTC)
    world.tick()
    assert Counter(Occurrence.objects.values_list("state", "reason")) == {
        ("COMPLETED", "completed"): 3,
        ("SKIPPED", "already_sent"): 3,
    }
