"""Slots on closed days: skipped, or moved to a business day."""

from datetime import date, datetime, timedelta

import pytest

from events.models import Occurrence
from events.timing import (
    BusinessDays,
    InvalidRecurrence,
    Policies,
    Recurrence,
    Roll,
    firings,
    next_firings,
    zone,
)
from events.timing.recurrence import LONGEST_NOTE, Firing
from events.timing.wall_firings import met
from tests.unit.timing.reading import NEW_YORK, WEEKEND, at, due, utc

HOLIDAYS = frozenset({date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)})


@pytest.mark.parametrize(
    ("roll", "expected"),
    [
        (Roll.SKIP, ["2025-12-24", "2025-12-29", "2025-12-30"]),
        (Roll.NEXT, ["2025-12-24", "2025-12-29", "2025-12-30"]),
        (Roll.PREVIOUS, ["2025-12-24", "2025-12-29", "2025-12-30"]),
    ],
)
def test_daily_slots_meet_on_the_business_days(roll: Roll, expected: list[str]) -> None:
    daily = Recurrence(at("2025-12-24"), "FREQ=DAILY", business_days=BusinessDays(HOLIDAYS, WEEKEND, roll))
    assert due(daily, 3) == expected


def test_what_met_on_a_business_day_is_noted_and_keeps_its_slot() -> None:
    daily = Recurrence(
        at("2025-12-24 09:00"), "FREQ=DAILY", business_days=BusinessDays(HOLIDAYS, WEEKEND, Roll.NEXT)
    )
    found = next_firings(daily, zone("UTC"), Policies(), after=utc("2025-12-25"), limit=1)[0]
    assert (found.slot, found.due_at) == (at("2025-12-25 09:00"), utc("2025-12-29 09:00"))
    assert found.note == (
        "closed: 2025-12-25 is no business day, observed on 2025-12-29; also stands for 2025-12-26 09:00:00; "
        "also stands for 2025-12-27 09:00:00; also stands for 2025-12-28 09:00:00; also stands for 1 more"
    )


@pytest.mark.parametrize("closed", [2, 5, 12, 30])
@pytest.mark.parametrize("roll", [Roll.NEXT, Roll.PREVIOUS])
def test_a_note_keeps_to_its_length_however_many_meet(roll: Roll, closed: int) -> None:
    holidays = frozenset(at("2026-03-02").date() + timedelta(days=n) for n in range(closed))
    daily = Recurrence(
        at("2026-03-01 09:00"), "FREQ=DAILY", business_days=BusinessDays(holidays, frozenset(), roll)
    )
    found = next_firings(daily, zone("UTC"), Policies(), after=utc("2026-03-01"), limit=2)
    (busy,) = (one for one in found if one.note)
    named = busy.note.count("also stands for 202")
    more = int(busy.note.split()[-2]) if busy.note.endswith(" more") else 0
    assert named + more == closed
    assert len(busy.note) <= LONGEST_NOTE
    assert more > 0 or closed <= 5


def test_a_note_that_is_too_long_by_itself_is_cut() -> None:
    one, other = (Firing(at(f"2026-03-0{n} 09:00"), 0, utc("2026-03-02"), "x" * LONGEST_NOTE) for n in (1, 2))
    assert met(one, other).note == "x" * LONGEST_NOTE
    field = Occurrence._meta.get_field("note")
    assert field.max_length == LONGEST_NOTE


@pytest.mark.parametrize(
    ("roll", "expected"),
    [(Roll.NEXT, "2026-02-02"), (Roll.PREVIOUS, "2026-01-30"), (Roll.SKIP, "2026-03-31")],
)
def test_the_last_day_of_a_month_moves_to_a_business_day(roll: Roll, expected: str) -> None:
    monthly = Recurrence(
        at("2026-01-31"), "FREQ=MONTHLY;BYMONTHDAY=-1", business_days=BusinessDays(weekend=WEEKEND, roll=roll)
    )
    assert due(monthly, 1) == [expected]


def test_times_of_several_days_are_in_order_on_the_day_that_they_meet_on() -> None:
    days = BusinessDays(weekend=WEEKEND, roll=Roll.NEXT)
    twice = Recurrence(
        at("2026-01-31 10:00"), rdates=(at("2026-02-01 08:00"), at("2026-02-02 09:00")), business_days=days
    )
    assert due(twice) == ["2026-02-02 08:00", "2026-02-02 09:00", "2026-02-02 10:00"]


@pytest.mark.parametrize("roll", [Roll.NEXT, Roll.PREVIOUS])
def test_a_window_with_moved_days_is_the_union_of_its_parts(roll: Roll) -> None:
    twice = Recurrence(
        at("2025-12-01 22:00"), "FREQ=DAILY;BYHOUR=1,22", business_days=BusinessDays(HOLIDAYS, WEEKEND, roll)
    )
    start, end = utc("2025-12-20"), utc("2026-01-10")

    def within(first: datetime, last: datetime) -> list[object]:
        return list(firings(twice, zone("Asia/Tokyo"), Policies(), after=first, before=last))

    expected = within(start, end)
    for hours in range(1, 21 * 24, 5):
        middle = start + timedelta(hours=hours)
        assert within(start, middle) + within(middle, end) == expected


def test_a_slot_is_not_moved_over_more_than_a_month() -> None:
    closed = frozenset(date(2025, 1, 1) + timedelta(days=n) for n in range(40))
    daily = Recurrence(at("2025-01-01"), "FREQ=DAILY", business_days=BusinessDays(closed, roll=Roll.NEXT))
    found = next_firings(daily, zone("UTC"), Policies(), after=utc("2025-01-01"), limit=1)[0]
    assert (found.slot.date(), found.due_at) == (date(2025, 1, 10), utc("2025-02-10"))


def test_where_the_calendar_ends_nothing_is_moved_beyond_it() -> None:
    for roll, start in ((Roll.NEXT, "9999-12-25"), (Roll.PREVIOUS, "0001-01-01")):
        closed = frozenset({at(start).date() + timedelta(days=n) for n in range(7)})
        daily = Recurrence(at(start), "FREQ=DAILY;COUNT=3", business_days=BusinessDays(closed, roll=roll))
        assert due(daily) == []


def test_hours_and_instants_on_closed_days_are_skipped() -> None:
    days = BusinessDays(frozenset({date(2025, 1, 2)}))
    hourly = Recurrence(at("2025-01-01 12:00"), "FREQ=HOURLY;INTERVAL=12", business_days=days)
    assert due(hourly, 2) == ["2025-01-01 12:00", "2025-01-03"]
    put_in = Recurrence(
        at("2025-01-01"), rdates=(utc("2025-01-02 04:00"), utc("2025-01-02 06:00")), business_days=days
    )
    assert due(put_in, name=NEW_YORK) == ["2025-01-01 05:00", "2025-01-02 04:00"]


def test_hours_step_over_closed_days_and_go_on_with_the_first_hour_of_the_next_open_one() -> None:
    hourly = Recurrence(
        at("2025-12-24 22:00"), "FREQ=HOURLY", business_days=BusinessDays(HOLIDAYS, WEEKEND, Roll.SKIP)
    )
    found = next_firings(hourly, zone("Europe/Berlin"), Policies(), after=utc("2025-12-01"), limit=4)
    assert [str(one.slot) for one in found] == [
        "2025-12-24 22:00:00", "2025-12-24 23:00:00", "2025-12-29 00:00:00", "2025-12-29 01:00:00",
    ]  # fmt: skip


def test_hours_that_end_within_closed_days_end_there() -> None:
    days = BusinessDays(HOLIDAYS, WEEKEND, Roll.SKIP)
    hourly = Recurrence(at("2025-12-24 22:00"), "FREQ=HOURLY;UNTIL=20251227T120000Z", business_days=days)
    assert due(hourly, 9) == ["2025-12-24 22:00", "2025-12-24 23:00"]


def test_hours_of_closed_weekdays_alone_are_refused_in_bounded_time() -> None:
    days = BusinessDays(frozenset(), frozenset({0}), Roll.SKIP)
    mondays = Recurrence(at("2025-12-24 09:00"), "FREQ=HOURLY;BYDAY=MO", business_days=days)
    with pytest.raises(InvalidRecurrence, match="400 days in a row on which it would fire are closed"):
        next_firings(mondays, zone("UTC"), Policies(), after=utc("2025-12-01"), limit=1)


def test_hours_on_the_closed_last_day_of_the_calendar_end_with_it() -> None:
    days = BusinessDays(frozenset({date.max}), frozenset(), Roll.SKIP)
    hourly = Recurrence(at("9999-12-30 23:00"), "FREQ=HOURLY", business_days=days)
    found = firings(hourly, zone("UTC"), Policies(), after=utc("9999-12-30"), before=utc("9999-12-31 23:59"))
    assert [str(one.slot) for one in found] == ["9999-12-30 23:00:00"]
