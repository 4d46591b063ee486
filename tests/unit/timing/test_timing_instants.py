"""Instants as programs write them: what each form means, and what is refused instead of guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.timing import InvalidRecurrence, read_instant

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T09:00:00Z", "2026-11-22T09:00:00.000Z", "2026-11-22T10:00+01:00", "2026-11-22T09:00",
        "2026-11-22 03:30:00-05:30", " 20261122T090000Z\n", "Sun, 22 Nov 2026 09:00:00 GMT",
        "sun, 22 nov 2026 09:00:00 gmt", "22 Nov 2026 09:00 UT", "Sun, 22 Nov 2026 04:00:00 -0500",
        "Sun, 22 Nov 2026 09:00:00 -0000", "Sun Nov 22 2026 10:00:00 GMT+0100 (Central European Standard Time)",
        "Sun Nov 22 2026 09:00:00 GMT+0000 (Koordinierte Weltzeit)", "Sun Nov 22 2026 14:30:00 GMT+0530",
        "Sun Nov 22 2026 09:00:00 UTC",
    ],
)  # fmt: skip
def test_every_form_of_one_instant_means_that_instant_in_utc(text: str) -> None:
    assert read_instant(text, field="trigger_at") == NINE
    assert read_instant(text, field="trigger_at").tzinfo is UTC


def test_a_weekday_that_does_not_fit_its_date_is_not_compared() -> None:
    """8 April 2020 was a Wednesday, and JavaScript reads it all the same."""
    written = "Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)"
    assert read_instant(written, field="execute_at") == datetime(2020, 4, 8, 20, 26, 9, tzinfo=UTC)


def test_a_date_is_its_midnight_in_utc() -> None:
    assert read_instant("2026-11-22", field="trigger_at") == datetime(2026, 11, 22, tzinfo=UTC)


@given(st.datetimes(datetime(1900, 1, 1), datetime(9998, 12, 31), timezones=st.timezones()))
def test_what_python_writes_is_read_again(instant: datetime) -> None:
    whole = instant.astimezone(UTC).replace(microsecond=0)
    assert read_instant(instant.isoformat(), field="trigger_at") == instant.astimezone(UTC)
    assert read_instant(format_datetime(whole), field="trigger_at") == whole
    assert read_instant(f"{whole:%a %b %d} {whole.year:04} {whole:%T} GMT+0000", field="trigger_at") == whole


@pytest.mark.parametrize(
    "number", [1795338000, 1795338000000, 1795338000.5, "1795338000", "1795338000000", "-1", "1.7e9"]
)
def test_numbers_are_refused_because_they_may_count_two_things(number: object) -> None:
    with pytest.raises(InvalidRecurrence, match=r"seconds or milliseconds. Write it in ISO 8601") as refused:
        read_instant(number, field="triggerUtc")
    assert refused.value.field == "triggerUtc"


@pytest.mark.parametrize("name", ["EST", "CET", "IST", "PDT"])
def test_an_abbreviation_is_refused_because_it_means_several_zones(name: str) -> None:
    with pytest.raises(InvalidRecurrence, match=f"abbreviation {name}"):
        read_instant(f"Sun, 22 Nov 2026 09:00:00 {name}", field="triggerUtc")


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "tomorrow 9am", "4/8/2020, 5:26:09 PM", "22.11.2026", "2026-02-30T09:00Z", "31 Feb 2026 10:00 GMT",
        "Sun, 22 Nov 26 09:00:00 GMT", "Sun, 22 Nov 2026 25:00:00 GMT", "Sun, 22 Nov 2026 09:00:00 GMT+2460",
        "Sun, 22 Nov 2026 09:00:00 GMT+2500", "Son, 22 Nov 2026 09:00:00 GMT", "2026-11-22T09:00Z\x00",
        "Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time", "Invalid Date", "null", "2026-11-22T09:00Z" * 90,
        "Sun Nov 22 2026 09:00:00 GMT" + " " * 60_000 + "(", "٢٢ Nov 2026 09:00:00 GMT",
        None, True, ["2026-11-22T09:00Z"], {},
    ],
)  # fmt: skip
def test_all_else_is_refused_in_a_short_sentence_with_its_field(text: object) -> None:
    with pytest.raises(InvalidRecurrence, match="triggerUtc") as refused:
        read_instant(text, field="triggerUtc")
    assert refused.value.field == "triggerUtc"
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["0001-06-01T00:00Z", "9999-12-31T23:59-12:00", "31 Dec 9999 23:59:59 GMT"])
def test_the_ends_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(InvalidRecurrence, match="from the year 2 to 9998"):
        read_instant(text, field="trigger_at")
