"""A DTSTART that is nearer names the same slots as the one that it stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.timing import Leap, Policies, Recurrence, cycle_of, firings, zone

DAY = timedelta(days=1)
RULES = (
    "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;BYDAY=MO,TU", "FREQ=DAILY;BYMONTH=2,3", "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2", "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO;WKST=SU", "FREQ=MONTHLY",
    "FREQ=MONTHLY;INTERVAL=5", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=31,-1", "FREQ=YEARLY",
    "FREQ=YEARLY;INTERVAL=3", "FREQ=YEARLY;BYMONTH=2", "FREQ=YEARLY;BYMONTH=2;BYDAY=2MO", "FREQ=YEARLY;BYWEEKNO=9",
    "FREQ=YEARLY;BYWEEKNO=9;BYDAY=MO", "FREQ=YEARLY;BYYEARDAY=60", "FREQ=YEARLY;COUNT=40",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE;BYSETPOS=-1", "FREQ=MONTHLY;INTERVAL=7;BYMONTHDAY=29",
    "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,WE;BYSETPOS=2", "FREQ=MONTHLY;BYMONTH=2,8",
    "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD",
    "FREQ=YEARLY;UNTIL=20280301", "FREQ=HOURLY;INTERVAL=7",
)  # fmt: skip
ODD_DAYS = [date(1988, 2, 29), date(1900, 3, 1), date(2000, 12, 31), date(1999, 1, 31), date(2024, 2, 28)]
days = st.sampled_from(ODD_DAYS) | st.dates(date(1900, 1, 1), date(2027, 6, 1))


@given(
    rule=st.sampled_from(RULES),
    start=days,
    bound=st.dates(date(2024, 1, 1), date(2028, 12, 31)),
    leap=st.sampled_from(list(Leap)),
)
def test_from_a_nearer_start_the_same_slots_come_after_the_bound(
    rule: str, start: date, bound: date, leap: Leap
) -> None:
    begun = Recurrence(datetime.combine(start, time(9)), rrule=rule)
    near = cycle_of(begun).nearer(start, bound)
    moved = replace(begun, dtstart=datetime.combine(near, time(9)))
    assert near <= max(start, bound)
    span = {"after": datetime.combine(bound + 2 * DAY, time(), UTC)}
    span["before"] = span["after"] + 400 * DAY
    first, second = (
        list(firings(each, zone("Europe/Berlin"), Policies(leap=leap), **span)) for each in (begun, moved)
    )
    assert first == second


def test_all_who_share_a_birthday_share_a_start() -> None:
    born = [date(year, 5, 17) for year in range(1900, 2020)]
    cycle = cycle_of(Recurrence(datetime(1900, 5, 17, 9), rrule="FREQ=YEARLY"))
    assert {cycle.nearer(day, date(2027, 1, 1)) for day in born} == {date(2026, 5, 17)}


def test_all_that_begins_on_one_day_of_the_month_shares_a_start() -> None:
    begun = [date(year, month, 17) for year in (1900, 1988, 2025) for month in range(1, 13)]
    cycle = cycle_of(Recurrence(datetime(1900, 1, 17, 9), rrule="FREQ=MONTHLY"))
    assert {cycle.nearer(day, date(2027, 1, 1)) for day in begun} == {date(2026, 12, 17)}


@pytest.mark.parametrize(
    ("rrule", "start", "bound", "near"),
    [
        ("FREQ=MONTHLY", date(2000, 1, 31), date(2027, 3, 31), date(2027, 1, 31)),
        ("FREQ=MONTHLY;INTERVAL=5", date(2026, 8, 31), date(2027, 7, 1), date(2027, 1, 31)),
        ("FREQ=MONTHLY;INTERVAL=12", date(2000, 2, 29), date(2027, 7, 1), date(2024, 2, 29)),
        ("FREQ=MONTHLY", date(2027, 6, 10), date(2027, 6, 20), date(2027, 6, 10)),
        ("FREQ=YEARLY", date(2000, 2, 29), date(2027, 7, 1), date(2024, 2, 29)),
        ("FREQ=YEARLY", date(2000, 3, 1), date(2027, 7, 1), date(2026, 3, 1)),
        ("FREQ=YEARLY;INTERVAL=30", date(2000, 3, 1), date(2027, 7, 1), date(2000, 3, 1)),
    ],
)
def test_a_start_moves_to_the_latest_month_that_has_its_day(
    rrule: str, start: date, bound: date, near: date
) -> None:
    assert cycle_of(Recurrence(datetime.combine(start, time(9)), rrule=rrule)).nearer(start, bound) == near


@pytest.mark.parametrize("cron", ["0 9 * * *", "*/5 * 29 2 *"])
def test_a_cron_expression_begins_wherever_it_is_looked_at(cron: str) -> None:
    cycle = cycle_of(Recurrence(datetime(1990, 1, 1), cron=cron))
    assert cycle.nearer(date(1990, 1, 1), date(2027, 1, 1)) == date(2027, 1, 1)
