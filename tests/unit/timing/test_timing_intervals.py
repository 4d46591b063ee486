"""Intervals: ISO 8601 durations from a start, and from the last completion."""

from datetime import UTC, datetime

import pytest

from events.timing import (
    Fold,
    Gap,
    InvalidRecurrence,
    Leap,
    Policies,
    Recurrence,
    check,
    next_after_completion,
    zone,
)
from tests.unit.timing.reading import NEW_YORK, at, due, utc


def every(duration: str, start: str = "2025-01-31", **parts: object) -> Recurrence:
    return Recurrence(at(start), every=duration, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("PT30M", "01-31, 01-31 00:30, 01-31 01:00"),
        ("PT36H", "01-31, 02-01 12:00, 02-03"),
        ("PT1H30M", "01-31, 01-31 01:30"),
        ("PT90S", "01-31, 01-31 00:01:30, 01-31 00:03"),
        ("P1D", "01-31, 02-01, 02-02"),
        ("P10D", "01-31, 02-10, 02-20"),
        ("P1W", "01-31, 02-07"),
        ("P1W2D", "01-31, 02-09"),
        ("P1M", "01-31, 03-31, 05-31"),
        ("p2m", "01-31, 03-31, 05-31, 07-31"),
    ],
)
def test_a_duration_repeats_from_dtstart(duration: str, expected: str) -> None:
    wanted = [f"2025-{one}" for one in expected.split(", ")]
    assert due(every(duration), len(wanted)) == wanted
    check(every(duration))


def test_years_and_months_go_together_and_never_drift() -> None:
    assert due(every("P1Y6M"), 3) == ["2025-01-31", "2026-07-31", "2028-01-31"]
    backward = Policies(leap=Leap.BACKWARD)
    assert due(every("P1M"), 4, policies=backward) == ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]
    leap_day = every("P1Y", "2024-02-29")
    assert due(leap_day, 2) == ["2024-02-29", "2028-02-29"]
    assert due(leap_day, 3, policies=backward) == ["2024-02-29", "2025-02-28", "2026-02-28"]


def test_hours_are_elapsed_time_and_days_are_wall_time() -> None:
    day, hours = (due(every(duration, "2025-03-08 09:00"), 2, name=NEW_YORK) for duration in ("P1D", "PT24H"))
    assert day == ["2025-03-08 14:00", "2025-03-09 13:00"]
    assert hours == ["2025-03-08 14:00", "2025-03-09 14:00"]


def test_hours_may_count_from_an_instant_and_days_may_not() -> None:
    instant = datetime(2025, 11, 2, 6, 30, tzinfo=UTC)
    check(Recurrence(instant, every="PT1H"))
    assert due(Recurrence(instant, every="PT1H"), 2, name=NEW_YORK) == [
        "2025-11-02 06:30",
        "2025-11-02 07:30",
    ]
    with pytest.raises(InvalidRecurrence, match="counted in wall time"):
        check(Recurrence(instant, every="P1D"))


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        ("P", "is not a duration"),
        ("PT", "is not a duration"),
        ("P1DT", "is not a duration"),
        ("1 hour", "is not a duration"),
        ("PT1.5H", "whole numbers"),
        ("-P1D", "is not a duration"),
        ("P٣D", "is not a duration"),
        ("P" + "1" * 100 + "D", "is not a duration"),
        ("P1DT12H", "mixes months, days and hours"),
        ("P1M15D", "mixes months, days and hours"),
        ("PT0S", "no time at all"),
        ("P0D", "no time at all"),
        ("PT999999999H", "is too long"),
    ],
)
def test_what_is_no_interval_is_refused(duration: str, said: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        check(every(duration))
    assert caught.value.field == "every"
    assert said in str(caught.value)


def test_an_interval_goes_with_neither_a_rule_nor_an_offset_of_days_in_hours() -> None:
    with pytest.raises(InvalidRecurrence, match="rrule and every exclude each other"):
        check(every("P1D", rrule="FREQ=DAILY"))
    with pytest.raises(InvalidRecurrence, match="cron and every exclude each other"):
        check(every("P1D", cron="@daily"))
    with pytest.raises(InvalidRecurrence, match="an offset in days does not go with hours"):
        check(every("PT1H", offset_days=1))
    check(every("P1D", offset_days=1))


# --- from the last completion --------------------------------------------------------------------------------------


def step(duration: str, completed: str, **policies: object) -> str | None:
    found = next_after_completion(duration, utc(completed), zone(NEW_YORK), Policies(**policies))  # type: ignore[arg-type]
    return f"{found.due_at:%Y-%m-%d %H:%M:%S}" if found else None


@pytest.mark.parametrize(
    ("duration", "completed", "policies", "expected"),
    [
        ("PT1H", "2025-03-09 06:30:15", {}, "2025-03-09 07:30:15"),
        ("P1D", "2025-03-08 14:00:00", {}, "2025-03-09 13:00:00"),
        ("P1D", "2025-03-08 07:30:00", {}, "2025-03-09 07:30:00"),
        ("P1D", "2025-03-08 07:30:00", {"gap": Gap.SKIP}, "2025-03-10 06:30:00"),
        ("P1D", "2025-11-02 05:30:00", {"fold": Fold.BOTH}, "2025-11-03 06:30:00"),
        ("P1D", "2025-11-02 06:30:00", {}, "2025-11-03 06:30:00"),
        ("P1M", "2025-01-31 14:00:00", {}, "2025-03-31 13:00:00"),
        ("P1M", "2025-01-31 14:00:00", {"leap": Leap.BACKWARD}, "2025-02-28 14:00:00"),
        ("P1Y", "9999-06-01 14:00:00", {}, None),
    ],
)
def test_the_next_step_counts_from_the_completion(
    duration: str, completed: str, policies: dict[str, object], expected: str | None
) -> None:
    assert step(duration, completed, **policies) == expected
