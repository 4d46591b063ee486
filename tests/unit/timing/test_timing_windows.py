"""How long a window is open: in wall time where its recurrence counts in wall time, on nights of change too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.timing import (
    Firing,
    Fold,
    Gap,
    InvalidRecurrence,
    Policies,
    Recurrence,
    canonical_zones,
    check_window,
    closes_at,
    next_firings,
    zone,
)
from events.timing.windows import LONGEST_WINDOW, MOST_DRAWS, counts_in_instants

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def opening(local: str, zone_name: str, policies: Policies | None = None, nth: int = 0) -> Firing:
    """The moment of a recurrence of one wall time, or the second of them where the fold policy gives two."""
    once, earliest = Recurrence(datetime.fromisoformat(local)), datetime.min.replace(tzinfo=UTC)
    return next_firings(once, zone(zone_name), policies or Policies(), after=earliest, limit=2)[nth]


def closing(firing: Firing, window: timedelta, zone_name: str, rrule: str = "") -> str:
    tz = zone(zone_name)
    closes = closes_at(firing, window, Recurrence(firing.slot, rrule), tz)
    assert closes.tzinfo is UTC
    return closes.astimezone(tz).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("zone_name", "opens", "window", "closes", "length"),
    [
        ("Europe/Berlin", "2027-06-01T09:00", 8 * HOUR, "2027-06-01T17:00+02:00", 8 * HOUR),
        ("Europe/Berlin", "2027-03-27T20:00", 12 * HOUR, "2027-03-28T08:00+02:00", 11 * HOUR),
        ("Europe/Berlin", "2027-10-30T20:00", 12 * HOUR, "2027-10-31T08:00+01:00", 13 * HOUR),
        ("America/New_York", "2027-03-14T00:00", DAY, "2027-03-15T00:00-04:00", 23 * HOUR),
        ("America/New_York", "2027-11-07T00:00", DAY, "2027-11-08T00:00-05:00", 25 * HOUR),
        ("Australia/Lord_Howe", "2027-04-04T00:00", DAY, "2027-04-05T00:00+10:30", 24 * HOUR + 30 * MINUTE),
        ("Australia/Lord_Howe", "2027-10-03T00:00", DAY, "2027-10-04T00:00+11:00", 23 * HOUR + 30 * MINUTE),
        ("America/New_York", "2027-11-01T12:00", 30 * DAY, "2027-12-01T12:00-05:00", 30 * DAY + HOUR),
        ("Pacific/Apia", "2011-12-29T12:00", 2 * DAY, "2011-12-31T12:00+14:00", DAY),
        ("Asia/Kathmandu", "2027-03-14T23:59", MINUTE, "2027-03-15T00:00+05:45", MINUTE),
    ],
)
def test_a_window_ends_so_much_later_by_the_clock_on_the_wall(
    zone_name: str, opens: str, window: timedelta, closes: str, length: timedelta
) -> None:
    firing = opening(opens, zone_name)
    assert closing(firing, window, zone_name) == closes
    assert closes_at(firing, window, Recurrence(firing.slot), zone(zone_name)) - firing.due_at == length


@pytest.mark.parametrize(
    ("opens", "window", "closes"),
    [
        pytest.param(
            "2027-03-14T01:45", 30 * MINUTE, "2027-03-14T03:15-04:00", id="it would close in the gap"
        ),
        pytest.param("2027-03-14T02:30", 8 * HOUR, "2027-03-14T10:30-04:00", id="it would open in the gap"),
        pytest.param("2027-03-14T02:30", HOUR, "2027-03-14T04:30-04:00", id="it would close as it opens"),
        pytest.param("2027-03-14T02:15", 30 * MINUTE, "2027-03-14T03:45-04:00", id="it lies in the gap"),
        pytest.param(
            "2027-11-07T00:45", HOUR, "2027-11-07T01:45-04:00", id="it closes twice: the first time"
        ),
        pytest.param(
            "2027-11-07T01:15", 30 * MINUTE, "2027-11-07T01:45-04:00", id="it lies in the first pass"
        ),
        pytest.param(
            "2027-11-07T01:45", 30 * MINUTE, "2027-11-07T02:15-05:00", id="it opens in the first pass"
        ),
    ],
)
def test_a_window_in_a_night_of_change(opens: str, window: timedelta, closes: str) -> None:
    assert closing(opening(opens, "America/New_York"), window, "America/New_York") == closes


def test_a_window_that_opens_in_the_second_pass_closes_in_it() -> None:
    both = Policies(fold=Fold.BOTH)
    second = opening("2027-11-07T01:15", "America/New_York", both, nth=1)
    assert second.fold == 1
    assert closing(second, 30 * MINUTE, "America/New_York") == "2027-11-07T01:45-05:00"


@pytest.mark.parametrize("rrule", ["FREQ=HOURLY", "FREQ=MINUTELY;INTERVAL=90", "FREQ=SECONDLY;INTERVAL=3600"])
def test_windows_of_hours_and_less_are_as_long_as_they_say(rrule: str) -> None:
    firing = opening("2027-03-14T01:00", "America/New_York")
    assert closing(firing, 2 * HOUR, "America/New_York", rrule) == "2027-03-14T04:00-04:00"


def test_windows_that_instants_open_are_as_long_as_they_say() -> None:
    instant = datetime(2027, 3, 14, 6, 0, tzinfo=UTC)
    once = Recurrence(instant)
    (firing,) = next_firings(once, zone("America/New_York"), Policies(), after=instant, limit=2)
    assert closes_at(firing, 2 * HOUR, once, zone("America/New_York")) == instant + 2 * HOUR


def test_what_counts_in_elapsed_time_is_told_from_what_counts_in_wall_time() -> None:
    start = datetime.fromisoformat("2027-03-14")
    assert counts_in_instants(Recurrence(start, every="PT36H"))
    assert counts_in_instants(Recurrence(start, "FREQ=DAILY", more_rrules=("FREQ=HOURLY",)))
    assert counts_in_instants(Recurrence(start.replace(tzinfo=UTC)))
    assert not counts_in_instants(Recurrence(start, every="P1D"))
    assert not counts_in_instants(Recurrence(start, cron="*/5 * * * *"))
    assert not counts_in_instants(Recurrence(start))


@given(
    st.sampled_from(sorted(canonical_zones())),
    st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1)),
    st.timedeltas(MICROSECOND, LONGEST_WINDOW),
    st.sampled_from([Gap.SHIFT, Gap.NEXT_VALID, Gap.PREVIOUS_VALID]),
)
@example("Pacific/Kwajalein", datetime(1993, 8, 20, 12), HOUR, Gap.SHIFT)
@example("Pacific/Apia", datetime(2011, 12, 30, 12), HOUR, Gap.NEXT_VALID)
@example("America/New_York", datetime(2027, 11, 7, 1, 59, 59), MICROSECOND, Gap.SHIFT)
def test_no_window_closes_before_it_opens_or_is_a_day_off(
    zone_name: str, slot: datetime, window: timedelta, gap: Gap
) -> None:
    tz = zone(zone_name)
    policies = Policies(gap=gap, fold=Fold.BOTH)
    earliest = datetime.min.replace(tzinfo=UTC)
    for firing in next_firings(Recurrence(slot), tz, policies, after=earliest, limit=2):
        closes = closes_at(firing, window, Recurrence(slot), tz)
        assert closes > firing.due_at
        assert abs(closes - firing.due_at - window) <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("window", "draws", "spacing"),
    [
        (MICROSECOND, 1, 0 * HOUR),
        (LONGEST_WINDOW, MOST_DRAWS, 8 * HOUR),
        (8 * HOUR, 3, 4 * HOUR - MICROSECOND),
        (8 * HOUR, 1, 100 * DAY),
    ],
)
def test_what_fits_a_window_is_accepted(window: timedelta, draws: int, spacing: timedelta) -> None:
    check_window(window, draws, spacing)


@pytest.mark.parametrize(
    ("window", "draws", "spacing", "field", "sentence"),
    [
        (timedelta(0), 1, timedelta(0), "window", "Give one above zero"),
        (-HOUR, 1, timedelta(0), "window", "no length for a window"),
        (LONGEST_WINDOW + MICROSECOND, 1, timedelta(0), "window", "of 366 days at most"),
        (HOUR, 0, timedelta(0), "draws", "0 draws"),
        (HOUR, MOST_DRAWS + 1, timedelta(0), "draws", "from 1 to 1,000"),
        (HOUR, 2, -MICROSECOND, "spacing", "do not fit"),
        (8 * HOUR, 3, 4 * HOUR, "spacing", "3 draws, 4:00:00 apart, do not fit into 8:00:00"),
    ],
)
def test_what_does_not_fit_a_window_is_refused_by_name(
    window: timedelta, draws: int, spacing: timedelta, field: str, sentence: str
) -> None:
    with pytest.raises(InvalidRecurrence, match=sentence) as refused:
        check_window(window, draws, spacing)
    assert refused.value.field == field


def test_a_window_from_a_date_put_in_is_one_like_any_other() -> None:
    start = datetime.fromisoformat("2027-03-14T20:00")
    put_in = Recurrence(start, "FREQ=YEARLY", rdates=(date(2027, 10, 30),))
    after = datetime(2027, 4, 1, tzinfo=UTC)
    (firing,) = next_firings(put_in, zone("Europe/Berlin"), Policies(), after=after, limit=1)
    assert closing(firing, 12 * HOUR, "Europe/Berlin", "FREQ=YEARLY") == "2027-10-31T08:00+01:00"
