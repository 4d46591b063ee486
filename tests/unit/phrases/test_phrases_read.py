"""Phrases that are read: what fires when."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from events.timing import UnknownZone
from tests.unit.phrases.said import SUNDAY, due, said, slots
from tests.unit.phrases.tables import MOMENTS, RANDOM, REPEATED


@pytest.mark.parametrize(("text", "expected"), MOMENTS)
def test_a_moment(text: str, expected: str) -> None:
    phrase = said(text)
    assert (slots(phrase, 2), phrase.timezone, phrase.window) == ([expected], "Europe/Berlin", None)


@pytest.mark.parametrize(("text", "rrule", "expected"), REPEATED)
def test_what_repeats(text: str, rrule: str, expected: list[str]) -> None:
    phrase = said(text)
    assert (phrase.recurrence.rrule, slots(phrase, len(expected))) == (rrule, expected)
    assert (phrase.timezone, phrase.window, phrase.draws) == ("Europe/Berlin", None, 1)


@pytest.mark.parametrize(("text", "opens", "window", "draws", "hours_apart"), RANDOM)
def test_a_random_moment(text: str, opens: str, window: timedelta, draws: int, hours_apart: int) -> None:
    phrase = said(text)
    assert (slots(phrase, 1), phrase.window) == ([opens], window)
    assert (phrase.draws, phrase.spacing) == (draws, timedelta(hours=hours_apart))


def test_hours_and_less_are_instants_and_days_are_wall_time() -> None:
    assert said("in 26 hours").recurrence.dtstart == SUNDAY + timedelta(hours=26)
    assert said("in 26 hours").recurrence.dtstart.tzinfo is UTC
    assert said("in 1 day").recurrence.dtstart == datetime(2026, 11, 23, 9, 50)
    assert said("2026-12-24T18:00Z").recurrence.dtstart == datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert said("2026-12-24 at 18:00 UTC").recurrence.dtstart == datetime(2026, 12, 24, 18, tzinfo=UTC)
    # 09:00 in UTC is still ahead, though 09:00 in Berlin is past.
    assert said("at 9 utc").recurrence.dtstart == datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_the_parts_of_a_phrase_come_in_any_order() -> None:
    parts = ["every monday", "at 9", "in Asia/Tokyo", "starting 2026-12-01", "until 2027-01-01"]
    phrases = {said(" ".join(order)) for order in permutations(parts)}
    assert phrases == {said("every monday at 9 starting 2026-12-01 until 2027-01-01 in Asia/Tokyo")}
    windows = {said(" ".join(order)) for order in permutations(["twice", "tomorrow", "between 9 and 17"])}
    assert windows == {said("twice tomorrow between 9 and 17")}


def test_nothing_comes_before_now_by_a_fraction_of_a_second() -> None:
    now = SUNDAY + timedelta(microseconds=1)
    assert due(said("in 1 minute", now=now), now) == "2026-11-22 08:51:01"
    assert due(said("in 1 day", now=now), now) == "2026-11-23 08:50:01"
    assert due(said("within 3 days", now=now), now) == "2026-11-22 08:50:01"
    assert slots(said("today at 9:50:01", now=now), 1) == ["2026-11-22 09:50:01"]


ZONES = [
    ("tomorrow 9am in Asia/Tokyo", "Asia/Tokyo", "2026-11-23 00:00"),
    ("in Asia/Tokyo tomorrow 9am", "Asia/Tokyo", "2026-11-23 00:00"),
    ("every day at 8 in america/new_york", "America/New_York", "2026-11-22 13:00"),
    ("every day at 9 in Europe/Kiev", "Europe/Kyiv", "2026-11-23 07:00"),
    ("today at 20:00 in UTC.", "UTC", "2026-11-22 20:00"),
    # On the other side of the date line it is Sunday evening, and tomorrow is Monday there.
    ("today at 22:00 in Pacific/Kiritimati", "Pacific/Kiritimati", "2026-11-22 08:00"),
]


@pytest.mark.parametrize(("text", "timezone", "instant"), ZONES)
def test_a_zone_in_the_phrase_wins(text: str, timezone: str, instant: str) -> None:
    now = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
    phrase = said(text, now=now, timezone="Europe/Berlin")
    assert (phrase.timezone, due(phrase, now)) == (timezone, instant)


def test_the_zone_beside_the_phrase_is_canonical_or_refused() -> None:
    assert said("at 9", timezone="us/eastern").timezone == "America/New_York"
    with pytest.raises(UnknownZone, match=r"^timezone: 'CET' is an abbreviation"):
        said("at 9", timezone="CET")


# The day differs from zone to zone: it is Saturday evening in Honolulu while Kiritimati has Sunday evening.
@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("Pacific/Honolulu", "2026-11-22 19:00"),
        ("America/St_Johns", "2026-11-23 12:30"),
        ("Asia/Kathmandu", "2026-11-23 03:15"),
        ("Pacific/Chatham", "2026-11-22 19:15"),
        ("Pacific/Kiritimati", "2026-11-22 19:00"),
    ],
)
def test_tomorrow_is_the_local_one(timezone: str, expected: str) -> None:
    now = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    assert due(said("tomorrow at 9", now=now, timezone=timezone), now) == expected
