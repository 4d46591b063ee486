"""Recurrences as sentences."""

from datetime import UTC, date, datetime

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
    in_words,
)
from tests.unit.timing.reading import WEEKEND, at
from tests.unit.timing.sentences import CRONS, DURATIONS, RULES

START = at("2025-01-06 09:00")
GAP = "; in the spring gap at 10:00"


def words(recurrence: Recurrence, policies: Policies | None = None) -> str:
    return in_words(recurrence, policies or Policies()).replace("in each person's zone", "Z")


@pytest.mark.parametrize(("rrule", "expected"), RULES)
def test_a_rule_reads_back(rrule: str, expected: str) -> None:
    assert words(Recurrence(START, rrule)).removesuffix(GAP) == expected


@pytest.mark.parametrize(("expression", "expected"), CRONS)
def test_an_expression_reads_back(expression: str, expected: str) -> None:
    assert words(Recurrence(START, cron=expression)) == expected


@pytest.mark.parametrize(("duration", "expected"), DURATIONS)
def test_an_interval_reads_back(duration: str, expected: str) -> None:
    assert words(Recurrence(START, every=duration)).removesuffix(GAP) == expected


def test_the_zone_and_the_gap_are_named() -> None:
    monthly = Recurrence(START, "FREQ=MONTHLY;BYDAY=1MO")
    assert (
        in_words(monthly) == "every first Monday at 09:00 in each person's zone; in the spring gap at 10:00"
    )
    assert in_words(monthly, timezone="Europe/Berlin") == (
        "every first Monday at 09:00 in Europe/Berlin; in the spring gap at 10:00"
    )
    assert words(Recurrence(at("2025-01-06 23:30:05"), "FREQ=DAILY")) == (
        "every day at 23:30:05 Z; in the spring gap at 00:30:05"
    )


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (Policies(), "; in the spring gap at 10:00"),
        (Policies(gap=Gap.NEXT_VALID), "; in the spring gap as soon as it is over"),
        (Policies(gap=Gap.PREVIOUS_VALID), "; in the spring gap just before it"),
        (Policies(gap=Gap.SKIP), "; in the spring gap not at all"),
        (Policies(fold=Fold.SECOND), "; in the spring gap at 10:00; in the autumn fold the second time"),
        (Policies(fold=Fold.BOTH), "; in the spring gap at 10:00; in the autumn fold both times"),
    ],
)
def test_the_policies_of_gap_and_fold_read_back(policies: Policies, expected: str) -> None:
    assert words(Recurrence(START), policies) == f"once, on 2025-01-06 at 09:00 Z{expected}"
    assert words(Recurrence(START, "FREQ=HOURLY"), policies) == "every hour, counted from 2025-01-06 09:00 Z"


@pytest.mark.parametrize(
    ("start", "rrule", "leap", "expected"),
    [
        ("2024-02-29", "FREQ=YEARLY", Leap.OMIT, "not at all"),
        ("2024-02-29", "FREQ=YEARLY", Leap.BACKWARD, "on its last day"),
        ("2024-02-29", "FREQ=YEARLY", Leap.FORWARD, "on the 1st of the next"),
        ("2024-01-31", "FREQ=MONTHLY", Leap.BACKWARD, "on its last day"),
        ("2024-01-31", "FREQ=MONTHLY;SKIP=FORWARD", Leap.BACKWARD, "on the 1st of the next"),
        ("2024-01-31", "FREQ=YEARLY;BYMONTH=4", Leap.BACKWARD, "on its last day"),
        ("2024-01-31", "FREQ=YEARLY", Leap.BACKWARD, ""),
        ("2024-01-31", "FREQ=MONTHLY;BYDAY=1MO", Leap.BACKWARD, ""),
        ("2024-01-31", "FREQ=MONTHLY;BYMONTHDAY=-1", Leap.BACKWARD, ""),
        ("2024-01-31", "FREQ=DAILY;BYMONTHDAY=31", Leap.BACKWARD, ""),
    ],
)
def test_what_becomes_of_missing_days_reads_back(start: str, rrule: str, leap: Leap, expected: str) -> None:
    said = words(Recurrence(at(start), rrule), Policies(leap=leap))
    assert said.partition("where a month lacks the day, ")[2].partition(";")[0] == expected


def test_everything_else_of_a_set_reads_back() -> None:
    assert words(
        Recurrence(
            at("2024-02-29 02:30"),
            "FREQ=YEARLY",
            -3,
            rdates=(at("2025-01-01 10:00"),),
            exdates=(date(2028, 2, 29), date(2032, 2, 29)),
        )
    ) == (
        "3 days before: every year on 29 February at 02:30 Z, and on 2025-01-01 10:00, "
        "except on 2028-02-29 and 2032-02-29; where a month lacks the day, not at all; in the spring gap at 03:30"
    )
    assert words(Recurrence(START, "FREQ=DAILY", 1, exdates=(date(2025, 1, 7),) * 4)) == (
        "1 day after: every day at 09:00 Z, except on 4 dates; in the spring gap at 10:00"
    )
    assert words(Recurrence(START, "FREQ=DAILY", more_rrules=("FREQ=HOURLY",))) == (
        "every day at 09:00 Z and every hour, counted from 2025-01-06 09:00 Z; in the spring gap at 10:00"
    )


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (
            BusinessDays(weekend=WEEKEND, roll=Roll.NEXT),
            "moved to the next business day (Saturday and Sunday)",
        ),
        (
            BusinessDays(weekend=frozenset({4}), roll=Roll.PREVIOUS),
            "moved to the business day before (Friday)",
        ),
        (BusinessDays(frozenset({date(2025, 1, 1)})), "; not on closed days"),
    ],
)
def test_business_days_read_back(days: BusinessDays, expected: str) -> None:
    assert words(Recurrence(START, "FREQ=DAILY", business_days=days)).endswith(expected)


def test_instants_have_no_zone_and_no_gap() -> None:
    instant = datetime(2025, 1, 6, 9, tzinfo=UTC)
    assert words(Recurrence(instant)) == "once, on 2025-01-06 at 09:00 UTC"
    assert words(Recurrence(instant, rdates=(instant,))) == (
        "once, on 2025-01-06 at 09:00 UTC, and on 2025-01-06 09:00 UTC"
    )
    assert words(Recurrence(instant, every="PT1H")) == "every hour, counted from 2025-01-06 09:00 UTC"
    assert words(Recurrence(instant, rdates=(START,))).endswith("; in the spring gap at 10:00")


def test_what_is_malformed_is_refused_here_too() -> None:
    with pytest.raises(InvalidRecurrence):
        in_words(Recurrence(START, "FREQ=FORTNIGHTLY"))
