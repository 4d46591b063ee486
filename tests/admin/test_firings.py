"""The next firings of rules that fire at random, or count from completion."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from events import operations, queries
from events.models import Calendar, Occurrence, Rule
from tests.engine.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> World:
    """A Sunday noon in Berlin, the day before the clocks go forward being the next Saturday."""
    return World(datetime(2027, 3, 21, 11, tzinfo=UTC))


def unsaved(**fields: Any) -> Rule:
    """Every day at random between 09:00 and 17:00."""
    values: dict[str, Any] = {
        "name": "draft", "audience_kind": "person", "start_date": date(2027, 1, 1), "local_time": time(9),
        "rrule": "FREQ=DAILY", "window": timedelta(hours=8), "handler": "log",
    }  # fmt: skip
    return Rule(**{**values, **fields})


def spans(found: list[queries.NextFiring]) -> list[str]:
    return [f"{each.local:%d %H:%M}-{each.closes:%d %H:%M}" for each in found if each.closes]


def test_windows_are_shown_from_when_to_when_the_open_one_from_now_on(world: World) -> None:
    world.person(timezone="Europe/Berlin")
    found = queries.next_firings(unsaved(), now=world.now, limit=3)
    assert spans(found) == ["21 12:00-21 17:00", "22 09:00-22 17:00", "23 09:00-23 17:00"]
    assert [each.due_at for each in found[:1]] == [world.now]


def test_a_saved_rules_open_window_counts_from_when_it_was_timed_unless_it_is_timed_anew(
    world: World,
) -> None:
    world.person(timezone="Europe/Berlin")
    rule = world.rule(local_time=time(9), window=timedelta(hours=8), start_date=date(2027, 3, 1))
    now = world.now + timedelta(hours=2)
    assert spans(queries.next_firings(rule, now=now, limit=1)) == ["21 12:00-21 17:00"]
    assert spans(queries.next_firings(rule, now=now, limit=1, timed_anew=True)) == ["21 14:00-21 17:00"]
    assert rule.timed_since == world.now
    drawn = Occurrence.objects.earliest("due_at").due_at
    assert world.now <= drawn < world.now + timedelta(hours=5)


def test_a_window_over_the_night_of_change_keeps_its_wall_times(world: World) -> None:
    world.person(timezone="Europe/Berlin")
    night = unsaved(local_time=time(20), window=timedelta(hours=12), start_date=date(2027, 3, 27), rrule="")
    (only,) = queries.next_firings(night, now=world.now)
    assert spans([only]) == ["27 20:00-28 08:00"]
    assert only.closes is not None
    assert only.closes - only.local == timedelta(hours=12)  # on the wall
    assert only.closes.astimezone(UTC) - only.due_at == timedelta(hours=11)


def test_windows_keep_to_the_calendar_and_to_a_first_day_far_ahead(world: World) -> None:
    world.people({"alice": "UTC"}, hired="2020-01-01")
    office = operations.create_calendar(
        Calendar(name="Office", closed_weekdays=[5, 6]), origin=world.origin()
    )
    found = queries.next_firings(unsaved(calendar=office), now=world.now, limit=6)
    assert [f"{each.local:%a}" for each in found] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Mon"]
    far = unsaved(anchor="hired", start_date=date(2040, 5, 1))
    assert spans(queries.next_firings(far, now=world.now, limit=2)) == [
        "01 09:00-01 17:00",
        "02 09:00-02 17:00",
    ]


def test_windows_at_the_end_of_the_calendar_are_no_error(world: World) -> None:
    world.person(timezone="UTC")
    late = unsaved(start_date=date(9999, 12, 31), rrule="")
    assert queries.next_firings(late, now=world.now) == []


def test_of_a_rule_that_counts_from_completion_only_the_first_is_known_before_it_is_saved(
    world: World,
) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Kathmandu"})
    rule = unsaved(rrule="", window=None, every="PT8H", every_from="completion")
    found = queries.next_firings(rule, now=world.now)
    assert [(each.timezone, f"{each.local:%d %H:%M}", each.closes) for each in found] == [
        ("Asia/Kathmandu", "21 17:00", None),
        ("Europe/Berlin", "21 17:00", None),
    ]


def test_of_a_saved_one_what_is_planned_is_shown(world: World) -> None:
    world.people({"alice": "UTC", "bob": "UTC", "carol": "Asia/Tokyo"})
    rule = world.rule(rrule="", every="PT30M", every_from="completion", start_date=date(2027, 1, 1))
    found = queries.next_firings(rule, now=world.now)
    assert sorted((each.timezone, each.whose, each.entities) for each in found) == [
        ("Asia/Tokyo", "Carol", 1), ("UTC", "2 share it, such as Alice", 2),
    ]  # fmt: skip
    world.now += timedelta(minutes=30)
    world.tick()
    world.now += timedelta(minutes=1)
    world.plan()
    assert queries.next_firings(rule, now=world.now + timedelta(days=1)) == []
