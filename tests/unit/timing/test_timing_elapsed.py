"""Firings of hourly and smaller frequencies: elapsed time, seen on the local clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from events.timing import (
    Firing,
    Fold,
    Gap,
    InvalidRecurrence,
    Policies,
    Recurrence,
    firings,
    next_firings,
    zone,
)

NEW_YORK = "America/New_York"
MINUTES = ",".join(map(str, range(60)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return at(text).replace(tzinfo=UTC)


def fired(
    start: str, rrule: str, after: str, limit: int, name: str = "UTC", policies: Policies | None = None
) -> list[Firing]:
    recurrence = Recurrence(at(start), rrule)
    return next_firings(recurrence, zone(name), policies or Policies(), after=utc(after), limit=limit)


def walls(found: list[Firing]) -> list[str]:
    return [f"{one.slot:%d %H:%M}" + ("'" if one.fold else "") for one in found]


def test_every_half_hour_across_a_fold_gives_all_of_them_and_none_twice() -> None:
    found = fired("2025-11-01 00:00", "FREQ=MINUTELY;INTERVAL=30", "2025-11-02 04:30", 6, NEW_YORK)
    assert walls(found) == ["02 00:30", "02 01:00", "02 01:30", "02 01:00'", "02 01:30'", "02 02:00"]
    assert {later.due_at - one.due_at for one, later in pairwise(found)} == {timedelta(minutes=30)}


def test_every_hour_across_a_gap_is_an_elapsed_hour() -> None:
    found = fired("2025-03-08 00:00", "FREQ=HOURLY", "2025-03-09 06:00", 3, NEW_YORK)
    assert walls(found) == ["09 01:00", "09 03:00", "09 04:00"]
    assert [one.note for one in found] == ["", "", ""]


def test_a_shift_of_half_an_hour_moves_the_wall_minute_and_not_the_spacing() -> None:
    found = fired("2025-10-04 00:00", "FREQ=HOURLY", "2025-10-04 14:30", 3, "Australia/Lord_Howe")
    assert walls(found) == ["05 01:00", "05 02:30", "05 03:30"]


def test_minutes_that_are_named_stay_on_the_wall_through_a_shift_of_half_an_hour() -> None:
    found = fired(
        "2025-10-04 00:00", "FREQ=HOURLY;BYMINUTE=0,45", "2025-10-04 14:30", 5, "Australia/Lord_Howe"
    )
    assert walls(found) == ["05 01:00", "05 01:45", "05 02:45", "05 03:00", "05 03:45"]


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=HOURLY;INTERVAL=5", ["01 09:10", "01 14:10", "01 19:10", "02 00:10"]),
        ("FREQ=HOURLY;BYHOUR=9,17", ["01 09:10", "01 17:10", "02 09:10", "02 17:10"]),
        ("FREQ=HOURLY;INTERVAL=3;BYMINUTE=5,20", ["01 09:20", "01 12:05", "01 12:20", "01 15:05"]),
        ("FREQ=HOURLY;BYSECOND=0,30;BYHOUR=9", ["01 09:10", "01 09:10", "02 09:10", "02 09:10"]),
        ("FREQ=MINUTELY;BYHOUR=9;BYMINUTE=0,30", ["01 09:30", "02 09:00", "02 09:30", "03 09:00"]),
        ("FREQ=MINUTELY;INTERVAL=20;BYDAY=MO", ["05 00:10", "05 00:30", "05 00:50", "05 01:10"]),
        ("FREQ=MINUTELY;INTERVAL=2;BYSECOND=0,59", ["01 09:10", "01 09:10", "01 09:12", "01 09:12"]),
        ("FREQ=SECONDLY;INTERVAL=45;BYMINUTE=11", ["01 09:11", "01 10:11", "01 11:11", "01 12:11"]),
        ("FREQ=SECONDLY;BYSECOND=0;BYMINUTE=0;BYHOUR=0;BYMONTHDAY=-1", ["31 00:00", "28 00:00"]),
        ("FREQ=HOURLY;BYYEARDAY=-1;BYHOUR=23", ["31 23:10", "31 23:10"]),
        ("FREQ=HOURLY;BYMONTH=6,7;BYMONTHDAY=30", ["30 00:10", "30 01:10"]),
        ("FREQ=HOURLY;BYMINUTE=5,10,15;BYSETPOS=-1", ["01 09:15", "01 10:15", "01 11:15"]),
        ("FREQ=HOURLY;BYMINUTE=5,10,15;BYSETPOS=1,2", ["01 09:10", "01 10:05", "01 10:10"]),
        ("FREQ=HOURLY;COUNT=2", ["01 09:10", "01 10:10"]),
        ("FREQ=HOURLY;BYHOUR=9;COUNT=2", ["01 09:10", "02 09:10"]),
        ("FREQ=MINUTELY;UNTIL=20260101T091100", ["01 09:10", "01 09:11"]),
        ("FREQ=MINUTELY;UNTIL=20260101T091100Z", ["01 09:10", "01 09:11"]),
        ("FREQ=HOURLY;INTERVAL=14;UNTIL=20260101", ["01 09:10", "01 23:10"]),
    ],
)
def test_by_parts_look_at_the_local_clock(rrule: str, expected: list[str]) -> None:
    limit = len(expected) + ("UNTIL" in rrule or "COUNT" in rrule)
    assert walls(fired("2026-01-01 09:10", rrule, "2025-01-01", limit)) == expected


def test_business_hours_follow_the_clock_through_gap_and_fold() -> None:
    rrule = "FREQ=MINUTELY;INTERVAL=30;BYHOUR=1,2"
    march = fired("2025-01-01 00:00", rrule, "2025-03-09 05:00", 3, NEW_YORK)
    assert walls(march) == ["09 01:00", "09 01:30", "10 01:00"]
    november = fired("2025-01-01 00:00", rrule, "2025-11-02 04:00", 7, NEW_YORK)
    assert walls(november) == [
        "02 01:00", "02 01:30", "02 01:00'", "02 01:30'", "02 02:00", "02 02:30", "03 01:00",
    ]  # fmt: skip


@pytest.mark.parametrize(("month", "day"), [("03", 8), ("11", 1)])
def test_a_named_hour_is_found_on_the_day_that_the_clocks_change(month: str, day: int) -> None:
    start = f"2025-{month}-{day:02} 00:00"
    found = fired(start, "FREQ=HOURLY;BYHOUR=3", start, 3, NEW_YORK)
    assert walls(found) == [f"{day + n:02} 03:00" for n in range(3)]


def test_a_named_day_that_begins_twice_is_found_the_first_time() -> None:
    rrule = "FREQ=MINUTELY;INTERVAL=30;BYMONTH=11;BYMONTHDAY=2;BYHOUR=0"
    found = fired("2025-01-01 00:00", rrule, "2025-01-01", 4, "America/Havana")
    assert walls(found) == ["02 00:00", "02 00:30", "02 00:00'", "02 00:30'"]


@pytest.mark.parametrize(
    ("fold", "last"), [(Fold.FIRST, "02 01:30"), (Fold.SECOND, "02 01:30'"), (Fold.BOTH, "02 01:30'")]
)
def test_a_local_until_in_a_fold_is_the_pass_that_the_policy_takes(fold: Fold, last: str) -> None:
    rrule = "FREQ=MINUTELY;INTERVAL=30;UNTIL=20251102T013000"
    found = fired("2025-11-02 00:00", rrule, "2025-11-02", 20, NEW_YORK, Policies(fold=fold))
    assert walls(found)[-1] == last


@pytest.mark.parametrize(
    ("fold", "first"), [(Fold.FIRST, "02 01:15"), (Fold.SECOND, "02 01:15'"), (Fold.BOTH, "02 01:15")]
)
def test_a_dtstart_in_a_fold_begins_with_the_pass_that_the_policy_takes(fold: Fold, first: str) -> None:
    found = fired("2025-11-02 01:15", "FREQ=HOURLY", "2025-11-01", 1, NEW_YORK, Policies(fold=fold))
    assert walls(found) == [first]


@pytest.mark.parametrize("gap", Gap)
def test_a_dtstart_in_a_gap_keeps_its_phase_whatever_the_policy(gap: Gap) -> None:
    found = fired("2025-03-09 02:30", "FREQ=HOURLY", "2025-03-01", 2, NEW_YORK, Policies(gap=gap))
    assert walls(found) == ["09 03:30", "09 04:30"]


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=MINUTELY;INTERVAL=7",
        "FREQ=SECONDLY;INTERVAL=61;BYHOUR=3",
        "FREQ=HOURLY;INTERVAL=5;BYMINUTE=1,2,3;BYSETPOS=2",
        "FREQ=HOURLY;COUNT=999999",
        "FREQ=HOURLY;BYDAY=SU;COUNT=4999",
    ],
)
def test_entering_far_from_dtstart_gives_the_same_as_walking_there(rrule: str) -> None:
    window = {"after": utc("2025-03-05"), "before": utc("2025-04-02")}
    recurrence, tz = Recurrence(at("2025-01-01 09:10:11"), rrule), zone(NEW_YORK)
    entered = list(firings(recurrence, tz, Policies(), **window))
    walked = firings(recurrence, tz, Policies(), after=utc("2025-01-01"), before=window["before"])
    assert entered
    assert entered == [one for one in walked if one.due_at >= window["after"]]


def test_a_minutely_rule_from_1990_is_entered_today_without_walking() -> None:
    found = fired("1990-01-01 00:00", "FREQ=MINUTELY;INTERVAL=7", "2026-01-01", 1)
    assert (found[0].due_at - utc("1990-01-01")) % timedelta(minutes=7) == timedelta(0)
    assert found[0].due_at - utc("2026-01-01") < timedelta(minutes=7)


def test_a_count_out_of_reach_is_refused_and_one_beyond_the_calendar_is_endless() -> None:
    with pytest.raises(InvalidRecurrence, match="too long to count"):
        fired("2025-01-01", "FREQ=HOURLY;BYHOUR=1;COUNT=5001", "2025-01-01", 1)
    assert len(fired("2025-01-01", "FREQ=HOURLY;COUNT=999999999", "9999-12-31 20:00", 9)) == 4
    rare = "FREQ=HOURLY;BYMONTH=1;BYMONTHDAY=1;BYHOUR=0;COUNT=50"
    assert len(fired("9990-01-01", rare, "9990-01-01", 60)) == 10


def test_instants_end_with_the_calendar_of_the_zone() -> None:
    assert walls(fired("9999-12-31 22:00", "FREQ=HOURLY", "9999-12-31", 9, "UTC")) == ["31 22:00", "31 23:00"]
    tokyo = fired("9999-12-31 22:00", "FREQ=HOURLY;INTERVAL=1", "9999-12-31", 9, "Asia/Tokyo")
    assert walls(tokyo) == ["31 22:00", "31 23:00"]
    assert walls(fired("9999-12-31 22:00", "FREQ=HOURLY;BYHOUR=23", "9999-12-31", 9)) == ["31 23:00"]
    assert walls(fired("9999-12-31 22:00", "FREQ=HOURLY;BYMINUTE=1;BYSETPOS=1", "9999-12-31", 9)) == [
        "31 22:01",
        "31 23:01",
    ]


def test_a_window_ends_inside_an_hour_of_positions() -> None:
    recurrence = Recurrence(at("2025-01-01 00:00"), f"FREQ=HOURLY;BYMINUTE={MINUTES};BYSETPOS=1,30")
    window = {"after": utc("2025-01-01 00:10"), "before": utc("2025-01-01 01:10")}
    assert walls(list(firings(recurrence, zone("UTC"), Policies(), **window))) == ["01 00:29", "01 01:00"]
