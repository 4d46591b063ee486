"""Cron expressions: what they name, what gaps and folds mean to them, and what is refused."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from events.timing import (
    Fold,
    Gap,
    InvalidRecurrence,
    Policies,
    Recurrence,
    check,
    firings,
    next_firings,
    zone,
)
from tests.unit.timing.reading import NEW_YORK, at, due, utc


def cron(expression: str, start: str = "2025-01-01", **parts: object) -> Recurrence:
    return Recurrence(at(start), cron=expression, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 9 * * *", "01-01 09:30, 01-02 09:30"),
        ("0,30 9 * * *", "01-01 09:00, 01-01 09:30"),
        ("*/20 9 * * *", "01-01 09:00, 01-01 09:20, 01-01 09:40, 01-02 09:00"),
        ("5/20 9 * * *", "01-01 09:05, 01-01 09:25, 01-01 09:45"),
        ("0 9-17/4 * * *", "01-01 09:00, 01-01 13:00, 01-01 17:00, 01-02 09:00"),
        ("0 */6 * * *", "01-01, 01-01 06:00, 01-01 12:00, 01-01 18:00, 01-02"),
        ("* * * * *", "01-01, 01-01 00:01"),
        ("*/60 */24 * * *", "01-01, 01-02"),
        ("0 0 15 * *", "01-15, 02-15, 03-15"),
        ("0 0 31 * *", "01-31, 03-31, 05-31"),
        ("0 0 * JAN-mar mon", "01-06, 01-13"),
        ("0 0 1 2,aug *", "02-01, 08-01"),
        ("0 0 * * 0", "01-05, 01-12"),
        ("0 0 * * 7", "01-05, 01-12"),
        ("0 0 * * 5-7", "01-03, 01-04, 01-05, 01-10"),
        ("0 0 * * SAT-SUN", "01-04, 01-05, 01-11"),
        ("0 0 * * SUN-TUE", "01-05, 01-06, 01-07, 01-12"),
        ("0 0 13 * 5", "01-03, 01-10, 01-13, 01-17"),
        ("0 0 */2 * 5", "01-03, 01-17, 01-31, 02-07"),
        ("0 0 1-7 * */2", "01-02, 01-04, 01-05, 01-07, 02-01"),
        ("0 0 L * *", "01-31, 02-28, 03-31"),
        ("0 0 LW * *", "01-31, 02-28, 03-31, 04-30, 05-30"),
        ("0 0 1W 2,3,6 *", "02-03, 03-03, 06-02"),
        ("0 0 15W * *", "01-15, 02-14, 03-14, 04-15, 05-15, 06-16"),
        ("0 0 31W 5,8,11 *", "05-30, 08-29"),
        ("0 0 1,L * *", "01-01, 01-31, 02-01, 02-28"),
        ("0 0 * * MON#1", "01-06, 02-03, 03-03"),
        ("0 0 * * 1#5", "03-31, 06-30"),
        ("0 0 * * 5L", "01-31, 02-28, 03-28"),
        ("0 0 * * SUNL", "01-26, 02-23"),
        ("0 0 * * 1#1,1#3", "01-06, 01-20, 02-03"),
        ("@hourly", "01-01, 01-01 01:00"),
        ("@daily", "01-01, 01-02"),
        ("@midnight", "01-01, 01-02"),
        ("@weekly", "01-05, 01-12"),
        ("@monthly", "01-01, 02-01"),
        ("@Yearly ", "01-01"),
        ("@annually", "01-01"),
    ],
)
def test_an_expression_names_these(expression: str, expected: str) -> None:
    wanted = [f"2025-{one}" for one in expected.split(", ")]
    assert due(cron(expression), len(wanted)) == wanted
    check(cron(expression))


def test_leap_days_come_when_they_do() -> None:
    assert due(cron("0 0 29 2 *", "2096-01-01"), 2) == ["2096-02-29", "2104-02-29"]
    assert due(cron("0 0 * 2 1#5", "2025-01-01"), 1) == ["2044-02-29"]


def test_an_expression_begins_with_dtstart_and_has_whole_minutes() -> None:
    assert due(cron("*/10 * * * *", "2025-01-01 09:10:01"), 2) == ["2025-01-01 09:20", "2025-01-01 09:30"]
    assert due(cron("*/10 * * * *", "2025-01-01 09:10"), 1) == ["2025-01-01 09:10"]
    assert due(cron("30 9 * * *", "2025-01-01 10:00"), 1) == ["2025-01-02 09:30"]
    assert due(cron("@yearly", "9999-01-02")) == []


def test_dates_are_put_in_and_left_out_and_moved_as_with_rules() -> None:
    some = cron(
        "0 9 * * 1", offset_days=1, rdates=(at("2025-01-01 10:00"),), exdates=(at("2025-01-14 09:00"),)
    )
    assert due(some, 3) == ["2025-01-01 10:00", "2025-01-07 09:00", "2025-01-21 09:00"]


# --- gap and fold --------------------------------------------------------------------------------------------------


def on_the_night(expression: str, day: str, hours: tuple[int, int], **policies: str) -> list[str]:
    """What fires in New York between two hours of UTC, as HH:MM of UTC."""
    chosen = Policies(gap=Gap(policies.get("gap", "shift")), fold=Fold(policies.get("fold", "first")))
    start, end = (utc(f"{day} 00:00") + timedelta(hours=hour) for hour in hours)
    found = firings(cron(expression), zone(NEW_YORK), chosen, after=start, before=end)
    return [f"{one.due_at:%H:%M}" for one in found]


@pytest.mark.parametrize("gap", Gap)
@pytest.mark.parametrize("fold", Fold)
def test_every_hour_and_every_quarter_go_on_through_gap_and_fold(gap: Gap, fold: Fold) -> None:
    hours = ["04:00", "05:00", "06:00", "07:00", "08:00"]
    for day in ("2025-03-09", "2025-11-02"):
        assert on_the_night("0 * * * *", day, (4, 9), gap=gap, fold=fold) == hours
        assert len(on_the_night("*/15 * * * *", day, (4, 9), gap=gap, fold=fold)) == 20
        assert len(on_the_night("* * * * *", day, (4, 9), gap=gap, fold=fold)) == 300


@pytest.mark.parametrize("fold", Fold)
def test_minutes_of_a_named_hour_go_on_through_both_passes_of_a_fold(fold: Fold) -> None:
    both = ["05:00", "05:30", "06:00", "06:30"]
    assert on_the_night("*/30 1 * * *", "2025-11-02", (4, 9), fold=fold) == both


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        ("shift", ["07:00", "07:30"]),
        ("next_valid", ["07:00"]),
        ("previous_valid", ["06:59"]),
        ("skip", []),
    ],
)
def test_minutes_of_an_hour_in_a_gap_go_by_the_policy(gap: str, expected: list[str]) -> None:
    assert on_the_night("*/30 2 * * *", "2025-03-09", (4, 9), gap=gap) == expected


@pytest.mark.parametrize(
    ("expression", "policies", "expected"),
    [
        ("30 2 * * *", {}, ["07:30"]),
        ("30 2 * * *", {"gap": "next_valid"}, ["07:00"]),
        ("30 2 * * *", {"gap": "skip"}, []),
        ("0 */2 * * *", {}, ["05:00", "07:00", "08:00"]),
        ("0 2,3 * * *", {}, ["07:00"]),
    ],
)
def test_times_of_day_in_a_gap_go_by_the_policy(
    expression: str, policies: dict[str, str], expected: list[str]
) -> None:
    assert on_the_night(expression, "2025-03-09", (5, 9), **policies) == expected


@pytest.mark.parametrize(
    ("policies", "expected"),
    [({}, ["05:30"]), ({"fold": "second"}, ["06:30"]), ({"fold": "both"}, ["05:30", "06:30"])],
)
def test_times_of_day_in_a_fold_go_by_the_policy(policies: dict[str, str], expected: list[str]) -> None:
    assert on_the_night("30 1 * * *", "2025-11-02", (4, 9), **policies) == expected
    assert on_the_night("30 1/2 * * *", "2025-11-02", (4, 8), **policies) == expected


def test_a_window_of_an_expression_is_the_union_of_its_parts() -> None:
    start, end = utc("2025-11-01"), utc("2025-11-04")

    def within(first: datetime, last: datetime) -> list[object]:
        return list(firings(cron("*/7 0-4 * * *"), zone(NEW_YORK), Policies(), after=first, before=last))

    expected = within(start, end)
    for minutes in range(1, 3 * 24 * 60, 59):
        middle = start + timedelta(minutes=minutes)
        assert within(start, middle) + within(middle, end) == expected


# --- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * * *", "has 4 fields. Give five"),
        ("0 0 * * * *", "has 6 fields. Give five"),
        ("@reboot", "'@reboot' is not known. Use one of @yearly"),
        ("60 * * * *", "'60' is not valid as minutes. Use * or 0-59"),
        ("*/90 * * * *", "'*/90' is not valid as minutes"),
        ("*/0 * * * *", "'*/0' is not valid as minutes"),
        ("30-10 * * * *", "'30-10' is not valid as minutes"),
        ("*-5 * * * *", "'*-5' is not valid"),
        ("1,,2 * * * *", "'' is not valid as minutes"),
        ("٣ * * * *", "is not valid as minutes"),
        ("0 24 * * *", "'24' is not valid as hours"),
        ("0 0 0 * *", "'0' is not valid as days of the month"),
        ("0 0 32W * *", "'32' is not valid as days of the month"),
        ("0 0 0W * *", "'0' is not valid as days of the month"),
        ("0 0 WL * *", "'WL' is not valid as days of the month"),
        ("0 0 1 13 *", "'13' is not valid as months. Use * or 1-12, JAN-DEC"),
        ("0 0 1 JANUARY *", "'JANUARY' is not valid as months"),
        ("0 0 * * 8", "'8' is not valid as days of the week"),
        ("0 0 * * L", "'L' is not valid as days of the week"),
        ("0 0 * * MON#6", "'MON#6' is not valid as days of the week"),
        ("0 0 * * MON#0", "'MON#0' is not valid"),
        ("0 0 * * XYZ#1", "'XYZ' is not valid"),
        ("0 0 30 2 *", "names a day that no month has"),
        ("0 0 31W 2,4 *", "names a day that no month has"),
        ("0 0 LW * */7", "names a day that no month has"),
        ("* " * 300, "600 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_what_would_be_right(expression: str, said: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        check(cron(expression))
    assert caught.value.field == "cron"
    assert said in str(caught.value)
    assert len(str(caught.value)) < 320


def test_an_expression_goes_with_neither_a_rule_nor_an_instant() -> None:
    with pytest.raises(InvalidRecurrence, match="rrule and cron exclude each other"):
        check(cron("@daily", rrule="FREQ=DAILY"))
    with pytest.raises(InvalidRecurrence, match="days are counted in wall time"):
        check(Recurrence(utc("2025-01-01"), cron="@daily"))
    with pytest.raises(InvalidRecurrence, match="the rule never fires"):
        check(cron("@yearly", "9999-01-02"))


# --- an independent oracle -----------------------------------------------------------------------------------------


def test_in_utc_we_agree_with_cronsim() -> None:
    lines = Path(__file__).with_name("cronsim.txt").read_text("utf-8").splitlines()
    for line in lines[1:]:
        expression, start, expected = line.split(" | ")
        found = next_firings(cron(expression, start), zone("UTC"), Policies(), after=utc(start), limit=4)
        assert ", ".join(f"{one.slot:%Y-%m-%d %H:%M}" for one in found) == expected, line
    assert len(lines) == 301
