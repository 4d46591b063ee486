"""iCalendar text -> a recurrence and its zone."""

from datetime import date, datetime

import pytest

from events.timing import Imported, InvalidRecurrence, Recurrence, UnknownZone, read_ical
from events.timing.zone_windows import WINDOWS_ZONES
from events.timing.zones import canonical_zone
from tests.unit.timing.reading import at, due, utc

NINE = at("2025-01-06 09:00")

WHOLE = """BEGIN:VCALENDAR\r
PRODID:-//Example//EN\r
VERSION:2.0\r
BEGIN:VTIMEZONE\r
TZID:America/New_York\r
BEGIN:STANDARD\r
DTSTART:20071104T020000\r
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r
TZOFFSETFROM:-0400\r
TZOFFSETTO:-0500\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:1@example.com\r
SUMMARY:Stand-up: the daily one\r
DTSTART;TZID=America/New_York:20250106T090000\r
DTEND;TZID=America/New_York:20250106T091500\r
RRULE:FREQ=WEEKLY;BYDAY=MO,TU,W\r
 E;COUNT=5\r
EXDATE;TZID=America/New_York:20250107T090000,\r
\t20250108T090000\r
RDATE;TZID=Europe/Berlin:20250110T160000\r
RDATE;VALUE=DATE:20250111\r
BEGIN:VALARM\r
TRIGGER:-PT10M\r
DURATION:PT5M\r
END:VALARM\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_a_file_with_one_event_is_its_recurrence_and_zone() -> None:
    found = read_ical(WHOLE)
    assert found == Imported(
        Recurrence(
            NINE,
            "FREQ=WEEKLY;BYDAY=MO,TU,WE;COUNT=5",
            rdates=(utc("2025-01-10 15:00"), date(2025, 1, 11)),
            exdates=(at("2025-01-07 09:00"), at("2025-01-08 09:00")),
        ),
        "America/New_York",
    )
    assert due(found.recurrence, name=found.timezone) == [
        "2025-01-06 14:00", "2025-01-10 15:00", "2025-01-11 14:00", "2025-01-13 14:00", "2025-01-14 14:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "start", "timezone"),
    [
        ("DTSTART:20250106T090000", NINE, ""),
        ("DTSTART:20250106T090000Z", NINE, "UTC"),
        ("DTSTART;TZID=Asia/Calcutta:20250106T090000", NINE, "Asia/Kolkata"),
        ('DTSTART;TZID="Asia/Kolkata":20250106T090000', NINE, "Asia/Kolkata"),
        ("dtstart;tzid=asia/kolkata;value=date-time:20250106T090000", NINE, "Asia/Kolkata"),
        ("DTSTART;TZID=/example.org/20070129_1/Asia/Kolkata:20250106T090000", NINE, "Asia/Kolkata"),
        ("DTSTART;TZID=/America/Indiana/Knox:20250106T090000", NINE, "America/Indiana/Knox"),
        ('DTSTART;X-A="a:b;c";TZID=UTC:20250106T090000', NINE, "UTC"),
        ("DTSTART;VALUE=DATE:20250106", at("2025-01-06"), ""),
        ("BEGIN:VEVENT\nDTSTART:20250106T090000\nEND:VEVENT\nBEGIN:VCALENDAR\nEND:VCALENDAR", NINE, ""),
    ],
)
def test_dtstart_says_the_zone(text: str, start: datetime, timezone: str) -> None:
    assert read_ical(text) == Imported(Recurrence(start), timezone)


def test_several_rules_and_times_in_utc_are_kept() -> None:
    found = read_ical(
        "DTSTART:20250106T090000Z\nRRULE:FREQ=DAILY;UNTIL=20250108T090000Z\nRRULE:FREQ=WEEKLY;UNTIL=20250120\n"
        "EXDATE:20250107T090000Z"
    )
    assert found.recurrence.rrules == ("FREQ=DAILY;UNTIL=20250108T090000Z", "FREQ=WEEKLY;UNTIL=20250120")
    assert due(found.recurrence) == [
        "2025-01-06 09:00", "2025-01-08 09:00", "2025-01-13 09:00", "2025-01-20 09:00",
    ]  # fmt: skip


def test_a_time_in_utc_beside_a_local_dtstart_is_an_instant() -> None:
    found = read_ical("DTSTART;TZID=America/New_York:20250106T090000\nRDATE:20250107T000000Z").recurrence
    assert found.rdates == (utc("2025-01-07 00:00"),)


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("", "ics", "'' is no iCalendar text"),
        ("hello: world", "ics", "is no iCalendar text"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "ics", "the text has 0 events"),
        ("RRULE:FREQ=DAILY", "ics", "has no DTSTART"),
        ("DTSTART:20250101T000000\nDTSTART:20250101T000000", "ics", "no DTSTART, or several"),
        ("DTSTART:20250101T000000,20250102T000000", "ics", "several values"),
        ("DTSTART:20250101", "ics", "DTSTART '20250101' is not what it should be"),
        ("DTSTART;VALUE=DATE:20250101T000000", "ics", "is not what it should be"),
        ("DTSTART:100000101T000000", "ics", "is not what it should be"),
        ("DTSTART:20250230T000000", "ics", "is not what it should be"),
        ("DTSTART:tomorrow", "ics", "is not what it should be"),
        ("DTSTART", "ics", "'DTSTART' has no value"),
        ('DTSTART;X=":20250101', "ics", "is not what it should be"),
        (
            "DTSTART:20250101T000000\nRDATE;VALUE=PERIOD:20250101T000000/PT1H",
            "ics",
            "is not what it should be",
        ),
        (
            "DTSTART:20250101T000000\nEXDATE:" + ",".join(["20250101T000000"] * 2001),
            "ics",
            "Keep it to 2,000",
        ),
        ("DTSTART:20250101T000000\nEXRULE:FREQ=DAILY", "ics", "EXRULE is no longer part"),
        ("DTSTART:20250101T000000\nRRULE:FREQ=HALFLY", "rrule", "FREQ='HALFLY' is not valid"),
        (
            "DTSTART;VALUE=DATE:20250101\nRRULE:FREQ=DAILY;UNTIL=20250301T000000Z",
            "rrule",
            "DTSTART is a date",
        ),
        ("DTSTART:20250101T000000Z\nRRULE:FREQ=DAILY;UNTIL=20250301T000000", "rrule", "DTSTART is in UTC"),
        (
            "DTSTART:20250101T000000\nRRULE:FREQ=DAILY;UNTIL=20240301T000000",
            "rrule",
            "UNTIL is before DTSTART",
        ),
        ("BEGIN:VEVENT\nDTSTART:20250101T000000", "ics", "'VEVENT' has no END"),
        ("BEGIN:VEVENT\nEND:VCALENDAR", "ics", "END:VCALENDAR has no BEGIN"),
        ("END:VEVENT", "ics", "END:VEVENT has no BEGIN"),
        ("BEGIN:A\n" * 11, "ics", "nested deeply"),
        ("BEGIN:VEVENT\nEND:VEVENT\n" * 2001, "ics", "more than 2,000 events"),
        ("DTSTART:20250101T000000\n" * 8_001, "ics", "more than 8,000 dates"),
        ("X" * 1_000_001, "ics", "1,000,001 characters"),
        ("A\n" * 50_001, "ics", "on 50,000 lines"),
        ("DTSTART:" + "A\n " * 50_000, "ics", "Keep a line to 50,000"),
    ],
)
def test_what_is_no_event_is_refused(text: str, field: str, said: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        read_ical(text)
    assert caught.value.field == field
    assert said in str(caught.value)
    assert len(str(caught.value)) < 320


@pytest.mark.parametrize(
    ("tzid", "said"),
    [
        ("Eastern Standard Time", "is what Windows calls a zone. Use America/New_York"),
        ("W. Europe Standard Time", "Use Europe/Berlin"),
        ("Central Standard Time (Mexico)", "Use America/Mexico_City"),
        ("E. Europe Daylight Time", "Use Europe/Chisinau"),
        ("Customized Time Zone", "is not an IANA time zone"),
        ("/example.org/Nowhere", "is not an IANA time zone"),
        ("EST", "is an abbreviation"),
        ("GMT+0300", "is an offset"),
    ],
)
def test_a_tzid_that_is_no_iana_zone_is_refused_with_a_suggestion(tzid: str, said: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        read_ical(f"DTSTART;TZID={tzid}:20250101T000000")
    assert said in str(caught.value)


def test_what_is_suggested_for_windows_zones_are_zones() -> None:
    assert {name: canonical_zone(name) for name in WINDOWS_ZONES.values()} == {
        name: name for name in WINDOWS_ZONES.values()
    }
