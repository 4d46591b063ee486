""".ics files of holidays -> the days that they close."""

from datetime import date, timedelta

import pytest

from events.timing import InvalidRecurrence, calendar_dates

YEAR = (date(2025, 1, 1), date(2025, 12, 31))


def calendar(*events: str) -> str:
    bodies = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{bodies}END:VCALENDAR\n"


def days(*events: str, between: tuple[date, date] = YEAR) -> str:
    return " ".join(f"{one:%m-%d}" for one in sorted(calendar_dates(calendar(*events), between)))


def test_a_calendar_without_events_closes_nothing() -> None:
    assert days() == ""


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART;VALUE=DATE:20251225", "12-25"),
        ("DTSTART;VALUE=DATE:20251225\nDTEND;VALUE=DATE:20251226", "12-25"),
        ("DTSTART;VALUE=DATE:20251225\nDTEND;VALUE=DATE:20251225", "12-25"),
        ("DTSTART;VALUE=DATE:20251224\nDTEND;VALUE=DATE:20251227", "12-24 12-25 12-26"),
        ("DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103", "12-30 12-31"),
        ("DTSTART;VALUE=DATE:20241230\nDTEND;VALUE=DATE:20250103", "01-01 01-02"),
        ("DTSTART;VALUE=DATE:20250401\nDURATION:P2D", "04-01 04-02"),
        ("DTSTART;VALUE=DATE:20250401\nDURATION:P1W", "04-01 04-02 04-03 04-04 04-05 04-06 04-07"),
        ("DTSTART:20250401T120000\nDTEND:20250402T000000", "04-01"),
        ("DTSTART:20250401T120000\nDTEND:20250402T000001", "04-01 04-02"),
        ("DTSTART:20250401T233000Z\nDURATION:PT1H", "04-01 04-02"),
        ("DTSTART;TZID=Customized Time Zone:20250401T120000", "04-01"),
        ("DTSTART;VALUE=DATE:20250401\nSTATUS:CANCELLED", ""),
        ("DTSTART;VALUE=DATE:20250401\nSTATUS:CONFIRMED", "04-01"),
        ("DTSTART;VALUE=DATE:20000704\nRRULE:FREQ=YEARLY", "07-04"),
        ("DTSTART;VALUE=DATE:20001123\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "11-27"),
        ("DTSTART;VALUE=DATE:20001230\nDTEND;VALUE=DATE:20010102\nRRULE:FREQ=YEARLY", "01-01 12-30 12-31"),
        ("DTSTART;VALUE=DATE:20250401\nRDATE;VALUE=DATE:20250501,20260101", "04-01 05-01"),
        ("DTSTART;VALUE=DATE:20250401\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20250402", "04-01 04-03"),
        ("DTSTART;VALUE=DATE:99991231", ""),
    ],
)
def test_an_event_closes_its_days(event: str, expected: str) -> None:
    assert days(event) == expected


def test_the_ends_of_the_calendar_are_no_error() -> None:
    first, last = (date.min, date.min + timedelta(days=3)), (date.max - timedelta(days=3), date.max)
    daily = "DTSTART;VALUE=DATE:00010101\nDTEND;VALUE=DATE:00010103\nRRULE:FREQ=DAILY"
    assert days(daily, between=first) == "01-01 01-02 01-03 01-04"
    assert days(daily, between=last) == "12-28 12-29 12-30 12-31"
    assert days(daily, between=(date.max, date.min)) == ""


def test_the_days_of_all_events_are_one_set() -> None:
    assert days("DTSTART;VALUE=DATE:20250401", "DTSTART;VALUE=DATE:20250401\nDURATION:P2D") == "04-01 04-02"


@pytest.mark.parametrize(
    ("events", "field", "said"),
    [
        (["SUMMARY:none", "STATUS:CONFIRMED"], "ics", "an event has no DTSTART"),
        (["DTSTART;VALUE=DATE:20250401\nDTEND;VALUE=DATE:20250331"], "ics", "ends before it begins"),
        (["DTSTART;VALUE=DATE:20250401\nDTEND;VALUE=DATE:20270401"], "ics", "lasts over a year"),
        (["DTSTART;VALUE=DATE:20250401\nDURATION:P"], "ics", "DURATION 'P' is not valid"),
        (["DTSTART;VALUE=DATE:20250401\nDURATION:-P1D"], "ics", "DURATION '-P1D' is not valid"),
        (["DTSTART;VALUE=DATE:20250401\nRRULE:FREQ=HOURLY"], "rrule", "FREQ=HOURLY names no days"),
        (["DTSTART;VALUE=DATE:20250401\nRRULE:FREQ=DAILY;COUNT=30000"], "ics", "30,364 steps"),
        (["DTSTART;VALUE=DATE:20250401\nRRULE:FREQ=YEARLY"] * 101, "ics", "101 events recur"),
        (["DTSTART;VALUE=DATE:20250101\nDTEND;VALUE=DATE:20251231"] * 30, "ics", "over 10,000 days"),
    ],
)
def test_a_calendar_that_is_wrong_or_too_much_is_refused(events: list[str], field: str, said: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        days(*events)
    assert caught.value.field == field
    assert said in str(caught.value)
