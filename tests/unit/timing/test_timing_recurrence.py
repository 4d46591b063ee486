"""Firings of daily and larger frequencies: tables of the nasty cases."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from events.timing import (
    Fold,
    Gap,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    firings,
    next_firings,
    zone,
)

LATEST = datetime.max.replace(tzinfo=UTC)
NEW_YORK = "America/New_York"
ALL_HOURS = ",".join(map(str, range(24)))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return at(text).replace(tzinfo=UTC)


def slots(
    start: str,
    rrule: str,
    limit: int,
    *,
    after: str = "0001-01-03",
    name: str = "UTC",
    offset: int = 0,
    **policies: str,
) -> list[str]:
    """The first slots at or after an instant, as text."""
    chosen = Policies(
        gap=Gap(policies.get("gap", "shift")),
        fold=Fold(policies.get("fold", "first")),
        leap=Leap(policies.get("leap", "omit")),
    )
    found = next_firings(
        Recurrence(at(start), rrule, offset), zone(name), chosen, after=utc(after), limit=limit
    )
    return [one.slot.isoformat(" ").removesuffix(" 00:00:00").removesuffix(":00") for one in found]


def notes(
    recurrence: Recurrence, policies: Policies, after: str, limit: int, name: str = NEW_YORK
) -> list[str]:
    return [one.note for one in next_firings(recurrence, zone(name), policies, after=utc(after), limit=limit)]


def test_a_moved_day_is_noted() -> None:
    def leap_note(start: str, rrule: str, leap: Leap, after: str) -> str:
        return notes(Recurrence(at(start), rrule), Policies(leap=leap), after, 1)[0]

    assert leap_note("2024-02-29", "FREQ=YEARLY", Leap.BACKWARD, "2025-01-01") == (
        "leap: 29 February observed on 28 February"
    )
    assert leap_note("2024-02-29", "FREQ=YEARLY", Leap.FORWARD, "2025-01-01") == (
        "leap: 29 February observed on 1 March"
    )
    assert leap_note("2025-03-31", "FREQ=MONTHLY", Leap.BACKWARD, "2025-04-02") == (
        "leap: 31 April observed on 30 April"
    )
    assert leap_note("2024-02-29", "FREQ=YEARLY", Leap.BACKWARD, "2028-01-01") == ""


def test_a_day_may_be_moved_into_a_gap_and_both_are_noted() -> None:
    # Paraguay's summer began at midnight on 1 October 1993.
    monthly = Recurrence(at("1993-01-31 00:30"), "FREQ=MONTHLY")
    (october,) = notes(monthly, Policies(leap=Leap.FORWARD), "1993-09-02", 1, "America/Asuncion")
    assert october == (
        "leap: 31 September observed on 1 October; gap: 00:30 does not exist, shifted to 01:30"
    )


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (Policies(gap=Gap.SHIFT), ["2025-03-08 07:30", "2025-03-09 07:30", "2025-03-10 06:30"]),
        (Policies(gap=Gap.NEXT_VALID), ["2025-03-08 07:30", "2025-03-09 07:00", "2025-03-10 06:30"]),
        (Policies(gap=Gap.PREVIOUS_VALID), ["2025-03-08 07:30", "2025-03-09 06:59:59", "2025-03-10 06:30"]),
        (Policies(gap=Gap.SKIP), ["2025-03-08 07:30", "2025-03-10 06:30", "2025-03-11 06:30"]),
    ],
)
def test_a_daily_rule_goes_through_the_gap_of_new_york(policies: Policies, expected: list[str]) -> None:
    rule = Recurrence(at("2025-01-01 02:30"), "FREQ=DAILY")
    found = next_firings(rule, zone(NEW_YORK), policies, after=utc("2025-03-08 01:00"), limit=3)
    assert [one.due_at for one in found] == [utc(text) for text in expected]


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (Fold.FIRST, [("2025-11-02 05:30", 0), ("2025-11-03 06:30", 0)]),
        (Fold.SECOND, [("2025-11-02 06:30", 1), ("2025-11-03 06:30", 0)]),
        (Fold.BOTH, [("2025-11-02 05:30", 0), ("2025-11-02 06:30", 1), ("2025-11-03 06:30", 0)]),
    ],
)
def test_a_daily_rule_goes_through_the_fold_of_new_york(fold: Fold, expected: list[tuple[str, int]]) -> None:
    rule = Recurrence(at("2025-01-01 01:30"), "FREQ=DAILY")
    window = {"after": utc("2025-11-02 00:00"), "before": utc("2025-11-04 00:00")}
    found = firings(rule, zone(NEW_YORK), Policies(fold=fold), **window)
    assert [(one.due_at, one.fold) for one in found] == [(utc(text), n) for text, n in expected]


def test_both_passes_of_a_fold_are_in_order_of_their_instants() -> None:
    rule = Recurrence(at("2025-11-02 01:00"), "FREQ=DAILY;BYHOUR=1;BYMINUTE=0,30")
    found = next_firings(rule, zone(NEW_YORK), Policies(fold=Fold.BOTH), after=utc("2025-11-02"), limit=4)
    assert [(one.slot.minute, one.fold) for one in found] == [(0, 0), (30, 0), (0, 1), (30, 1)]


@pytest.mark.parametrize(
    ("gap", "kept", "met"),
    [
        (Gap.SHIFT, "02:30", "03:30"),
        (Gap.NEXT_VALID, "02:30", "03:00"),
    ],
)
def test_two_slots_that_meet_in_one_instant_fire_once_as_the_earlier(gap: Gap, kept: str, met: str) -> None:
    hour, minute = met.split(":")
    rule = Recurrence(at("2025-03-09 02:30"), f"FREQ=DAILY;BYHOUR=2,{hour};BYMINUTE=30,{minute}")
    found = next_firings(rule, zone(NEW_YORK), Policies(gap=gap), after=utc("2025-03-09"), limit=10)
    assert len({one.due_at for one in found}) == 10
    merged = next(one for one in found if f"also stands for 2025-03-09 {met}" in one.note)
    assert merged.slot == at(f"2025-03-09 {kept}")
    assert at(f"2025-03-09 {met}") not in [one.slot for one in found]


def test_a_slot_moved_back_meets_the_one_that_was_there() -> None:
    rule = Recurrence(at("2025-03-09 01:59:59"), "FREQ=DAILY;BYHOUR=1,2")
    policies = Policies(gap=Gap.PREVIOUS_VALID)
    first, second = next_firings(rule, zone(NEW_YORK), policies, after=utc("2025-03-09"), limit=2)
    assert (first.slot, first.note) == (at("2025-03-09 01:59:59"), "also stands for 2025-03-09 02:59:59")
    assert second.slot == at("2025-03-10 01:59:59")


def test_the_day_that_samoa_left_out_meets_the_next_once() -> None:
    rule = Recurrence(at("2011-12-28 09:00"), "FREQ=DAILY")
    apia = zone("Pacific/Apia")
    found = next_firings(rule, apia, Policies(), after=utc("2011-12-28"), limit=4)
    assert [one.slot.day for one in found] == [28, 29, 30, 1]
    assert "shifted to 2011-12-31 09:00; also stands for 2011-12-31 09:00" in found[2].note
    skipped = next_firings(rule, apia, Policies(gap=Gap.SKIP), after=utc("2011-12-28"), limit=4)
    assert [one.slot.day for one in skipped] == [28, 29, 31, 1]


@pytest.mark.parametrize(("offset", "expected"), [(-3, "2025-02-25"), (0, "2025-02-28"), (10, "2025-03-10")])
def test_the_offset_counts_days_from_the_slot_after_the_leap_policy(offset: int, expected: str) -> None:
    assert slots("2024-02-29", "FREQ=YEARLY", 1, after="2025-01-01", leap="backward", offset=offset) == [
        expected
    ]


def test_the_offset_applies_to_a_single_date_too() -> None:
    assert slots("2025-12-31 09:00", "", 2, offset=-3) == ["2025-12-28 09:00"]


def test_until_ends_the_recurrence_and_not_what_an_offset_makes_of_it() -> None:
    for until in ("20250103", "20250103T090000", "20250103T140000Z"):
        rrule = f"FREQ=DAILY;UNTIL={until}"
        assert slots("2025-01-01 09:00", rrule, 9, name=NEW_YORK, offset=30)[-1] == "2025-02-02 09:00", until


def test_an_until_in_utc_is_an_instant_and_a_local_one_is_wall_time() -> None:
    assert slots("2025-01-01 22:00", "FREQ=DAILY;UNTIL=20250103T020000Z", 9, name=NEW_YORK)[-1] == (
        "2025-01-01 22:00"
    )
    assert slots("2025-01-01 22:00", "FREQ=DAILY;UNTIL=20250103T030000Z", 9, name=NEW_YORK)[-1] == (
        "2025-01-02 22:00"
    )
    assert slots("2025-01-01 22:00", "FREQ=DAILY;UNTIL=20250103T215959", 9, name=NEW_YORK)[-1] == (
        "2025-01-02 22:00"
    )


def test_the_window_has_its_start_and_not_its_end() -> None:
    rule = Recurrence(at("2025-01-01 09:00"), "FREQ=DAILY")
    found = firings(
        rule, zone("UTC"), Policies(), after=utc("2025-01-02 09:00"), before=utc("2025-01-04 09:00")
    )
    assert [one.due_at.day for one in found] == [2, 3]
    empty = {"after": utc("2025-01-02 09:00"), "before": utc("2025-01-02 09:00")}
    assert list(firings(rule, zone("UTC"), Policies(), **empty)) == []


def test_nothing_fires_before_dtstart_nor_for_a_limit_of_none() -> None:
    assert slots("2025-01-02", "FREQ=DAILY", 1) == ["2025-01-02"]
    assert slots("2025-01-02", "FREQ=DAILY", 0) == []
    assert slots("2025-01-02", "FREQ=DAILY", -1) == []


def test_firings_are_produced_lazily() -> None:
    rule = Recurrence(at("2025-01-01"), "FREQ=DAILY;BYHOUR=" + ALL_HOURS)
    endless = firings(rule, zone("UTC"), Policies(), after=utc("2025-01-01"), before=LATEST)
    assert [one.slot.hour for one in islice(endless, 3)] == [0, 1, 2]


def test_a_malformed_rule_is_refused_before_anything_is_asked_of_it() -> None:
    with pytest.raises(InvalidRecurrence):
        firings(
            Recurrence(at("2025-01-01"), "FREQ=X"),
            zone("UTC"),
            Policies(),
            after=utc("2025-01-01"),
            before=LATEST,
        )


def test_the_recurrence_ends_where_the_calendar_does() -> None:
    assert slots("9999-12-30 20:00", "FREQ=DAILY", 5, after="9999-12-30", name=NEW_YORK) == [
        "9999-12-30 20:00"
    ]
    assert slots("9999-12-20", "FREQ=WEEKLY", 5, after="9999-12-01", name="Asia/Tokyo") == [
        "9999-12-20",
        "9999-12-27",
    ]
    assert slots("9999-11-30", "FREQ=MONTHLY;COUNT=9", 5, after="9999-11-01") == ["9999-11-30", "9999-12-30"]
    moved = slots("9999-11-30", "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=9", 5, after="9999-11-01", leap="forward")
    assert moved == ["9999-12-01", "9999-12-31"]
    assert slots("9999-12-30", "FREQ=WEEKLY;COUNT=2", 5, after="9999-11-01") == ["9999-12-30"]
    assert slots("9999-12-30", "FREQ=DAILY", 5, after="9999-11-01", offset=1) == ["9999-12-31"]
    assert slots("9998-02-28", "FREQ=YEARLY;BYDAY=MO;COUNT=9999;BYMONTHDAY=1", 9, after="9998-01-01") == [
        "9998-06-01",
        "9999-02-01",
        "9999-03-01",
        "9999-11-01",
    ]


def test_the_first_week_of_the_calendar_is_whole() -> None:
    tz = zone("UTC")
    rule = Recurrence(at("0001-01-01"), "FREQ=WEEKLY;BYDAY=SU,MO;WKST=TH")
    found = next_firings(rule, tz, Policies(), after=datetime.min.replace(tzinfo=UTC), limit=2)
    assert [one.slot.day for one in found] == [1, 7]
    weeks = Recurrence(at("0001-01-01"), "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO")
    assert (
        next_firings(weeks, tz, Policies(), after=datetime.min.replace(tzinfo=UTC), limit=1)[0].slot.day == 1
    )


def test_a_window_that_reaches_the_ends_of_the_calendar_is_no_error() -> None:
    rule = Recurrence(at("2025-01-01"), "FREQ=YEARLY;COUNT=2")
    for name in ("Asia/Tokyo", NEW_YORK):
        window = {"after": datetime.min.replace(tzinfo=UTC), "before": LATEST}
        assert len(list(firings(rule, zone(name), Policies(), **window))) == 2


def test_microseconds_of_dtstart_stay_on_every_slot() -> None:
    rule = Recurrence(at("2025-01-01 09:00:00.000001"), "FREQ=DAILY;BYHOUR=9,10")
    found = next_firings(rule, zone("UTC"), Policies(), after=utc("2025-01-01"), limit=3)
    assert {one.due_at.microsecond for one in found} == {1}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=365 * 120)])
def test_a_window_far_from_dtstart_is_the_same_as_a_near_one(late: timedelta) -> None:
    start = at("1900-01-01 09:00")
    near = Recurrence(start + timedelta(days=14 * (late.days // 14)), "FREQ=WEEKLY;INTERVAL=2")
    far = Recurrence(start, "FREQ=WEEKLY;INTERVAL=2")
    window = {"after": near.dtstart.replace(tzinfo=UTC), "limit": 20}
    found, expected = (
        next_firings(one, zone("Europe/Berlin"), Policies(), **window)  # type: ignore[arg-type]
        for one in (far, near)
    )
    assert found == expected
