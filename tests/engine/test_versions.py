"""Whoever changes a rule or an entity may say which version he saw; if it is another by now, nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING

import pytest

from events import operations
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts, RetiredRule, StaleVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.world import World

pytestmark = pytest.mark.django_db


def change(world: World, rule: Rule, expected: int | None, at: time = time(10, 0)) -> None:
    rule.local_time = at
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin(), expected_version=expected)


def slots() -> set[str]:
    return {
        f"{slot:%H:%M}"
        for slot in Occurrence.objects.filter(state="SCHEDULED").values_list("slot", flat=True)
    }


def test_of_two_who_edit_the_same_version_of_a_rule_the_second_is_told_and_changes_nothing(
    world: World,
) -> None:
    world.person()
    first = world.rule(name="Good morning")
    second = Rule.objects.get()
    change(world, first, 1, time(10, 0))
    assert first.version == 2
    with pytest.raises(StaleVersion) as refused:
        change(world, second, 1, time(11, 0))
    assert str(refused.value) == (
        "Somebody else changed rule 'Good morning' meanwhile; nothing was written.\n"
        "- version: rule 'Good morning' has version 2 now, and version 1 was expected. "
        "Load it again, look at what has changed, and repeat your change."
    )
    assert [(each.field, each.facts["current"]) for each in refused.value.refusals] == [("version", 2)]
    assert Rule.objects.get().local_time == time(10, 0)
    assert slots() == {"10:00"}


def test_whoever_expects_no_version_overwrites(world: World) -> None:
    world.person()
    rule = world.rule()
    change(world, rule, None, time(10, 0))
    change(world, rule, None, time(11, 0))
    assert (rule.version, slots()) == (3, {"11:00"})


@pytest.mark.parametrize(
    "verb",
    [
        lambda rule, **told: operations.pause_rule(rule, **told),
        lambda rule, **told: operations.retire_rule(rule, why="over", **told),
    ],
)
def test_pausing_and_retiring_keep_to_an_expected_version_too(
    world: World, verb: Callable[..., object]
) -> None:
    world.person()
    rule = world.rule()
    change(world, rule, 1)
    with pytest.raises(StaleVersion, match="has version 2 now, and version 1 was expected"):
        verb(rule, origin=world.origin(), expected_version=1)
    rule.refresh_from_db()
    assert (rule.state, rule.version) == ("active", 2)
    verb(rule, origin=world.origin(), expected_version=2)
    rule.refresh_from_db()
    assert rule.state != "active"
    assert rule.version == 3


def test_resuming_keeps_to_an_expected_version_too(world: World) -> None:
    world.person()
    rule = world.rule()
    operations.pause_rule(rule, origin=world.origin(), expected_version=1)
    with pytest.raises(StaleVersion):
        operations.resume_rule(rule, origin=world.origin(), expected_version=1)
    assert Rule.objects.get().state == "paused"
    assert operations.resume_rule(rule, origin=world.origin(), expected_version=2) == 0


def test_a_rule_that_was_retired_meanwhile_is_said_to_be_that(world: World) -> None:
    world.person()
    rule = world.rule()
    operations.retire_rule(rule, why="over", origin=world.origin())
    with pytest.raises(RetiredRule):
        change(world, rule, 1)


# --- entities ---

BOB = EntityFacts("person", "bob", "Europe/Berlin", name="Bob")


def put(world: World, *facts: EntityFacts) -> operations.Put:
    return operations.put_entities(facts, origin=world.origin())


def test_of_two_who_edit_the_same_version_of_a_person_the_second_is_told_and_changes_nothing(
    world: World,
) -> None:
    world.rule()
    put(world, BOB)
    put(world, replace(BOB, name="Robert", version=1))
    with pytest.raises(StaleVersion) as refused:
        put(world, replace(BOB, timezone="Asia/Tokyo", version=1))
    assert "person 'bob' has version 2 now, and version 1 was expected" in str(refused.value)
    bob = Entity.objects.get()
    assert (bob.name, bob.timezone, bob.version) == ("Robert", "Europe/Berlin", 2)
    assert set(Occurrence.objects.values_list("timezone", flat=True)) == {"Europe/Berlin"}


def test_who_was_not_changed_by_the_same_facts_keeps_the_version_that_was_seen(world: World) -> None:
    put(world, BOB)
    assert put(world, replace(BOB, version=1)) == operations.Put(0, 0, 0)
    with pytest.raises(StaleVersion, match="has version 1 now, and version 2 was expected"):
        put(world, replace(BOB, version=2))


def test_one_stale_person_among_many_prevents_all_and_each_is_named(world: World) -> None:
    put(world, BOB, replace(BOB, external_id="carol"), replace(BOB, external_id="dave"))
    put(world, replace(BOB, name="Robert"))
    with pytest.raises(StaleVersion) as refused:
        put(
            world,
            replace(BOB, name="Bobby", version=1),
            replace(BOB, external_id="carol", name="Carol", version=1),
            replace(BOB, external_id="dave", name="Dave"),
            replace(BOB, external_id="erin", version=4),
        )
    assert [refusal.facts["problem"] for refusal in refused.value.refusals] == [
        "person 'bob' has version 2 now, and version 1 was expected",
        "person 'erin' does not exist, and version 4 was expected",
    ]
    assert sorted(Entity.objects.values_list("external_id", "name")) == [
        ("bob", "Robert"), ("carol", "Bob"), ("dave", "Bob"),
    ]  # fmt: skip


def test_an_edit_begun_before_a_deletion_does_not_bring_the_person_back(world: World) -> None:
    put(world, BOB)
    bob = Entity.objects.get()
    assert operations.delete_entities([bob.pk], why="he asked", origin=world.origin()) == 1
    with pytest.raises(StaleVersion, match="has version 2 now"):
        put(world, replace(BOB, name="Robert", version=1))
    bob.refresh_from_db()
    assert bob.deleted_at is not None
    put(world, replace(BOB, name="Robert", version=2))
    assert Entity.objects.get(deleted_at=None).version == 3


def test_a_deletion_keeps_to_expected_versions_too(world: World) -> None:
    world.rule()
    put(world, BOB, replace(BOB, external_id="carol"))
    put(world, replace(BOB, name="Robert"))
    ids = dict(Entity.objects.values_list("external_id", "pk"))
    seen = {ids["bob"]: 1, ids["carol"]: 1}
    with pytest.raises(StaleVersion, match="person 'bob' has version 2 now, and version 1 was expected"):
        operations.delete_entities(list(seen), why="x", origin=world.origin(), expected_versions=seen)
    assert not Entity.objects.exclude(deleted_at=None).exists()
    assert not Occurrence.objects.filter(state="CANCELLED").exists()
    assert (
        operations.delete_entities(
            list(seen), why="x", origin=world.origin(), expected_versions={ids["bob"]: 2}
        )
        == 2
    )
