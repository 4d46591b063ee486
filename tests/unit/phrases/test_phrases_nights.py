"""Phrases that are said before, or in, a night on which the clocks change."""

from datetime import UTC, datetime, timedelta

import pytest

from events.phrases import InvalidPhrase
from events.timing import closes_at, zone
from tests.unit.phrases.said import due, said

# The evening before the clocks of Berlin go from 02:00 to 03:00.
SPRING_EVE = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
# 02:10 in Berlin, for the second time: they went from 03:00 back to 02:00 ten minutes ago.
SECOND_PASS = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)


def test_a_time_that_the_night_skips_is_moved_and_the_echo_says_so() -> None:
    phrase = said("tomorrow at 2:30", now=SPRING_EVE)
    first = phrase.first(SPRING_EVE)
    assert first is not None
    assert first.note == "gap: 02:30 does not exist, shifted to 03:30"
    assert first.due_at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert phrase.in_words() == "once, on 2026-03-29 at 02:30 in Europe/Berlin; in the spring gap at 03:30"


def test_what_repeats_may_begin_in_the_gap() -> None:
    phrase = said("every day at 2:30", now=SPRING_EVE)
    assert phrase.recurrence.dtstart == datetime(2026, 3, 29, 2, 30)
    assert due(phrase, SPRING_EVE) == "2026-03-29 01:30"


def test_days_keep_the_time_of_day_and_hours_do_not() -> None:
    assert due(said("in 1 day", now=SPRING_EVE), SPRING_EVE) == "2026-03-29 19:00"
    assert due(said("in 24 hours", now=SPRING_EVE), SPRING_EVE) == "2026-03-29 20:00"


def test_in_the_second_pass_of_a_fold_the_first_is_past() -> None:
    with pytest.raises(InvalidPhrase, match=r"'today' at 02:30 is past. The next one is 2026-10-26 at 02:30"):
        said("today at 2:30", now=SECOND_PASS)
    assert due(said("at 2:30", now=SECOND_PASS), SECOND_PASS) == "2026-10-26 01:30"
    assert due(said("in 20 minutes", now=SECOND_PASS), SECOND_PASS) == "2026-10-25 01:30"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("within 3 days", datetime(2026, 10, 28, 1, 10, tzinfo=UTC)),
        ("some time today", datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
        ("within 2 hours", datetime(2026, 10, 25, 3, 10, tzinfo=UTC)),
    ],
)
def test_a_window_from_the_second_pass_on_does_not_open_in_the_first(text: str, ends: datetime) -> None:
    phrase = said(text, now=SECOND_PASS)
    first = phrase.first(SECOND_PASS)
    assert first is not None
    assert phrase.window is not None
    assert first.due_at == SECOND_PASS
    assert closes_at(first, phrase.window, phrase.recurrence, zone(phrase.timezone)) == ends
    assert said(phrase.in_words(), now=SECOND_PASS) == phrase


def test_a_window_of_days_ends_at_its_time_of_day_whatever_the_night() -> None:
    phrase = said("within 1 day", now=SPRING_EVE)
    first = phrase.first(SPRING_EVE)
    assert first is not None
    assert phrase.window == timedelta(days=1)
    ends = closes_at(first, phrase.window, phrase.recurrence, zone(phrase.timezone))
    assert ends == SPRING_EVE + timedelta(hours=23)


def test_a_month_that_lacks_the_day_is_refused() -> None:
    last_of_january = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
    with pytest.raises(
        InvalidPhrase, match=r"^phrase: 2027-02 has no day 31\. Name the day, such as 2026-12-31$"
    ):
        said("in 1 month", now=last_of_january)
    assert due(said("in 2 months", now=last_of_january), last_of_january) == "2027-03-31 08:00"
    # Its own months do begin on the 1st.
    assert due(said("sometime next month", now=last_of_january), last_of_january) == "2027-01-31 23:00"


def test_a_day_that_the_zone_left_out_is_the_next() -> None:
    now = datetime(2011, 12, 29, 12, 0, tzinfo=UTC)
    phrase = said("2011-12-30 at 9:00", now=now, timezone="Pacific/Apia")
    first = phrase.first(now)
    assert first is not None
    assert first.note == "gap: 2011-12-30 09:00 does not exist, shifted to 2011-12-31 09:00"
