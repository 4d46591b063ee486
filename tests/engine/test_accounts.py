"""What is in one account is about that account alone: rules reach nobody else's entities, and names do not clash."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from events import operations
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts, InvalidEntity, InvalidRule
from events.queries.audit import audit_log
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> Iterator[World]:
    world = World(datetime(2027, 3, 13, 12, 0, tzinfo=UTC))
    yield world
    assert audit_log().disagreements == ()


@pytest.fixture
def alice() -> int:
    return User.objects.create_user("alice").pk


@pytest.fixture
def charlie() -> int:
    return User.objects.create_user("charlie").pk


def put(world: World, owner: int | None, timezone: str = "UTC", **attributes: str) -> Entity:
    facts = EntityFacts("person", "bob", timezone, attributes=attributes)
    operations.put_entities([facts], owner=owner, origin=world.origin())
    return Entity.objects.get(owner=owner, kind="person", external_id="bob")


def daily(world: World, owner: int | None, **fields: object) -> Rule:
    rule = Rule(
        **{
            "owner_id": owner, "name": "daily", "audience_kind": "person", "start_date": date(2027, 3, 13),
            "local_time": time(18, 0), "rrule": "FREQ=DAILY", "handler": "log", **fields,
        }
    )  # fmt: skip
    return operations.create_rule(rule, horizon=world.horizon, origin=world.origin())


def whose(rule: Rule) -> set[int]:
    return set(Occurrence.objects.filter(rule=rule).values_list("entity_id", flat=True))


def test_three_may_have_a_bob_and_each_rule_is_about_its_own(world: World, alice: int, charlie: int) -> None:
    bobs = {owner: put(world, owner) for owner in (None, alice, charlie)}
    rules = {owner: daily(world, owner) for owner in bobs}
    for owner, rule in rules.items():
        assert whose(rule) == {bobs[owner].pk}


def test_whoever_comes_and_moves_later_is_planned_by_the_rules_of_the_account(
    world: World, alice: int, charlie: int
) -> None:
    rules = {owner: daily(world, owner) for owner in (None, alice, charlie)}
    bob = put(world, alice)
    assert {owner: whose(rule) for owner, rule in rules.items()} == {
        None: set(),
        alice: {bob.pk},
        charlie: set(),
    }
    before = Occurrence.objects.get(slot=datetime(2027, 3, 13, 18, 0)).due_at
    put(world, alice, "America/New_York")
    assert Occurrence.objects.get(slot=datetime(2027, 3, 13, 18, 0)).due_at > before
    assert set(Occurrence.objects.values_list("rule", flat=True)) == {rules[alice].pk}


def test_a_put_changes_the_accounts_own_and_leaves_the_others(world: World, alice: int, charlie: int) -> None:
    theirs = put(world, charlie, "Asia/Tokyo", team="red")
    put(world, alice, "Europe/Berlin", team="blue")
    put(world, alice, "Europe/Paris", team="blue")
    theirs.refresh_from_db()
    assert (theirs.timezone, theirs.attributes, theirs.version) == ("Asia/Tokyo", {"team": "red"}, 1)
    assert Entity.objects.get(owner=alice).version == 2


def test_the_anchors_of_one_account_say_nothing_about_the_entities_of_another(
    world: World, alice: int, charlie: int
) -> None:
    put(world, alice, birthday="1992-02-29")
    daily(world, alice, anchor="birthday", start_date=None, rrule="FREQ=YEARLY")
    put(world, charlie, birthday="in spring")
    with pytest.raises(InvalidEntity, match="is not a date"):
        put(world, alice, birthday="in spring")


def test_a_name_is_taken_once_an_account(world: World, alice: int, charlie: int) -> None:
    for owner in (None, alice, charlie):
        daily(world, owner)
        with pytest.raises(InvalidRule, match="There is a rule of this name"):
            daily(world, owner)


def test_an_accounts_rule_for_somebody_elses_entity_is_refused(
    world: World, alice: int, charlie: int
) -> None:
    theirs, operators = put(world, charlie), put(world, None)
    for bob in (theirs, operators):
        with pytest.raises(InvalidRule, match="entity: there is no such entity in the account"):
            daily(world, alice, audience_kind="", entity=bob)
    assert whose(daily(world, None, audience_kind="", entity=theirs)) == {theirs.pk}
