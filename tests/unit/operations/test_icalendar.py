"""iCalendar text in a rule's columns."""

from __future__ import annotations

from datetime import date, time

import pytest

from events.errors import InvalidField
from events.operations import columns_of_ical

EMPTY: dict[str, object] = {"rrule": "", "rdates": [], "exdates": [], "timezone": ""}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("DTSTART:20301104T090000", {"start_date": date(2030, 11, 4), "local_time": time(9)}),
        ("DTSTART;VALUE=DATE:20301104", {"start_date": date(2030, 11, 4), "local_time": time(0)}),
        (
            "DTSTART:20301104T083000Z",
            {"start_date": date(2030, 11, 4), "local_time": time(8, 30), "timezone": "UTC"},
        ),
        (
            "DTSTART;TZID=US/Eastern:20301104T090000\nRRULE:FREQ=WEEKLY;BYDAY=MO",
            {
                "start_date": date(2030, 11, 4),
                "local_time": time(9),
                "rrule": "FREQ=WEEKLY;BYDAY=MO",
                "timezone": "America/New_York",
            },
        ),
        (
            (
                "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Tea\r\nDTSTART;TZID=Europe/Berlin:20301104T090000\r\n"
                "RRULE:FREQ=WEEKLY\r\nRRULE:FREQ=MONTHLY\r\nRDATE;VALUE=DATE:20301224\r\n"
                "EXDATE;TZID=Europe/Berlin:20301111T0\r\n 90000\r\nEXDATE:20301118T080000Z\r\n"
                "END:VEVENT\r\nEND:VCALENDAR"
            ),
            {
                "start_date": date(2030, 11, 4),
                "local_time": time(9),
                "rrule": "FREQ=WEEKLY\nFREQ=MONTHLY",
                "rdates": ["2030-12-24"],
                "exdates": ["2030-11-11T09:00:00", "2030-11-18T08:00:00Z"],
                "timezone": "Europe/Berlin",
            },
        ),
    ],
)
def test_an_event_is_written_into_columns(text: str, columns: dict[str, object]) -> None:
    assert columns_of_ical(text) == {**EMPTY, **columns}


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        ("tomorrow at nine", "ics", "is no iCalendar text"),
        ("RRULE:FREQ=DAILY", "ics", "has no DTSTART"),
        ("DTSTART:20301104T090000\nRRULE:FREQ=SOMETIMES", "rrule", "is not valid"),
        ("DTSTART;TZID=EST:20301104T090000", "timezone", "is an abbreviation"),
        ("DTSTART:20300230T090000", "ics", "is not what it should be"),
        ("DTSTART:20301104T090000\nEXRULE:FREQ=DAILY", "ics", "EXRULE is no longer part"),
        ("x" * 1_000_001, "ics", "1,000,001 characters"),
    ],
)
def test_what_is_no_event_is_refused_by_name(text: str, field: str, problem: str) -> None:
    with pytest.raises(InvalidField, match=problem) as refused:
        columns_of_ical(text)
    assert refused.value.field == field
