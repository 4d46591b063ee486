"""A phrase as the columns of a rule: for one, for many, in a fixed zone, at an instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from events.errors import InvalidField
from events.operations import columns_of_phrase

# A Sunday; in Tokyo it is Monday already, and in Pago Pago still Saturday.
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "timezone", "home", "day", "at", "zone"),
    [
        ("tomorrow at 9", "", "Asia/Tokyo", date(2026, 11, 23), time(9), ""),
        ("tomorrow at 9", "Asia/Tokyo", "Europe/Berlin", date(2026, 11, 23), time(9), "Asia/Tokyo"),
        ("tomorrow at 9 in Asia/Tokyo", "", "", date(2026, 11, 23), time(9), "Asia/Tokyo"),
        ("in 20 minutes", "", "Asia/Tokyo", date(2026, 11, 22), time(10, 20), "UTC"),
        ("every day at 9", "", "", date(2026, 11, 22), time(9), ""),
    ],
)
def test_first_day_and_zone(said: str, timezone: str, home: str, day: date, at: time, zone: str) -> None:
    columns = columns_of_phrase(said, now=NOW, timezone=timezone, home=home)
    assert (columns["start_date"], columns["local_time"], columns["timezone"]) == (day, at, zone)


def test_one_day_for_many_in_their_own_zones_is_refused() -> None:
    with pytest.raises(InvalidField, match=r"^phrase: it is for people in many zones"):
        columns_of_phrase("tomorrow at 9", now=NOW, timezone="", home="")
