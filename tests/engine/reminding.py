"""Reminders made, edited, put off and looked at, as the edge would do it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User

from events import operations, planning
from events.models import Entity, Occurrence, Rule, RuleRole, RuleState
from events.operations import EntityFacts, ReminderGiven

if TYPE_CHECKING:
    from events.shards import Shard
    from tests.engine.world import World


def herself(world: World) -> Entity:
    """Alice herself, in her own account, in Berlin."""
    owner = User.objects.create_user("alice").pk
    facts = EntityFacts("person", "alice", "Europe/Berlin", "Alice")
    operations.put_entities([facts], owner=owner, origin=world.origin())
    Entity.objects.update(created_at=datetime(2000, 1, 1, tzinfo=UTC))
    return Entity.objects.get()


def remind(world: World, person: Entity, text: str = "Call mom", **given: Any) -> Rule:
    told = {name: given.pop(name) for name in ("handler", "payload") if name in given}
    asked = ReminderGiven(text=text, when=given, **told)
    rule = operations.new_reminder(asked, person=person, default_handler="log", now=world.now)
    return operations.create_reminder(rule, horizon=world.horizon, origin=world.origin())


def edit(world: World, rule: Rule, version: int | None = None, **given: Any) -> Rule:
    told = {name: given.pop(name) for name in ("text", "handler", "payload") if name in given}
    asked = ReminderGiven(when=given, **told)
    operations.change_reminder(
        rule, asked, horizon=world.horizon, origin=world.origin(), expected_version=version
    )
    return rule


def due(rule: Rule, **found: Any) -> list[datetime]:
    return list(
        Occurrence.objects.filter(rule=rule, **found).order_by("due_at").values_list("due_at", flat=True)
    )


def ended(world: World, shard: Shard | None = None) -> int:
    told = {"shard": shard} if shard else {}
    return planning.retire_ended(origin=world.origin("engine:test"), **told)


def live() -> list[str]:
    rules = Rule.objects.filter(role=RuleRole.REMINDER).exclude(state=RuleState.RETIRED)
    return sorted(operations.text_of(rule.payload) for rule in rules)


def snooze(world: World, rule: Rule, **told: str) -> Occurrence:
    asked: dict[str, Any] = {"until": None, "length": None, **told}
    given = operations.snooze_reminder(rule, **asked, why="busy", origin=world.origin())
    return Occurrence.objects.get(pk=given)
