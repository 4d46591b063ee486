"""Given moments beside what is planned: nothing that plans, compares or judges takes them for its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events import operations, planning
from events.models import Occurrence, OnMove, Rule
from events.operations import EntityFacts, Trigger
from events.planning import zone_data
from events.queries.comparisons import compare
from events.queries.simulations import Span
from handlers.log.models import Delivery
from tests.engine.world import World, audited_world

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 3, 27, 7, 0, tzinfo=UTC)
NINE = datetime(2027, 3, 27, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


world = audited_world(NOW)


def trigger(world: World, function: str = "log", owner: int | None = None) -> Occurrence:
    one = Trigger(function, "42", NINE, payload={"n": 1})
    [placed] = operations.put_triggers([one], owner=owner, origin=world.origin())
    assert placed.row
    return Occurrence.objects.get(pk=placed.row.id)


def snoozed(world: World, until: datetime = NINE + 2 * HOUR, **fields: object) -> Rule:
    """A daily rule whose first one was put off."""
    rule = world.rule(entity=world.person("alice", "Europe/Berlin"), **fields)
    row = Occurrence.objects.filter(rule=rule).earliest("due_at")
    operations.snooze(row.pk, until=until, why="busy", origin=world.origin())
    return rule


def test_what_is_put_off_of_an_anchored_rule_is_not_taken_for_a_second_one_of_its_year(world: World) -> None:
    alice = world.person("alice", "Europe/Berlin", birthday="1990-03-27")
    birthday = world.rule(entity=alice, anchor="birthday", rrule="FREQ=YEARLY", start_date=None)
    world.now = NINE
    world.sweep()
    row = Occurrence.objects.filter(rule=birthday).earliest("due_at")
    operations.snooze(row.pk, until=NINE + 2 * HOUR, why="busy", origin=world.origin())
    facts = EntityFacts("person", "alice", "Europe/Berlin", "Alice A.", {"birthday": "1990-03-27"})
    operations.put_entities([facts], origin=world.origin())
    world.now = NINE + 2 * HOUR
    world.sweep()
    assert Delivery.objects.count() == 2


def test_an_event_that_is_edited_while_its_trigger_runs_is_tried_again(world: World) -> None:
    row = trigger(world, "idempotent")
    world.now = NINE
    [chunk] = world.claim()
    world.lose(chunk)
    world.now += timedelta(seconds=1)
    operations.put_entities([EntityFacts("event", "42", "Asia/Tokyo", "Party")], origin=world.origin())
    world.now += HOUR
    world.recover()
    row.refresh_from_db()
    assert (row.state, row.hold) == ("RETRYING", "")
    assert planning.replan_edited(origin=world.origin("engine:test")) == 0
    world.now += HOUR
    assert world.sweep() == 1
    row.refresh_from_db()
    assert (row.state, row.due_at) == ("COMPLETED", NINE)


def test_new_zone_data_moves_no_given_row_and_knows_it_beforehand(world: World) -> None:
    trigger(world)
    for on_move in OnMove:
        snoozed(world, on_move=on_move)
    Occurrence.objects.update(tzdata_version="2020a")
    before = dict(Occurrence.objects.filter(given=True).values_list("pk", "due_at"))
    foreseen = planning.foresee_zone_data(origin=world.origin())
    applied = planning.apply_zone_data(origin=world.origin())
    assert (foreseen.shifts, applied.shifts) == ((), ())
    assert foreseen.broken == applied.broken == {}
    assert dict(Occurrence.objects.filter(given=True).values_list("pk", "due_at")) == before
    assert not Occurrence.objects.filter(tzdata_version="2020a", state="SCHEDULED").exists()


def test_what_is_put_off_for_years_makes_nobody_look_ahead_so_far(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    snoozed(world, until=NOW + 3_650 * DAY)
    farthest = []

    def seen(rule: Rule, **given: Any) -> object:
        farthest.append(given["before"])
        return wanted(rule, **given)

    wanted = zone_data.desired_rows  # type: ignore[attr-defined]  # as that module calls it
    monkeypatch.setattr(zone_data, "desired_rows", seen)
    planning.apply_zone_data(origin=world.origin())
    assert max(farthest) < NOW + 30 * DAY


def test_a_comparison_of_a_rule_with_its_rows_leaves_them_out(world: World) -> None:
    rule = snoozed(world)
    found = compare(rule, Span(NOW, NOW + DAY), now=world.now)
    assert found.is_as_expected


def test_the_rules_list_and_page_show_rules_of_triggers(world: World, admin_client: Client) -> None:
    trigger(world)
    rule = Rule.objects.get()
    for address in (
        reverse("admin:events_rule_changelist"), reverse("admin:events_rule_change", args=[rule.pk]),
        reverse("admin:events_rule_changelist") + "?role__in=triggers",
    ):  # fmt: skip
        page = admin_client.get(address)
        assert page.status_code == 200
        assert "trigger log" in page.content.decode()


def test_what_is_given_one_by_one_names_no_past_to_write(world: World) -> None:
    rule = trigger(world).rule
    with pytest.raises(operations.NothingToBackfill):
        operations.backfill(
            rule, after=NOW - DAY, before=NOW, why="asked", origin=world.origin(), dry_run=False
        )
