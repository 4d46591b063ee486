"""Slots of daily and larger frequencies: the examples of RFC 5545, and the days that months lack."""

from datetime import UTC, date, datetime, timedelta

import pytest

from events.timing import Leap, Policies, Recurrence, next_firings, wall_slots, zone
from events.timing.rule_text import parse


def slots(start: str, rrule: str, limit: int, *, after: str = "0001-01-03", leap: str = "omit") -> list[str]:
    """The first slots at or after an instant, as text."""
    recurrence = Recurrence(datetime.fromisoformat(start), rrule)
    since = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = next_firings(recurrence, zone("UTC"), Policies(leap=Leap(leap)), after=since, limit=limit)
    return [one.slot.isoformat().removesuffix("T00:00:00").removesuffix(":00") for one in found]


RFC_5545 = [
    # The examples of RFC 5545, 3.8.5.3, with DTSTART 1997-09-02 (a Tuesday) at midnight unless said.
    ("FREQ=DAILY;COUNT=3", "1997-09-02", "1997-09-02 1997-09-03 1997-09-04"),
    ("FREQ=DAILY;INTERVAL=10;COUNT=3", "1997-09-02", "1997-09-02 1997-09-12 1997-09-22"),
    ("FREQ=DAILY;UNTIL=19970903T000000Z", "1997-09-02", "1997-09-02 1997-09-03"),
    ("FREQ=DAILY;UNTIL=19970903", "1997-09-02", "1997-09-02 1997-09-03"),
    ("FREQ=DAILY;UNTIL=19970903T000000", "1997-09-02", "1997-09-02 1997-09-03"),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "1997-08-05",
        "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
    ),
    (
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "1997-08-05",
        "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
    ),
    ("FREQ=WEEKLY;BYMONTH=1;COUNT=3", "1997-09-02", "1998-01-06 1998-01-13 1998-01-20"),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=1FR", "1997-09-05", "1997-09-05 1997-10-03 1997-11-07"),
    (
        "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
        "1997-09-07",
        "1997-09-07 1997-09-28 1997-11-02 1997-11-30",
    ),
    ("FREQ=MONTHLY;COUNT=3;BYDAY=-2MO", "1997-09-22", "1997-09-22 1997-10-20 1997-11-17"),
    ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3", "1997-09-28", "1997-09-28 1997-10-29 1997-11-28"),
    ("FREQ=MONTHLY;COUNT=3;BYMONTHDAY=1,-1", "1997-09-30", "1997-09-30 1997-10-01 1997-10-31"),
    ("FREQ=MONTHLY;INTERVAL=18;COUNT=3;BYMONTHDAY=10,11", "1997-09-10", "1997-09-10 1997-09-11 1999-03-10"),
    ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "1997-09-02", "1998-02-13 1998-03-13 1998-11-13"),
    ("FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=2", "1997-09-13", "1997-09-13 1997-10-11"),
    ("FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3;COUNT=3", "1997-09-04", "1997-09-04 1997-10-07 1997-11-06"),
    (
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3",
        "1997-09-29",
        "1997-09-29 1997-10-30 1997-11-27",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "2007-01-15",
        "2007-01-15 2007-01-30 2007-02-15 2007-03-15 2007-03-30",
    ),
    ("FREQ=MONTHLY;BYMONTH=6;COUNT=2", "1997-09-02", "1998-06-02 1999-06-02"),
    ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7", "1997-06-10", "1997-06-10 1997-07-10 1998-06-10 1998-07-10"),
    (
        "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,200",
        "1997-01-01",
        "1997-01-01 1997-04-10 1997-07-19 2000-01-01",
    ),
    ("FREQ=YEARLY;BYYEARDAY=-1,-366;COUNT=3", "1999-01-01", "1999-12-31 2000-01-01 2000-12-31"),
    ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19", "1997-05-19 1998-05-18 1999-05-17"),
    ("FREQ=YEARLY;BYDAY=-1SU;COUNT=2", "1997-05-19", "1997-12-28 1998-12-27"),
    ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "1997-05-12", "1997-05-12 1998-05-11 1999-05-17"),
    ("FREQ=YEARLY;BYWEEKNO=20;COUNT=2", "1997-09-03", "1998-05-13 1999-05-19"),
    ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=3", "1997-09-02", "1997-12-29 1999-01-04 2000-01-03"),
    ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=FR;COUNT=3", "2020-06-01", "2021-01-01 2021-12-31 2022-12-30"),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=2", "1997-03-13", "1997-03-13 1997-03-20"),
    ("FREQ=YEARLY;BYMONTH=3;BYDAY=2SU;COUNT=2", "2025-01-01", "2025-03-09 2026-03-08"),
    (
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
        "1996-11-05",
        "1996-11-05 2000-11-07 2004-11-02",
    ),
    ("FREQ=DAILY;BYMONTH=1;BYMONTHDAY=-1;COUNT=2", "1997-09-02", "1998-01-31 1999-01-31"),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=2", "2096-03-01", "2104-02-29 2108-02-29"),
    (
        "FREQ=DAILY;BYHOUR=9,18;BYMINUTE=0,30;COUNT=3",
        "1997-09-02 17:59",
        "1997-09-02T18:00 1997-09-02T18:30 1997-09-03T09:00",
    ),
    ("FREQ=DAILY;BYSECOND=5,6;BYSETPOS=-1;COUNT=2", "1997-09-02", "1997-09-02T00:00:06 1997-09-03T00:00:06"),
    ("FREQ=WEEKLY;BYDAY=WE,MO,TH;WKST=TH;BYSETPOS=2;COUNT=2", "2005-02-04", "2005-02-07 2005-02-14"),
    (
        "FREQ=MONTHLY;BYDAY=FR,-1MO;COUNT=5",
        "2025-03-20",
        "2025-03-21 2025-03-28 2025-03-31 2025-04-04 2025-04-11",
    ),
]


@pytest.mark.parametrize(("rrule", "start", "expected"), RFC_5545)
def test_slots_are_those_of_rfc_5545(rrule: str, start: str, expected: str) -> None:
    assert slots(start, rrule, len(expected.split())) == expected.split()


LEAP = [
    # rrule, DTSTART, policy, from, expected
    (
        "FREQ=YEARLY",
        "2024-02-29",
        "backward",
        "2025-01-01",
        "2025-02-28 2026-02-28 2027-02-28 2028-02-29 2029-02-28",
    ),
    (
        "FREQ=YEARLY",
        "2024-02-29",
        "forward",
        "2025-01-01",
        "2025-03-01 2026-03-01 2027-03-01 2028-02-29 2029-03-01",
    ),
    ("FREQ=YEARLY", "2024-02-29", "omit", "2025-01-01", "2028-02-29 2032-02-29"),
    ("FREQ=YEARLY", "2024-02-29", "backward", "2096-01-01", "2096-02-29 2097-02-28 2098-02-28"),
    ("FREQ=YEARLY", "2024-02-29", "backward", "2100-01-01", "2100-02-28 2101-02-28"),
    (
        "FREQ=YEARLY",
        "2024-02-29",
        "forward",
        "2100-01-01",
        "2100-03-01 2101-03-01 2102-03-01 2103-03-01 2104-02-29",
    ),
    ("FREQ=YEARLY", "2024-02-29", "omit", "2096-03-01", "2104-02-29 2108-02-29"),
    ("FREQ=YEARLY;COUNT=3", "2024-02-29", "omit", "2020-01-01", "2024-02-29 2028-02-29 2032-02-29"),
    ("FREQ=YEARLY;COUNT=3", "2024-02-29", "backward", "2020-01-01", "2024-02-29 2025-02-28 2026-02-28"),
    (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "2025-06-01",
        "backward",
        "2025-01-01",
        "2026-02-28 2027-02-28 2028-02-29",
    ),
    (
        "FREQ=MONTHLY",
        "2025-01-31",
        "backward",
        "2025-01-01",
        "2025-01-31 2025-02-28 2025-03-31 2025-04-30 2025-05-31",
    ),
    (
        "FREQ=MONTHLY",
        "2025-01-31",
        "forward",
        "2025-01-01",
        "2025-01-31 2025-03-01 2025-03-31 2025-05-01 2025-05-31",
    ),
    (
        "FREQ=MONTHLY",
        "2025-01-31",
        "omit",
        "2025-01-01",
        "2025-01-31 2025-03-31 2025-05-31 2025-07-31 2025-08-31",
    ),
    ("FREQ=MONTHLY", "2025-01-31", "forward", "2025-05-01", "2025-05-01 2025-05-31 2025-07-01"),
    ("FREQ=MONTHLY;INTERVAL=3", "2024-11-30", "backward", "2024-01-01", "2024-11-30 2025-02-28 2025-05-30"),
    ("FREQ=MONTHLY;COUNT=3", "2025-01-31", "omit", "2025-01-01", "2025-01-31 2025-03-31 2025-05-31"),
    ("FREQ=MONTHLY;COUNT=3", "2025-01-31", "forward", "2025-01-01", "2025-01-31 2025-03-01 2025-03-31"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31",
        "2025-02-01",
        "backward",
        "2025-02-01",
        "2025-02-28 2025-03-28 2025-03-29",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=1,31",
        "2025-02-01",
        "forward",
        "2025-02-01",
        "2025-02-01 2025-03-01 2025-03-31 2025-04-01 2025-05-01 2025-05-31",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=1,31;COUNT=4",
        "2025-02-01",
        "forward",
        "2025-02-01",
        "2025-02-01 2025-03-01 2025-03-31 2025-04-01",
    ),
    (
        "FREQ=YEARLY;BYMONTHDAY=1,31;BYMONTH=4,5",
        "2025-02-01",
        "forward",
        "2025-02-01",
        "2025-04-01 2025-05-01 2025-05-31",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=1,31;BYHOUR=9,17",
        "2025-02-02",
        "forward",
        "2025-02-01",
        "2025-03-01T09:00 2025-03-01T17:00 2025-03-31T09:00",
    ),
    (
        "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=FR",
        "2025-01-01",
        "backward",
        "2025-01-01",
        "2025-01-31 2025-02-28 2025-10-31",
    ),
    ("FREQ=MONTHLY;BYMONTHDAY=-31", "2025-01-31", "backward", "2025-01-01", "2025-03-01 2025-05-01"),
    ("FREQ=DAILY;BYMONTHDAY=31", "2025-02-01", "backward", "2025-02-01", "2025-03-31 2025-05-31"),
    (
        "FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=999999999;COUNT=2",
        "2025-06-01",
        "forward",
        "2025-01-01",
        "2025-07-01",
    ),
    ("FREQ=YEARLY;INTERVAL=9000;COUNT=2", "2024-02-29", "backward", "2020-01-01", "2024-02-29"),
]


@pytest.mark.parametrize(("rrule", "start", "leap", "after", "expected"), LEAP)
def test_days_that_their_month_lacks_follow_the_leap_policy_and_never_drift(
    rrule: str, start: str, leap: str, after: str, expected: str
) -> None:
    found = slots(start, rrule, len(expected.split()), after=after, leap=leap)
    assert found == expected.split()


@pytest.mark.parametrize("number", [1, 2, 52, 53, -1, -52, -53])
def test_weeks_are_numbered_as_iso_8601_numbers_them_in_every_kind_of_year(number: int) -> None:
    rrule = f"FREQ=YEARLY;BYWEEKNO={number};BYDAY=MO,TU,WE,TH,FR,SA,SU"
    first, last = date(1999, 1, 1), date(2399, 1, 1)
    found = slots("1999-01-01", rrule, 4000)
    expected = [
        day.isoformat()
        for day in (first + timedelta(days=n) for n in range((last - first).days))
        if day.isocalendar().week
        in {number, number + 1 + date(day.isocalendar().year, 12, 28).isocalendar().week}
    ]
    assert found[: len(expected)] == expected


def test_a_day_that_exists_is_not_noted_because_a_missing_one_moves_onto_it() -> None:
    for days_of_month, leap in (("28,29", Leap.BACKWARD), ("1,31", Leap.FORWARD)):
        both = Recurrence(datetime.fromisoformat("2025-01-01"), f"FREQ=MONTHLY;BYMONTHDAY={days_of_month}")
        after = datetime(2025, 2, 2, tzinfo=UTC)
        found = next_firings(both, zone("UTC"), Policies(leap=leap), after=after, limit=1)
        assert found[0].note == ""


def test_a_day_moved_into_the_next_month_is_found_from_there() -> None:
    rule = parse("FREQ=MONTHLY;BYMONTHDAY=31")
    dtstart, start = datetime.fromisoformat("2025-01-31 09:00"), datetime.fromisoformat("2025-03-01 09:00")
    found = wall_slots.slots(rule, dtstart, Leap.FORWARD, start=start, end=start)
    assert list(found) == [[(start, 31)]]


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=DAILY;BYDAY=MO,TH", "2025-01-06 2025-01-09 2025-01-13"),
        ("FREQ=DAILY;BYMONTHDAY=31,-1", "2025-01-31 2025-02-28 2025-03-31"),
        ("FREQ=DAILY;BYMONTH=2,4", "2025-02-01 2025-02-02 2025-02-03"),
        ("FREQ=DAILY;BYMONTHDAY=13;BYDAY=FR", "2025-06-13 2026-02-13 2026-03-13"),
        ("FREQ=DAILY;BYMONTH=2;BYDAY=SA;COUNT=2", "2025-02-01 2025-02-08"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "2044-02-29 2072-02-29 2112-02-29"),
        ("FREQ=DAILY;INTERVAL=2;BYDAY=MO", "2025-01-13 2025-01-27 2025-02-10"),
    ],
)
def test_every_day_that_passes_its_filters_is_found_in_weeks_months_or_years(
    rrule: str, expected: str
) -> None:
    for leap in ("omit", "forward", "backward"):
        assert slots("2025-01-05", rrule, 3, leap=leap) == expected.split()


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=5MO,-5FR", "2025-01-03 2025-03-31 2025-05-02 2025-06-30"),
        ("FREQ=YEARLY;BYDAY=53MO,-53WE", "2025-01-01 2029-12-31 2031-01-01 2035-12-31"),
        ("FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=29,30", "2025-06-30 2025-09-29 2025-12-29 2026-03-30"),
    ],
)
def test_a_weekday_that_there_are_too_few_of_is_left_out(rrule: str, expected: str) -> None:
    for leap in ("omit", "forward", "backward"):
        assert slots("2025-01-01", rrule, 4, leap=leap) == expected.split()
