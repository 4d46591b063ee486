"""Recurrence sets: several rules, dates put in and left out, and SKIP."""

from datetime import UTC, date, datetime, timedelta

import pytest

from events.timing import (
    BusinessDays,
    Fold,
    Gap,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    Roll,
    check,
    firings,
    next_firings,
    zone,
)
from tests.unit.timing.reading import NEW_YORK, WEEKEND, at, due, utc

# --- several rules, and dates put in -------------------------------------------------------------------------------


def test_several_rules_are_one_set_in_order_and_each_slot_once() -> None:
    both = Recurrence(
        at("2025-01-01 09:00"),
        "FREQ=WEEKLY;BYDAY=WE;COUNT=3",
        more_rrules=("FREQ=DAILY;INTERVAL=7;COUNT=2", "FREQ=DAILY;COUNT=2"),
    )
    assert due(both) == ["2025-01-01 09:00", "2025-01-02 09:00", "2025-01-08 09:00", "2025-01-15 09:00"]
    assert [
        one.note for one in next_firings(both, zone("UTC"), Policies(), after=utc("1900-01-01"), limit=9)
    ] == [""] * 4


def test_a_rule_of_days_and_one_of_hours_meet_once() -> None:
    mixed = Recurrence(
        at("2025-01-01 00:00"), "FREQ=DAILY;COUNT=2", more_rrules=("FREQ=HOURLY;INTERVAL=12;COUNT=3",)
    )
    assert due(mixed) == ["2025-01-01", "2025-01-01 12:00", "2025-01-02"]


def test_where_slots_of_two_rules_meet_in_an_instant_the_earlier_is_kept() -> None:
    mixed = Recurrence(
        at("2025-03-09 00:30"), "FREQ=DAILY;BYHOUR=2;COUNT=1", more_rrules=("FREQ=HOURLY;COUNT=5",)
    )
    found = next_firings(mixed, zone(NEW_YORK), Policies(), after=utc("2025-03-09"), limit=9)
    assert [one.slot.hour for one in found] == [0, 1, 2, 4, 5]
    assert found[2].note == "gap: 02:30 does not exist, shifted to 03:30; also stands for 2025-03-09 03:30:00"
    back = Policies(gap=Gap.PREVIOUS_VALID)
    mixed = Recurrence(at("2025-03-09 01:59:59"), "FREQ=DAILY;BYHOUR=2", more_rrules=("FREQ=HOURLY",))
    first = next_firings(mixed, zone(NEW_YORK), back, after=utc("2025-03-09"), limit=1)[0]
    assert (first.slot, first.note) == (at("2025-03-09 01:59:59"), "also stands for 2025-03-09 02:59:59")


def test_a_set_of_rules_that_all_fire_is_accepted() -> None:
    check(Recurrence(at("2025-01-01"), "FREQ=DAILY", more_rrules=("FREQ=HOURLY", "FREQ=YEARLY")))


def test_all_slots_of_an_instant_are_named_whichever_is_the_earliest() -> None:
    back = Policies(gap=Gap.PREVIOUS_VALID)
    mixed = Recurrence(
        at("2025-03-09 01:59:59"), "FREQ=DAILY;BYHOUR=2;BYMINUTE=30,59", more_rrules=("FREQ=HOURLY",)
    )
    first = next_firings(mixed, zone(NEW_YORK), back, after=utc("2025-03-09"), limit=1)[0]
    assert first.slot == at("2025-03-09 01:59:59")
    assert first.note == "also stands for 2025-03-09 02:30:59; also stands for 2025-03-09 02:59:59"


def test_what_is_held_back_at_the_end_of_the_calendar_comes_too() -> None:
    daily = Recurrence(at("9999-12-29 09:00"), "FREQ=DAILY")
    assert len(due(daily, after="9999-12-01", policies=Policies(gap=Gap.PREVIOUS_VALID))) == 3


def test_dates_put_in_are_not_counted_and_may_be_dates_times_or_instants() -> None:
    put_in = Recurrence(
        at("2025-01-01 09:00"),
        "FREQ=DAILY;COUNT=2",
        rdates=(
            date(2025, 1, 5),
            at("2025-01-04 10:30"),
            at("2025-01-02 09:00"),
            at("2025-01-06T00:00:00+02:00"),
        ),
    )
    assert due(put_in) == [
        "2025-01-01 09:00", "2025-01-02 09:00", "2025-01-04 10:30", "2025-01-05 09:00", "2025-01-05 22:00",
    ]  # fmt: skip


def test_without_a_rule_dtstart_and_the_dates_put_in_are_the_set() -> None:
    assert due(Recurrence(at("2025-01-02"), rdates=(date(2025, 1, 1), date(2025, 1, 3)))) == [
        "2025-01-01", "2025-01-02", "2025-01-03",
    ]  # fmt: skip


def test_dates_put_in_go_by_the_policies_of_gap_and_fold() -> None:
    put_in = Recurrence(at("2025-01-01"), rdates=(at("2025-03-09 02:30"), at("2025-11-02 01:30")))
    assert due(put_in, name=NEW_YORK, after="2025-02-01") == ["2025-03-09 07:30", "2025-11-02 05:30"]
    other = Policies(gap=Gap.SKIP, fold=Fold.BOTH)
    assert due(put_in, name=NEW_YORK, after="2025-02-01", policies=other) == [
        "2025-11-02 05:30",
        "2025-11-02 06:30",
    ]


def test_an_offset_moves_what_a_rule_names_and_not_what_is_put_in() -> None:
    moved = Recurrence(at("2025-01-01"), "FREQ=DAILY;COUNT=2", 10, rdates=(date(2025, 1, 2),))
    assert due(moved) == ["2025-01-02", "2025-01-11", "2025-01-12"]


# --- left out ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exdate", "left"),
    [
        (date(2025, 1, 2), [1, 3, 4]),
        (at("2025-01-02 22:00"), [1, 3, 4]),
        (at("2025-01-02 21:00"), [1, 2, 3, 4]),
        (at("2025-01-03T03:00:00+00:00"), [1, 3, 4]),
        (at("2025-01-02T22:00:00+00:00"), [1, 2, 3, 4]),
        (date(2025, 1, 20), [1, 2, 3, 4]),
    ],
)
def test_what_is_left_out_was_counted(exdate: date, left: list[int]) -> None:
    daily = Recurrence(at("2025-01-01 22:00"), "FREQ=DAILY;COUNT=4", exdates=(exdate,))
    found = next_firings(daily, zone(NEW_YORK), Policies(), after=utc("2025-01-01"), limit=9)
    assert [one.slot.day for one in found] == left


def test_hours_are_left_out_by_instant_by_wall_time_with_both_passes_and_by_day() -> None:
    hourly = "FREQ=HOURLY;COUNT=5"
    start = at("2025-11-02 00:00")

    def left(*exdates: date) -> list[str]:
        return due(Recurrence(start, hourly, exdates=exdates), name=NEW_YORK)

    assert left() == [f"2025-11-02 0{hour}:00" for hour in (4, 5, 6, 7, 8)]
    assert left(utc("2025-11-02 06:00")) == [f"2025-11-02 0{hour}:00" for hour in (4, 5, 7, 8)]
    assert left(at("2025-11-02 01:00")) == [f"2025-11-02 0{hour}:00" for hour in (4, 7, 8)]
    assert left(date(2025, 11, 2)) == []


def test_a_slot_is_left_out_by_its_nominal_time_even_in_a_gap() -> None:
    daily = Recurrence(at("2025-03-08 02:30"), "FREQ=DAILY;COUNT=3", exdates=(at("2025-03-09 02:30"),))
    assert due(daily, name=NEW_YORK) == ["2025-03-08 07:30", "2025-03-10 06:30"]
    shown = Recurrence(at("2025-03-08 02:30"), "FREQ=DAILY;COUNT=3", exdates=(at("2025-03-09 03:30"),))
    assert len(due(shown, name=NEW_YORK)) == 3


def test_where_one_of_two_slots_that_meet_is_left_out_the_other_fires() -> None:
    twice = Recurrence(
        at("2025-03-09 02:30"), "FREQ=DAILY;BYHOUR=2,3;COUNT=2", exdates=(at("2025-03-09 02:30"),)
    )
    (only,) = next_firings(twice, zone(NEW_YORK), Policies(), after=utc("2025-03-09"), limit=9)
    assert (only.slot, only.note) == (at("2025-03-09 03:30"), "")


def test_a_window_of_a_set_is_the_union_of_its_parts() -> None:
    whole = Recurrence(
        at("2025-03-01 02:30"),
        "FREQ=DAILY",
        more_rrules=("FREQ=HOURLY;INTERVAL=5", "FREQ=MONTHLY;BYDAY=1MO"),
        rdates=(at("2025-03-09 03:30"), utc("2025-03-09 07:30")),
        exdates=(date(2025, 3, 12),),
        business_days=BusinessDays(closed=frozenset({date(2025, 3, 10)})),
    )
    start, end = utc("2025-03-05"), utc("2025-03-20")

    def within(first: datetime, last: datetime) -> list[object]:
        return list(firings(whole, zone(NEW_YORK), Policies(), after=first, before=last))

    expected = within(start, end)
    assert len(expected) > 30
    for hours in range(1, 15 * 24, 7):
        middle = start + timedelta(hours=hours)
        assert within(start, middle) + within(middle, end) == expected


# --- SKIP ----------------------------------------------------------------------------------------------------------


def test_the_rules_own_skip_wins_over_the_leap_policy() -> None:
    def days(skip: str, leap: Leap) -> list[str]:
        monthly = Recurrence(at("2014-01-31"), f"RSCALE=GREGORIAN;FREQ=MONTHLY;COUNT=3{skip}")
        return due(monthly, policies=Policies(leap=leap))

    for leap in Leap:
        assert days(";SKIP=BACKWARD", leap) == ["2014-01-31", "2014-02-28", "2014-03-31"]
        assert days(";SKIP=FORWARD", leap) == ["2014-01-31", "2014-03-01", "2014-03-31"]
        assert days(";SKIP=OMIT", leap) == ["2014-01-31", "2014-03-31", "2014-05-31"]
    assert days("", Leap.FORWARD) == days(";SKIP=FORWARD", Leap.OMIT)


def test_skip_may_differ_between_the_rules_of_a_set() -> None:
    both = Recurrence(
        at("2014-01-31"),
        "FREQ=MONTHLY;SKIP=BACKWARD;COUNT=2",
        more_rrules=("FREQ=MONTHLY;SKIP=FORWARD;COUNT=2",),
    )
    assert due(both) == ["2014-01-31", "2014-02-28", "2014-03-01"]


# --- once, as an instant -------------------------------------------------------------------------------------------


def test_once_may_be_an_instant_which_knows_its_pass_of_a_fold() -> None:
    for hour, fold in ((5, 0), (6, 1)):
        once = Recurrence(utc(f"2025-11-02 0{hour}:30"))
        check(once)
        (only,) = next_firings(
            once, zone(NEW_YORK), Policies(fold=Fold.BOTH), after=utc("2025-01-01"), limit=9
        )
        assert (only.slot, only.fold, only.due_at.hour) == (at("2025-11-02 01:30"), fold, hour)
    assert due(once, after="2025-11-02 06:30") == ["2025-11-02 06:30"]
    assert due(once, after="2025-11-02 06:31") == []


def test_hours_may_be_counted_from_an_instant() -> None:
    hourly = Recurrence(utc("2025-11-02 06:30"), "FREQ=HOURLY;COUNT=2")
    check(hourly)
    assert due(hourly, name=NEW_YORK) == ["2025-11-02 06:30", "2025-11-02 07:30"]


# --- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recurrence", "field", "said"),
    [
        (Recurrence(utc("2025-01-01"), "FREQ=DAILY"), "dtstart", "days are counted in wall time"),
        (Recurrence(utc("2025-01-01"), offset_days=1), "dtstart", "days are counted in wall time"),
        (Recurrence(at("2025-01-01"), more_rrules=("FREQ=DAILY",) * 11), "rrule", "there are 11 of them"),
        (
            Recurrence(at("2025-01-01"), more_rrules=("FREQ=DAILY;BYDAY=MO;COUNT=5001",) * 2),
            "rrule",
            "count to 10,002 together",
        ),
        (Recurrence(datetime(1, 1, 1, tzinfo=UTC)), "dtstart", "at the end of the calendar"),
        (Recurrence(at("2025-01-01"), rdates=(utc("9999-12-31"),)), "rdate", "at the end of the calendar"),
        (Recurrence(at("2025-01-01"), rdates=(date(2025, 1, 1),) * 2001), "rdate", "Keep it to 2,000"),
        (Recurrence(at("2025-01-01"), exdates=(date(2025, 1, 1),) * 2001), "exdate", "Keep it to 2,000"),
        (Recurrence(at("2025-01-01"), exdates=(date(2025, 1, 1),)), "exdate", "nothing is left"),
        (
            Recurrence(at("2025-01-01"), "FREQ=DAILY", more_rrules=("FREQ=DAILY;UNTIL=20240101",)),
            "rrule",
            "UNTIL is before DTSTART",
        ),
        (
            Recurrence(
                at("2025-01-01"), "FREQ=DAILY", business_days=BusinessDays(weekend=frozenset(range(7)))
            ),
            "business_days",
            "leaves no weekday open",
        ),
        (
            Recurrence(at("2025-01-01"), "FREQ=DAILY", business_days=BusinessDays(weekend=frozenset({7}))),
            "business_days",
            "names one that there is not",
        ),
        (
            Recurrence(
                at("2025-01-01"),
                business_days=BusinessDays(
                    frozenset(date(2025, 1, 1) + timedelta(days=n) for n in range(10_001))
                ),
            ),
            "business_days",
            "10,001 closed days",
        ),
        (
            Recurrence(at("2025-01-01"), "FREQ=WEEKLY;BYDAY=SA", business_days=BusinessDays(weekend=WEEKEND)),
            "business_days",
            "5,000 slots in a row are on closed days",
        ),
        (
            Recurrence(at("2025-01-01"), "FREQ=HOURLY", business_days=BusinessDays(roll=Roll.NEXT)),
            "business_days",
            "next business day does not go with",
        ),
        (
            Recurrence(utc("2025-01-01"), business_days=BusinessDays(roll=Roll.PREVIOUS)),
            "business_days",
            "previous business day does not go with",
        ),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(recurrence: Recurrence, field: str, said: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        check(recurrence)
    assert caught.value.field == field
    assert said in str(caught.value)
