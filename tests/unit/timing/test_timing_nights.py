"""The nights on which schedulers fail, zone by zone: a daily time that a gap or a fold meets, under every policy.

All times are written out. A cell is what fires on that day: local times with their offsets, or nothing.
"""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from events.timing import Fold, Gap, Leap, Policies, Recurrence, firings, next_firings, zone
from tests.unit.timing.reading import at, utc

HOUR = timedelta(hours=1)
GAPS = [
    # zone, day, time of day -> shift, next_valid, previous_valid
    ("America/New_York", "2025-03-09", "02:30", "03:30-04:00", "03:00-04:00", "01:59:59-05:00"),
    ("Australia/Lord_Howe", "2025-10-05", "02:15", "02:45+11:00", "02:30+11:00", "01:59:59+10:30"),
    ("America/Santiago", "2025-09-07", "00:00", "01:00-03:00", "01:00-03:00", "2025-09-06 23:59:59-04:00"),
    ("Pacific/Apia", "2011-12-30", "09:00",
        "2011-12-31 09:00+14:00", "2011-12-31 00:00+14:00", "2011-12-29 23:59:59-10:00"),
    ("Africa/Casablanca", "2025-04-06", "02:30", "03:30+01:00", "03:00+01:00", "01:59:59+00:00"),
    ("Europe/Dublin", "2025-03-30", "01:30", "02:30+01:00", "02:00+01:00", "00:59:59+00:00"),
    ("Asia/Kathmandu", "1986-01-01", "00:10", "00:25+05:45", "00:15+05:45", "1985-12-31 23:59:59+05:30"),
    ("America/Scoresbysund", "2024-03-31", "00:30", "00:30-01:00", "00:30-01:00", "00:30-01:00"),
    ("America/Scoresbysund", "2025-03-29", "23:30",
        "2025-03-30 00:30-01:00", "2025-03-30 00:00-01:00", "22:59:59-02:00"),
]  # fmt: skip

FOLDS = [
    # zone, day, time of day -> the first pass, the second
    ("America/New_York", "2025-11-02", "01:30", "01:30-04:00", "01:30-05:00"),
    ("Australia/Lord_Howe", "2025-04-06", "01:45", "01:45+11:00", "01:45+10:30"),
    ("America/Santiago", "2025-04-05", "23:30", "23:30-03:00", "23:30-04:00"),
    ("Africa/Casablanca", "2025-02-23", "02:30", "02:30+01:00", "02:30+00:00"),
    ("Europe/Dublin", "2025-10-26", "01:30", "01:30+01:00", "01:30+00:00"),
    ("America/Scoresbysund", "2024-10-26", "23:30", "23:30-01:00", "23:30-02:00"),
]


def fired(name: str, day: str, clock: str, policies: Policies) -> list[str]:
    """What a daily rule fires for the slot of one day."""
    daily = Recurrence(at(f"{day} {clock}") - timedelta(days=40), "FREQ=DAILY")
    noon = utc(f"{day} 12:00")
    found = firings(
        daily, zone(name), policies, after=noon - timedelta(hours=48), before=noon + timedelta(hours=48)
    )
    local = [one.due_at.astimezone(zone(name)) for one in found if one.slot == at(f"{day} {clock}")]
    texts = [one.isoformat(" ", "seconds").replace(":00-", "-").replace(":00+", "+") for one in local]
    return [text.removeprefix(f"{day} ") for text in texts]


@pytest.mark.parametrize(("name", "day", "clock", "shift", "next_valid", "previous_valid"), GAPS)
def test_a_daily_time_in_a_gap(
    name: str, day: str, clock: str, shift: str, next_valid: str, previous_valid: str
) -> None:
    assert fired(name, day, clock, Policies(gap=Gap.SHIFT)) == [shift]
    assert fired(name, day, clock, Policies(gap=Gap.NEXT_VALID)) == [next_valid]
    assert fired(name, day, clock, Policies(gap=Gap.PREVIOUS_VALID)) == [previous_valid]
    exists = shift == previous_valid
    assert fired(name, day, clock, Policies(gap=Gap.SKIP)) == ([shift] if exists else [])


@pytest.mark.parametrize(("name", "day", "clock", "first", "second"), FOLDS)
def test_a_daily_time_in_a_fold(name: str, day: str, clock: str, first: str, second: str) -> None:
    assert fired(name, day, clock, Policies(fold=Fold.FIRST)) == [first]
    assert fired(name, day, clock, Policies(fold=Fold.SECOND)) == [second]
    assert fired(name, day, clock, Policies(fold=Fold.BOTH)) == [first, second]


def test_casablancas_ramadan_is_an_hour_back_and_neither_doubles_nor_loses_a_day() -> None:
    daily = Recurrence(at("2025-02-01 02:30"), "FREQ=DAILY")
    found = next_firings(daily, zone("Africa/Casablanca"), Policies(), after=utc("2025-02-01"), limit=90)
    assert [one.slot.date() for one in found] == [date(2025, 2, 1) + timedelta(days=n) for n in range(90)]
    hours = {str(one.slot.date()): (later.due_at - one.due_at) / HOUR for one, later in pairwise(found)}
    # In the fold the first pass is taken; in the gap it is shifted, and the day after is an hour sooner again.
    assert {day: count for day, count in hours.items() if count != 24} == {"2025-02-23": 25, "2025-04-06": 23}


@pytest.mark.parametrize("name", sorted({row[0] for row in (*GAPS, *FOLDS)}))
def test_every_half_hour_of_elapsed_time_goes_on_through_every_night(name: str) -> None:
    half = timedelta(minutes=30)
    for day in {row[1] for row in (*GAPS, *FOLDS) if row[0] == name}:
        start = at(f"{day} 12:00") - timedelta(days=2)
        for recurrence in (Recurrence(start, "FREQ=MINUTELY;INTERVAL=30"), Recurrence(start, every="PT30M")):
            found = next_firings(recurrence, zone(name), Policies(), after=utc("1980-01-01"), limit=150)
            assert {later.due_at - one.due_at for one, later in pairwise(found)} == {half}
            assert len({(one.slot, one.fold) for one in found}) == 150


LEAP_DAYS = [
    (Leap.BACKWARD, "2025-02-28 2026-02-28 2027-02-28 2028-02-29 2029-02-28"),
    (Leap.FORWARD, "2025-03-01 2026-03-01 2027-03-01 2028-02-29 2029-03-01"),
    (Leap.OMIT, "2028-02-29"),
]
CENTURY = [
    (Leap.BACKWARD, "2096-02-29 2097-02-28 2098-02-28 2099-02-28 2100-02-28 2101-02-28 2104-02-29"),
    (Leap.FORWARD, "2096-02-29 2097-03-01 2098-03-01 2099-03-01 2100-03-01 2101-03-01 2104-02-29"),
    (Leap.OMIT, "2096-02-29 2104-02-29"),
]


@pytest.mark.parametrize(
    ("first", "last", "leap", "expected"),
    [("2025", "2030", *row) for row in LEAP_DAYS] + [("2096", "2105", *row) for row in CENTURY],
)
def test_29_february_year_by_year(first: str, last: str, leap: Leap, expected: str) -> None:
    yearly = Recurrence(at("1992-02-29 09:00"), "FREQ=YEARLY")
    found = firings(
        yearly,
        zone("Europe/Berlin"),
        Policies(leap=leap),
        after=utc(f"{first}-01-01"),
        before=utc(f"{last}-01-01"),
    )
    days = [str(one.slot.date()) for one in found]
    assert [day for day in days if not day.startswith(("2102", "2103"))] == expected.split()


def test_the_31st_of_each_month_never_drifts() -> None:
    def days(leap: Leap) -> list[str]:
        monthly = Recurrence(at("2024-01-31 09:00"), "FREQ=MONTHLY")
        found = next_firings(monthly, zone("UTC"), Policies(leap=leap), after=utc("2025-01-01"), limit=12)
        return [f"{one.slot:%m-%d}" for one in found]

    backward = "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31"
    forward = "01-31 03-01 03-31 05-01 05-31 07-01 07-31 08-31 10-01 10-31 12-01 12-31"
    assert days(Leap.BACKWARD) == backward.split()
    assert days(Leap.FORWARD) == forward.split()
    assert days(Leap.OMIT)[:7] == ["01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"]


def test_the_year_when_dates_turn_over_in_apia_loses_one_day_alone() -> None:
    daily = Recurrence(datetime(2011, 12, 28, 9), "FREQ=DAILY")
    found = next_firings(daily, zone("Pacific/Apia"), Policies(), after=utc("2011-12-01"), limit=4)
    assert [one.due_at for one in found] == [utc(f"{day} {hour}") for day, hour in (
        ("2011-12-28", "19:00"), ("2011-12-29", "19:00"), ("2011-12-30", "19:00"), ("2011-12-31", "19:00"),
    )]  # fmt: skip
