"""A calendar is edited while its rules are: whoever comes second sees what the first one wrote."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import operations, planning
from events.models import Calendar, Occurrence, Rule
from events.operations import InvalidRule
from tests.concurrency.test_races import elsewhere, until_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.world import World

ALL_BUT_SUNDAY = [0, 1, 2, 3, 4, 5]


def calendar(world: World) -> Calendar:
    """Closed on Sundays."""
    return operations.create_calendar(Calendar(name="Office", closed_weekdays=[6]), origin=world.origin())


def rule(world: World, row: Calendar) -> Rule:
    """Every hour of this year, for Alice."""
    world.person(timezone="UTC")
    return world.rule(calendar=row, rrule="FREQ=HOURLY", start_date=(world.now - timedelta(days=9)).date())


def close_all_but_sunday(world: World) -> None:
    row = Calendar.objects.get()
    row.closed_weekdays = ALL_BUT_SUNDAY
    operations.change_calendar(row, horizon=world.horizon, origin=world.origin("user:bob"))


def first_then(first: Callable[[], Any], second: Callable[[], Any]) -> None:
    """The second begins while the first is not committed, and waits for it."""
    with transaction.atomic():
        first()
        thread = elsewhere(second)
        until_waiting(1)
    thread.join()


def scheduled() -> list[Any]:
    rows = Occurrence.objects.filter(state="SCHEDULED")
    return list(rows.order_by("pk").values_list("rule", "slot", "due_at"))


def nothing_is_left_to_replan(world: World) -> bool:
    """Whether the rows are what the rules and calendars as they are now want."""
    return not any(
        planning.replan_rule(each, horizon=world.horizon, origin=world.origin())
        for each in Rule.objects.exclude(state="retired")
    )


def later(world: World, row: Rule, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    operations.change_rule(row, horizon=world.horizon, origin=world.origin("user:alice"))


def test_a_rule_is_edited_while_its_calendar_is(world: World) -> None:
    row = rule(world, calendar(world))
    first_then(lambda: close_all_but_sunday(world), lambda: later(world, row, rrule="FREQ=HOURLY;INTERVAL=2"))
    assert nothing_is_left_to_replan(world)
    assert {slot.weekday() for _, slot, _ in scheduled()} <= {6}


def test_a_calendar_is_edited_while_its_rule_is(world: World) -> None:
    row = rule(world, calendar(world))
    first_then(lambda: later(world, row, rrule="FREQ=HOURLY;INTERVAL=2"), lambda: close_all_but_sunday(world))
    assert nothing_is_left_to_replan(world)
    assert {slot.weekday() for _, slot, _ in scheduled()} <= {6}


def test_a_rule_comes_to_a_calendar_while_it_is_edited(world: World) -> None:
    row = calendar(world)
    world.person(timezone="UTC")
    first_then(lambda: close_all_but_sunday(world), lambda: rule(world, Calendar.objects.get(pk=row.pk)))
    assert nothing_is_left_to_replan(world)
    assert {slot.weekday() for _, slot, _ in scheduled()} <= {6}


def test_a_rule_leaves_a_calendar_that_is_edited_meanwhile(world: World) -> None:
    row = rule(world, calendar(world))
    first_then(lambda: later(world, row, calendar=None), lambda: close_all_but_sunday(world))
    kept = scheduled()
    assert nothing_is_left_to_replan(world)
    assert (scheduled(), len(kept)) == (kept, 48)


def test_a_rule_that_is_retired_while_its_calendar_is_edited_gets_no_row_any_more(world: World) -> None:
    row = rule(world, calendar(world))
    Rule.objects.update(planned_until=world.now - timedelta(days=7))  # as if nothing had run for a week
    first_then(
        lambda: operations.retire_rule(row, why="over", origin=world.origin()),
        lambda: close_all_but_sunday(world),
    )
    assert Rule.objects.get().state == "retired"
    assert scheduled() == []


def test_a_rule_cannot_come_to_a_calendar_that_is_being_deleted(world: World) -> None:
    row = calendar(world)
    refused: list[str] = []

    def name_it() -> None:
        try:
            rule(world, Calendar.objects.get(pk=row.pk))
        except InvalidRule as error:
            refused.append(str(error))

    first_then(lambda: operations.delete_calendar(Calendar.objects.get()), name_it)
    assert "calendar" in refused[0]
    assert not Rule.objects.exists()
