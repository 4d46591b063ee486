"""Moments that are given one by one: written once, moved by identity, and left alone by every edit of their rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import operations, transitions
from events.models import Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from events.timing import TZDATA_VERSION
from events.transitions import Given
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db

AT = datetime(2027, 3, 13, 18, 0)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    world = World(datetime(2027, 3, 13, 12, 0, tzinfo=UTC))
    yield world
    assert audit_log().disagreements == ()


@pytest.fixture
def rule(world: World) -> Rule:
    return world.rule(
        entity=world.person("alice", "UTC"), rrule="", start_date=AT.date(), local_time=(AT + 2 * HOUR).time()
    )


def given(rule: Rule, slot: datetime = AT, **fields: Any) -> Given:
    values = {"fold": 0, "timezone": "UTC", "due_at": slot.replace(tzinfo=UTC), "payload": {"n": 1}}
    return Given(rule.pk, rule.entity_id or 0, slot, **{**values, **fields})


def give(world: World, *rows: Given) -> list[tuple[bool, str]]:
    written = transitions.give(rows, tzdata_version=TZDATA_VERSION, origin=world.origin())
    states = dict(Occurrence.objects.values_list("pk", "state"))
    return [(row.is_reinstated, states[row.id]) for row in written]


def test_a_moment_is_written_once_and_a_cancelled_one_lives_again(world: World, rule: Rule) -> None:
    assert give(world, given(rule), given(rule, AT + HOUR)) == [(False, "SCHEDULED")] * 2
    assert give(world, given(rule, payload={"n": 2})) == []
    row = Occurrence.objects.get(slot=AT)
    assert (row.given, row.payload, row.tzdata_version) == (True, {"n": 1}, TZDATA_VERSION)
    operations.cancel([row.pk], why="not wanted", origin=world.origin())
    assert give(world, given(rule, payload={"n": 3})) == [(True, "SCHEDULED")]
    row.refresh_from_db()
    assert (row.payload, row.finished_at) == ({"n": 3}, None)
    assert [reason for *_, reason in world.story(row)] == ["given", "cancelled", "reinstated"]


def test_what_has_fired_is_not_given_again(world: World, rule: Rule) -> None:
    give(world, given(rule))
    world.now = AT.replace(tzinfo=UTC)
    assert world.sweep() == 1
    assert give(world, given(rule)) == []
    assert Occurrence.objects.get(given=True).state == "COMPLETED"


def test_no_edit_of_its_rule_or_entity_moves_or_withdraws_it(world: World, rule: Rule) -> None:
    give(world, given(rule, AT + HOUR))
    rule.local_time = (AT + 3 * HOUR).time()
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    operations.put_entities([EntityFacts("person", "alice", "Asia/Tokyo", "Alice")], origin=world.origin())
    row = Occurrence.objects.get(given=True)
    assert (row.state, row.due_at, row.timezone) == ("SCHEDULED", (AT + HOUR).replace(tzinfo=UTC), "UTC")
    planned = Occurrence.objects.filter(given=False)
    assert set(planned.values_list("state", flat=True)) == {"CANCELLED", "SCHEDULED"}


def move(world: World, row: Occurrence, slot: datetime, **fields: Any) -> bool:
    return transitions.move_given(
        row.pk, slot=slot, timezone="UTC", due_at=slot.replace(tzinfo=UTC), origin=world.origin(), **fields
    )


def test_moved_it_keeps_its_identity_and_the_old_moment_never_fires(world: World, rule: Rule) -> None:
    give(world, given(rule))
    row = Occurrence.objects.get(given=True)
    key = row.idempotency_key
    assert move(world, row, AT + HOUR, payload={"n": 2})
    world.now = AT.replace(tzinfo=UTC)
    assert world.sweep() == 0
    world.now += HOUR
    assert world.sweep() == 1
    row.refresh_from_db()
    assert (row.state, row.slot, row.payload, row.idempotency_key) == ("COMPLETED", AT + HOUR, {"n": 2}, key)
    assert not move(world, row, AT + 2 * HOUR)


def test_moved_while_it_is_claimed_the_claim_is_void(world: World, rule: Rule) -> None:
    give(world, given(rule))
    world.now = AT.replace(tzinfo=UTC)
    [chunk] = world.claim()
    row = Occurrence.objects.get(given=True)
    assert move(world, row, AT + HOUR)
    world.run(chunk)
    row.refresh_from_db()
    assert (row.state, row.attempt, row.payload) == ("SCHEDULED", 0, {"n": 1})


def test_what_a_row_is_told_of_itself_is_in_its_log(world: World, rule: Rule) -> None:
    give(world, replace(given(rule), detail={"from": 7}))
    [told] = Occurrence.objects.get(given=True).moves.values_list("detail", flat=True)
    assert told == {"from": 7}
