"""Dates and times in lists: ISO 8601 text means a day, a wall time or an instant, or is refused by its field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from events.timing import InvalidRecurrence, read_dates, read_wall_time


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("2030-12-24", date(2030, 12, 24)),
        (" 2030-12-24\n", date(2030, 12, 24)),
        ("20301224", date(2030, 12, 24)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2030-12-24T18:00", datetime.fromisoformat("2030-12-24 18:00:00")),
        ("2030-12-24 18:00:59", datetime.fromisoformat("2030-12-24 18:00:59")),
        ("2030-12-24T17:00Z", datetime(2030, 12, 24, 17, tzinfo=UTC)),
        ("2030-12-24T18:00+05:45", datetime(2030, 12, 24, 12, 15, tzinfo=UTC)),
        ("2030-12-31T23:30-01:00", datetime(2031, 1, 1, 0, 30, tzinfo=UTC)),
    ],
)
def test_what_a_text_means(text: str, meaning: date | datetime) -> None:
    (read,) = read_dates([text], field="rdates")
    assert (type(read), read) == (type(meaning), meaning)
    assert not isinstance(read, datetime) or read.tzinfo in {None, UTC}


def test_a_wall_time_is_read_from_a_date_as_its_midnight() -> None:
    assert read_wall_time("2030-12-24", field="dtstart") == datetime.fromisoformat("2030-12-24T00:00")
    assert read_wall_time("2030-12-24T18:00", field="dtstart") == datetime.fromisoformat("2030-12-24T18:00")
    assert read_wall_time("2030-12-24T18:00Z", field="dtstart") == datetime(2030, 12, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "24.12.2030", "2030-13-01", "2027-02-29", "2027-02-30T09:00", "0000-01-01", "10000-01-01",
        "2030-12-24T25:00", "2030-12-24T18:00+25:00", "2030-12-24T", "T18:00", "2030-12-24\x00", "-2030-12-24",
        "2030-12-24T18:00 Europe/Berlin", "9" * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_its_field_in_a_short_sentence(text: str) -> None:
    with pytest.raises(InvalidRecurrence, match="is not a date or time that exists") as refused:
        read_dates(["2030-12-24", text], field="exdates")
    assert refused.value.field == "exdates"
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_an_instant_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InvalidRecurrence, match="outside the years 1 to 9999") as refused:
        read_dates([text], field="rdates")
    assert refused.value.field == "rdates"
