"""RRULE text: what is refused, in one helpful sentence each, and what is forgiven."""

from datetime import datetime

import pytest

from events.timing import InvalidRecurrence, Leap, Policies, Recurrence, check, period_of

ALL_MINUTES = ",".join(map(str, range(60)))
ALL_HOURS = ",".join(map(str, range(24)))


def starting(text: str, rrule: str = "", offset_days: int = 0) -> Recurrence:
    return Recurrence(datetime.fromisoformat(text), rrule, offset_days)


def refusal(recurrence: Recurrence, policies: Policies | None = None) -> InvalidRecurrence:
    with pytest.raises(InvalidRecurrence) as caught:
        check(recurrence, policies or Policies())
    assert len(str(caught.value)) < 320
    return caught.value


@pytest.mark.parametrize(
    ("rrule", "said"),
    [
        ("INTERVAL=2", "has no FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ takes one of YEARLY"),
        ("FREQ=DAILY;", "'' is not a part of an RRULE"),
        ("FREQ=DAILY;BYMOON=1", "'BYMOON=1' is not a part of an RRULE"),
        ("FREQ=MONTHLY;SKIP=SIDEWAYS", "SKIP takes one of BACKWARD, FORWARD, OMIT"),
        ("FREQ=MONTHLY;RSCALE=CHINESE;SKIP=FORWARD", "RSCALE='CHINESE' is not valid. RSCALE takes GREGORIAN"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is given twice"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL='0' is not valid"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL takes a whole number from 1"),
        ("FREQ=DAILY;INTERVAL=1.5", "INTERVAL='1.5' is not valid"),
        ("FREQ=DAILY;INTERVAL=٣", "is not valid"),
        ("FREQ=DAILY;INTERVAL=9999999999", "is not valid"),
        ("FREQ=DAILY;COUNT=0", "COUNT takes a whole number from 1"),
        ("FREQ=DAILY;COUNT=", "COUNT='' is not valid"),
        ("FREQ=DAILY;UNTIL=tomorrow", "an instant 20301231T090000Z"),
        ("FREQ=DAILY;UNTIL=20300230", "UNTIL='20300230' is not valid"),
        ("FREQ=DAILY;UNTIL=00000101", "UNTIL='00000101' is not valid"),
        ("FREQ=DAILY;UNTIL=20300101T250000Z", "is not valid"),
        ("FREQ=DAILY;WKST=XX", "WKST takes one of MO, TU"),
        ("FREQ=DAILY;BYHOUR=24", "hours from 0 to 23"),
        ("FREQ=DAILY;BYMINUTE=60", "minutes from 0 to 59"),
        ("FREQ=DAILY;BYSECOND=60", "seconds from 0 to 59"),
        ("FREQ=DAILY;BYMONTH=13", "months from 1 to 12"),
        ("FREQ=DAILY;BYMONTH=1,,2", "months from 1 to 12"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "days from 1 to 31"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "days from 1 to 31"),
        ("FREQ=YEARLY;BYYEARDAY=367", "days from 1 to 366"),
        ("FREQ=YEARLY;BYWEEKNO=54", "weeks from 1 to 53"),
        ("FREQ=WEEKLY;BYDAY=MONDAY", "weekdays such as MO,FR"),
        ("FREQ=MONTHLY;BYDAY=0MO", "weekdays such as MO,FR"),
        ("FREQ=MONTHLY;BYDAY=54MO", "weekdays such as MO,FR"),
        ("FREQ=WEEKLY;BYDAY=1MO", "an ordinal in BYDAY does not go with FREQ=WEEKLY"),
        ("FREQ=YEARLY;BYDAY=1MO;BYWEEKNO=3", "does not go with BYWEEKNO"),
        ("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO needs FREQ=YEARLY"),
        ("FREQ=MONTHLY;BYYEARDAY=3", "BYYEARDAY does not go with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS has no BY part to choose from"),
        (f"FREQ=DAILY;BYHOUR={ALL_HOURS};BYMINUTE={ALL_MINUTES};BYSECOND=0,30", "2,880 times a day"),
        ("DTSTART:20250101T000000\nRRULE:FREQ=DAILY", "more than one RRULE value"),
        ("FREQ=DAILY\rX", "more than one RRULE value"),
        ("FREQ=DAILY;DTSTART=20250101", "more than one RRULE value"),
        ("FREQ=DAILY;BYMONTH=" + "1," * 1000, "2,0"),
        ("X" * 100, "XXX...' is not a part"),
        (" ", "'' is not a part"),
    ],
)
def test_malformed_text_is_refused_with_what_would_be_right(rrule: str, said: str) -> None:
    error = refusal(starting("2025-01-01 09:00", rrule))
    assert error.field == "rrule"
    assert said in str(error)


@pytest.mark.parametrize(
    ("start", "rrule", "said"),
    [
        ("2025-01-01", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "400 of its years"),
        ("2025-01-01", "FREQ=YEARLY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=29", "400 of its years"),
        ("2025-01-01", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "4,800 of its months"),
        ("2025-01-01", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "400 of its years"),
        ("2025-01-01", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "10,000 steps"),
        ("2025-01-07", "FREQ=DAILY;INTERVAL=7;BYDAY=MO", "20,000 of its days"),
        ("2025-01-01", "FREQ=DAILY;BYDAY=MO;BYSETPOS=2", "20,000 of its days"),
        ("2025-01-01", "FREQ=HOURLY;BYMINUTE=1;BYSETPOS=2", "10,000 steps"),
        ("2025-01-01 04:00", "FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "10,000 steps"),
        ("2025-01-01", "FREQ=SECONDLY;INTERVAL=999999999;BYSECOND=59", "never fires"),
        ("2025-01-01", "FREQ=DAILY;UNTIL=20241231", "UNTIL is before DTSTART"),
        ("2025-01-01", "FREQ=HOURLY;UNTIL=20241231T235959Z", "UNTIL is before DTSTART"),
        ("2025-01-01", "FREQ=DAILY;BYDAY=MO;COUNT=20000", "COUNT=20000 takes too long"),
        (
            "2025-01-01",
            "FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=28;COUNT=9000",
            "COUNT=9000 takes too long",
        ),
        ("2025-01-01", "FREQ=HOURLY;BYHOUR=9;COUNT=2000000", "COUNT=2000000 takes too long"),
        ("2025-01-01", "FREQ=SECONDLY;BYSECOND=1;INTERVAL=7;COUNT=4999", "COUNT=4999 takes too long"),
    ],
)
def test_a_rule_that_never_fires_or_takes_too_long_is_refused(start: str, rrule: str, said: str) -> None:
    error = refusal(starting(start, rrule))
    assert error.field == "rrule"
    assert said in str(error)


@pytest.mark.parametrize(
    "rrule",
    [
        "",
        "FREQ=DAILY",
        "RRULE:FREQ=DAILY",
        "rrule:freq=weekly;byday=mo,fr",
        " FREQ=DAILY ",
        "FREQ=YEARLY;BYDAY=20MO;WKST=SU",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
        "FREQ=DAILY;COUNT=5000000",
        "FREQ=SECONDLY;COUNT=999999999",
        "FREQ=MINUTELY;COUNT=999999999;INTERVAL=999999999",
        "FREQ=DAILY;COUNT=999999999;INTERVAL=999999999",
        "FREQ=DAILY;UNTIL=99991231T235959Z",
        "FREQ=HOURLY;UNTIL=99991231",
    ],
)
def test_what_rfc_5545_allows_is_accepted(rrule: str) -> None:
    check(starting("2025-01-01 09:00", rrule))


def test_a_count_of_days_that_move_into_the_next_month_is_bounded_too() -> None:
    monthly = starting("2025-01-01", "FREQ=MONTHLY;BYMONTHDAY=1,31;COUNT=20000")
    assert "COUNT=20000 takes too long" in str(refusal(monthly, Policies(leap=Leap.FORWARD)))


def test_thirty_february_is_refused_only_where_leap_policy_omits_it() -> None:
    thirtieth = starting("2025-01-01", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    refusal(thirtieth, Policies(leap=Leap.OMIT))
    check(thirtieth, Policies(leap=Leap.BACKWARD))
    check(thirtieth, Policies(leap=Leap.FORWARD))


def test_dtstart_is_wall_time_and_an_offset_in_it_is_refused() -> None:
    assert refusal(starting("2025-01-01T09:00:00+02:00")).field == "dtstart"


def test_an_offset_of_days_is_bounded_and_needs_whole_day_frequencies() -> None:
    check(starting("2025-01-01", "FREQ=DAILY", -36_525))
    assert refusal(starting("2025-01-01", "FREQ=DAILY", 36_526)).field == "offset_days"
    assert refusal(starting("2025-01-01", "FREQ=HOURLY", -1)).field == "offset_days"


def test_an_offset_that_leaves_the_calendar_never_fires() -> None:
    assert "never fires" in str(refusal(starting("0001-01-02", "", -5)))


@pytest.mark.parametrize(
    ("rrule", "period"),
    [
        ("FREQ=YEARLY", "year"),
        ("FREQ=YEARLY;INTERVAL=4;COUNT=3", "year"),
        ("FREQ=MONTHLY;UNTIL=20300101", "month"),
        ("FREQ=WEEKLY;WKST=SU", "week"),
        ("FREQ=DAILY", "day"),
        ("", ""),
        ("FREQ=YEARLY;BYMONTH=1,7", ""),
        ("FREQ=WEEKLY;BYDAY=MO,TH", ""),
        ("FREQ=DAILY;BYHOUR=9,17", ""),
        ("FREQ=HOURLY", ""),
        ("FREQ=SECONDLY;INTERVAL=86400", ""),
        ("FREQ=YEARLY\nFREQ=MONTHLY", ""),
    ],
)
def test_a_period_is_one_of_which_a_rule_names_one_moment(rrule: str, period: str) -> None:
    assert period_of(rrule) == period


def test_the_period_of_no_rrule_is_refused() -> None:
    with pytest.raises(InvalidRecurrence):
        period_of("every year")
