"""Random moments: all of a window alike, drawn once, and the same however often they are planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from events import operations
from events.models import Calendar, Entity, Occurrence, Rule
from events.timing import zone
from tests.engine.drawing import (
    DAY,
    HOUR,
    MICROSECOND,
    MINUTE,
    ZONES,
    drawn,
    everywhere,
    wanted,
)
from tests.engine.world import World

pytestmark = pytest.mark.django_db
SEED = UUID(int=20270314)


def chi_square(counts: Iterable[int], bins: int) -> float:
    found = list(counts)
    expected = sum(found) / bins
    return float(sum((count - expected) ** 2 for count in found) / expected + (bins - len(found)) * expected)


def critical(bins: int) -> float:
    """What chi-square passes once in a thousand times, where all bins are alike (Wilson and Hilferty)."""
    freedom = bins - 1
    return float(freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3)


def binned(moments: Iterable[timedelta], width: timedelta) -> list[int]:
    return list(Counter(moment // width for moment in moments).values())


def crowd(world: World, count: int = 10_000, **fields: object) -> Rule:
    """A rule, and people with ids of their own: the same moments in every run."""
    rule = world.rule(timezone="UTC", start_date=date(2027, 3, 1), **fields)
    Rule.objects.update(draw_seed=SEED, planned_until=None)
    Entity.objects.bulk_create(
        Entity(pk=1_000_000_000 + number, kind="person", external_id=str(number), timezone="UTC",
               created_at=datetime(2000, 1, 1, tzinfo=UTC))
        for number in range(count)
    )  # fmt: skip
    world.plan()
    return rule


def test_all_moments_of_the_window_are_equally_likely(world: World) -> None:
    world.horizon = 3 * DAY
    rule = crowd(world, rrule="FREQ=DAILY;COUNT=2", local_time=time(0), window=DAY)
    rows = sorted(drawn(rule).items())
    assert len(rows) == 20_000
    first = [due_at - datetime(2027, 3, 1, tzinfo=UTC) for (_, slot, _), due_at in rows if slot.day == 1]
    second = [due_at - datetime(2027, 3, 2, tzinfo=UTC) for (_, slot, _), due_at in rows if slot.day == 2]
    for moments in (first, second):
        assert timedelta(0) <= min(moments) < MINUTE
        assert DAY - MINUTE < max(moments) < DAY
        assert chi_square(binned(moments, HOUR), 24) < critical(24)
        assert chi_square(binned(moments, 10 * MINUTE), 144) < critical(144)
        within_a_minute = [moment % MINUTE for moment in moments]
        assert chi_square(binned(within_a_minute, timedelta(seconds=1)), 60) < critical(60)
    together = Counter(
        (one // (3 * HOUR), other // (3 * HOUR)) for one, other in zip(first, second, strict=True)
    )
    assert chi_square(together.values(), 64) < critical(64), "one day's moment tells of the next day's"
    neighbours = Counter((one // (3 * HOUR), other // (3 * HOUR)) for one, other in pairwise(first))
    assert chi_square(neighbours.values(), 64) < critical(64), "one person's moment tells of another's"


def test_several_moments_of_a_window_are_that_far_apart_and_otherwise_equally_likely(world: World) -> None:
    rule = crowd(world, rrule="", window=8 * HOUR, draws=3, spacing=HOUR)
    opens = datetime(2027, 3, 1, 9, tzinfo=UTC)
    of_each: dict[int, list[timedelta]] = {}
    for (entity_id, _, _), due_at in sorted(drawn(rule).items()):
        of_each.setdefault(entity_id, []).append(due_at - opens)
    assert {len(moments) for moments in of_each.values()} == {3}
    assert all(
        later - earlier >= HOUR for moments in of_each.values() for earlier, later in pairwise(moments)
    )
    assert all(timedelta(0) <= moment < 8 * HOUR for moments in of_each.values() for moment in moments)
    without_spacing = [
        moment - nth * HOUR for moments in of_each.values() for nth, moment in enumerate(moments)
    ]
    assert chi_square(binned(without_spacing, 5 * MINUTE), 72) < critical(72)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"window": 8 * HOUR}, id="a working day"),
        pytest.param({"window": 3 * DAY}, id="windows that overlap"),
        pytest.param({"window": 8 * HOUR, "draws": 5, "spacing": HOUR}, id="five an hour apart"),
        pytest.param({"every": "PT1H", "rrule": "", "window": 20 * MINUTE}, id="hours"),
        pytest.param({"rrule": "", "window": 30 * DAY}, id="once in 30 days"),
        pytest.param({"cron": "0 9 * * MON-FRI", "rrule": "", "window": 9 * HOUR}, id="cron"),
        pytest.param({"local_time": time(1, 30), "window": 2 * HOUR, "fold": "both"}, id="both passes"),
    ],
)
def test_moments_are_the_same_however_they_are_planned(world: World, fields: dict[str, object]) -> None:
    """In pieces of seven hours, through the nights of change in New York, Berlin and Lord Howe."""
    world.now = datetime(2027, 3, 11, 22, 17, 3, 141592, tzinfo=UTC)
    everywhere(world, 4)
    world.horizon = 7 * HOUR
    rule, begin = world.rule(**fields), world.now
    while world.now < begin + 26 * DAY:
        world.now += timedelta(hours=4, minutes=41)
        world.plan()
    rule.refresh_from_db()
    assert rule.planned_until is not None
    at_once = wanted(rule, begin, rule.planned_until)
    assert at_once
    assert drawn(rule) == at_once


@pytest.mark.parametrize(
    ("zone_name", "day", "local_time", "window", "length"),
    [
        ("America/New_York", date(2027, 3, 14), time(0), DAY, 23 * HOUR),
        ("America/New_York", date(2027, 11, 7), time(0), DAY, 25 * HOUR),
        ("America/New_York", date(2027, 3, 14), time(1, 45), 30 * MINUTE, 30 * MINUTE),
        ("America/New_York", date(2027, 3, 14), time(2, 30), HOUR, HOUR),
        ("America/New_York", date(2027, 11, 7), time(0, 45), HOUR, HOUR),
        ("America/New_York", date(2027, 11, 7), time(1, 45), HOUR, 2 * HOUR),
        ("Australia/Lord_Howe", date(2027, 4, 4), time(0), 4 * HOUR, 4 * HOUR + 30 * MINUTE),
        ("Australia/Lord_Howe", date(2027, 10, 3), time(0), 4 * HOUR, 3 * HOUR + 30 * MINUTE),
        ("America/Santiago", date(2027, 9, 4), time(20), 12 * HOUR, 11 * HOUR),
        ("Atlantic/Azores", date(2027, 10, 31), time(0), DAY, 25 * HOUR),
    ],
)
def test_a_window_in_a_night_of_change_is_used_whole_and_never_left(
    world: World, zone_name: str, day: date, local_time: time, window: timedelta, length: timedelta
) -> None:
    tz = zone(zone_name)
    opens = datetime.combine(day, local_time, tz).astimezone(UTC)
    world.now = opens - HOUR
    world.people({f"p{number}": zone_name for number in range(300)})
    rule = world.rule(rrule="", start_date=day, local_time=local_time, window=window)
    moments = sorted(due_at - opens for due_at in drawn(rule).values())
    assert len(moments) == 300
    assert timedelta(0) <= moments[0] < length / 20
    assert length * 0.95 < moments[-1] < length


def test_spacing_gives_way_on_a_night_that_is_too_short_for_it_and_the_window_does_not(world: World) -> None:
    world.now = datetime(2027, 3, 13, 12, tzinfo=UTC)
    world.people({f"p{number}": "America/New_York" for number in range(20)})
    rule = world.rule(rrule="", start_date=date(2027, 3, 14), local_time=time(0), window=DAY,
                      draws=24, spacing=62 * MINUTE)  # fmt: skip
    opens = datetime(2027, 3, 14, 5, tzinfo=UTC)
    for entity in Entity.objects.all():
        moments = sorted(row.due_at for row in Occurrence.objects.filter(rule=rule, entity=entity))
        assert len(moments) == 24
        assert opens <= moments[0]
        assert moments[-1] < opens + 23 * HOUR
        assert min(later - earlier for earlier, later in pairwise(moments)) >= 23 * HOUR / 24 - MICROSECOND


@pytest.mark.parametrize("days", [3, 30])
def test_a_window_longer_than_the_horizon_fires_once_for_each(world: World, days: int) -> None:
    world.now = datetime(2027, 2, 28, 23, 45, tzinfo=UTC)
    everywhere(world, 8)
    local = world.now.replace(microsecond=0)
    rule = world.rule(rrule="", start_date=local.date(), local_time=local.time(), timezone="UTC",
                      window=days * DAY)  # fmt: skip
    end = world.now + days * DAY
    assert 0 <= len(drawn(rule)) < 8 * len(ZONES)
    world.pass_time(end + HOUR, step=timedelta(hours=2, minutes=15))
    assert drawn(rule) == {}
    sent = drawn(rule, "COMPLETED")
    assert len(sent) == 8 * len(ZONES) == len({entity_id for entity_id, _, _ in sent})
    assert local <= min(sent.values())
    assert max(sent.values()) < end
    assert max(sent.values()) - min(sent.values()) > days * DAY * 0.7


def test_overlapping_windows_have_a_moment_each(world: World) -> None:
    world.now = datetime(2027, 2, 28, 0, 0, tzinfo=UTC)
    everywhere(world, 5)
    rule = world.rule(window=3 * DAY, start_date=date(2027, 3, 1), local_time=time(0))
    world.pass_time(datetime(2027, 3, 12, tzinfo=UTC), step=3 * HOUR)
    rows = drawn(rule, "COMPLETED")
    days = Counter(slot.day for _, slot, _ in rows)
    assert {day: days[day] for day in range(1, 8)} == dict.fromkeys(range(1, 8), 5 * len(ZONES))
    for (entity_id, slot, _), due_at in rows.items():
        local = due_at.astimezone(zone(Entity.objects.get(pk=entity_id).timezone)).replace(tzinfo=None)
        assert slot <= local < slot + 3 * DAY


def test_after_days_without_planning_every_window_has_its_row(world: World) -> None:
    everywhere(world, 5)
    rule = world.rule(window=8 * HOUR, start_date=date(2027, 3, 1))
    begin = world.now
    world.now += 9 * DAY
    world.tick()
    rows = drawn(rule, "COMPLETED", "SCHEDULED")
    assert rows == wanted(rule, begin, world.now + world.horizon)
    assert {key for key, due_at in rows.items() if due_at <= world.now} == drawn(rule, "COMPLETED").keys()


def test_hours_have_their_windows_on_a_night_of_25_too(world: World) -> None:
    world.now = datetime(2027, 11, 7, 0, 0, tzinfo=UTC)
    alice = world.person("alice", "America/New_York")
    rule = world.rule(entity=alice, rrule="", every="PT1H", local_time=time(0), start_date=date(2027, 11, 7),
                      window=20 * MINUTE)  # fmt: skip
    rows = sorted(drawn(rule).values())
    opened = [datetime(2027, 11, 7, 4, tzinfo=UTC) + number * HOUR for number in range(44)]
    assert len(rows) == 44
    assert all(opens <= due_at < opens + 20 * MINUTE for opens, due_at in zip(opened, rows, strict=True))
    assert len({due_at - opens for opens, due_at in zip(opened, rows, strict=True)}) == 44


def test_a_thousand_draws_and_a_spacing_that_just_fits(world: World) -> None:
    world.people({"alice": "UTC"})
    crowded = world.rule(rrule="", start_date=date(2027, 3, 1), window=timedelta(seconds=1_000), draws=1_000,
                         spacing=timedelta(seconds=1))  # fmt: skip
    tight = world.rule(rrule="", start_date=date(2027, 3, 1), window=timedelta(seconds=10), draws=2,
                       spacing=timedelta(seconds=9, microseconds=999_999))  # fmt: skip
    opens = datetime(2027, 3, 1, 9, tzinfo=UTC)
    moments = sorted(drawn(crowded).values())
    assert len(moments) == 1_000
    assert opens <= moments[0]
    assert moments[-1] < opens + timedelta(seconds=1_000)
    assert min(later - earlier for earlier, later in pairwise(moments)) >= timedelta(seconds=1)
    assert sorted(drawn(tight).values()) == [opens, opens + timedelta(seconds=9, microseconds=999_999)]
    assert world.tick() == 0
    world.now = opens + timedelta(seconds=1_000)
    assert world.tick() == 1_002


def test_a_window_of_a_year_keeps_a_calendars_closed_days_free_whenever_it_is_planned(world: World) -> None:
    """Planned in 2027, of windows that were opened in 2025."""
    world.now = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
    world.people({f"p{number}": "UTC" for number in range(10)})
    ics = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20251231\nEND:VEVENT\nEND:VCALENDAR\n"
    closed = operations.create_calendar(Calendar(name="closed", ics=ics), origin=world.origin())
    rule = world.rule(
        start_date=date(2025, 12, 30),
        rrule="FREQ=DAILY;COUNT=9",
        calendar=closed,
        window=366 * DAY,
        draws=1000,
    )
    Rule.objects.update(timed_since=datetime(2025, 12, 30, tzinfo=UTC))
    rule.refresh_from_db()
    end = datetime(2027, 1, 2, tzinfo=UTC)
    at_once = wanted(rule, datetime(2026, 1, 1, tzinfo=UTC), end)
    in_pieces = wanted(rule, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    in_pieces |= wanted(rule, datetime(2027, 1, 1, tzinfo=UTC), end)
    assert at_once == in_pieces
    assert datetime(2025, 12, 31, 9) not in {slot for _, slot, _ in at_once}


def test_two_rules_and_two_seeds_have_nothing_in_common(world: World) -> None:
    everywhere(world, 5)
    one, other = world.rule(window=8 * HOUR), world.rule(window=8 * HOUR)
    assert not set(drawn(one).items()) & set(drawn(other).items())
    assert one.draw_seed != other.draw_seed
