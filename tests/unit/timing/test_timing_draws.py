"""Random instants: in the window, apart, and uniform (by chi-square over 10,000 draws of a fixed seed)."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest

from events.timing import InvalidRecurrence, Span, day_window, draw, spans, zone
from tests.unit.timing.reading import NEW_YORK, at, utc

DRAWS = 10_000
# Chi-square is above these once in a thousand seeds: for 19 and for 9 degrees of freedom.
CRITICAL = {20: 43.82, 10: 27.88}


def window(start: str, end: str, name: str = NEW_YORK) -> tuple[Span, ...]:
    return spans(at(start), at(end), zone(name))


def span(start: str, end: str) -> Span:
    return Span(utc(start), utc(end))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-06-02 09:00", "2025-06-02 17:00", [("2025-06-02 13:00", "2025-06-02 21:00")]),
        # Through the gap: 23 hours; from within it, or up to within it, up to its edge.
        ("2025-03-09 00:00", "2025-03-10 00:00", [("2025-03-09 05:00", "2025-03-10 04:00")]),
        ("2025-03-09 02:30", "2025-03-09 04:00", [("2025-03-09 07:00", "2025-03-09 08:00")]),
        ("2025-03-09 01:00", "2025-03-09 02:30", [("2025-03-09 06:00", "2025-03-09 07:00")]),
        # Through the fold: 25 hours; from within it, or up to within it, with a hole.
        ("2025-11-02 00:00", "2025-11-03 00:00", [("2025-11-02 04:00", "2025-11-03 05:00")]),
        (
            "2025-11-02 01:30",
            "2025-11-02 03:00",
            [("2025-11-02 05:30", "2025-11-02 06:00"), ("2025-11-02 06:30", "2025-11-02 08:00")],
        ),
        (
            "2025-11-02 00:00",
            "2025-11-02 01:30",
            [("2025-11-02 04:00", "2025-11-02 05:30"), ("2025-11-02 06:00", "2025-11-02 06:30")],
        ),
        ("2025-03-01 00:00", "2025-12-01 00:00", [("2025-03-01 05:00", "2025-12-01 05:00")]),
    ],
)
def test_the_spans_are_when_the_clock_shows_the_window(
    start: str, end: str, expected: list[tuple[str, str]]
) -> None:
    assert window(start, end) == tuple(span(*one) for one in expected)


def test_a_day_that_a_zone_left_out_has_no_span() -> None:
    with pytest.raises(InvalidRecurrence, match="does not exist in Pacific/Apia"):
        window("2011-12-30 09:00", "2011-12-30 17:00", "Pacific/Apia")
    whole = window("2011-12-29 12:00", "2011-12-31 12:00", "Pacific/Apia")
    assert whole == (span("2011-12-29 22:00", "2011-12-30 22:00"),)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-01-01", "2025-01-01"),
        ("2025-01-02", "2025-01-01"),
        ("2025-01-01", "2026-01-03"),
        ("0001-01-01", "0001-01-02"),
        ("9999-12-30", "9999-12-31"),
    ],
)
def test_what_is_no_window_is_refused(start: str, end: str) -> None:
    with pytest.raises(InvalidRecurrence) as caught:
        window(start, end)
    assert caught.value.field == "window"


def test_a_days_window_may_end_on_the_next_day() -> None:
    day = date(2025, 6, 2)
    assert day_window(day, time(9), time(17)) == (at("2025-06-02 09:00"), at("2025-06-02 17:00"))
    assert day_window(day, time(22), time(6)) == (at("2025-06-02 22:00"), at("2025-06-03 06:00"))
    assert day_window(day, time(0), time(0)) == (at("2025-06-02"), at("2025-06-03"))


def chi_square(values: list[float], bins: int) -> float:
    """How far values in [0, 1) are from an even spread."""
    counts = [0] * bins
    for value in values:
        counts[int(value * bins)] += 1
    expected = len(values) / bins
    return sum((count - expected) ** 2 / expected for count in counts)


def places(within: tuple[Span, ...]) -> Callable[[datetime], float]:
    """A function that says how far into the spans (0 to 1) an instant is."""
    total = sum(((one.end - one.start) for one in within), timedelta(0))

    def place(instant: datetime) -> float:
        passed = sum(
            (min(instant, one.end) - one.start for one in within if one.start <= instant), timedelta(0)
        )
        return passed / total

    return place


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-02 09:00", "2025-06-05 09:00"),
        ("2025-06-02 09:00", "2025-06-02 17:00"),
        ("2025-03-09 00:00", "2025-03-09 06:00"),
        ("2025-11-02 00:00", "2025-11-02 06:00"),
        ("2025-11-02 01:30", "2025-11-02 03:00"),
    ],
)
def test_one_draw_is_uniform_over_the_time_that_there_is(start: str, end: str) -> None:
    chance = random.Random(20)
    within = window(start, end)
    place = places(within)
    drawn = [draw(within, chance.random)[0] for _ in range(DRAWS)]
    for one in drawn:
        assert at(start) <= one.astimezone(zone(NEW_YORK)).replace(tzinfo=None, fold=0) < at(end)
    assert chi_square([place(one) for one in drawn], 20) < CRITICAL[20]


def test_draws_that_are_apart_are_uniform_over_all_that_fit() -> None:
    chance = random.Random(21)
    within = window("2025-06-02 09:00", "2025-06-02 17:00")
    spacing = timedelta(hours=2)
    firsts, betweens = [], []
    for _ in range(DRAWS):
        first, second = draw(within, chance.random, count=2, spacing=spacing)
        assert second - first >= spacing
        # Of two uniform points in 6 hours, the lesser's distribution is known: 1 - (1 - x)**2 makes it uniform.
        firsts.append(1 - (1 - (first - within[0].start) / timedelta(hours=6)) ** 2)
        betweens.append(1 - (1 - (second - first - spacing) / timedelta(hours=6)) ** 2)
    assert chi_square(firsts, 20) < CRITICAL[20]
    assert chi_square(betweens, 20) < CRITICAL[20]


def test_draws_that_are_apart_are_uniform_beside_a_hole_too() -> None:
    chance = random.Random(22)
    within = window("2025-11-02 01:30", "2025-11-02 03:00")
    spacing = timedelta(minutes=20)
    place = places(within)
    drawn = [draw(within, chance.random, count=2, spacing=spacing) for _ in range(DRAWS)]
    # The same choices, found by throwing away all pairs that are too close: two samples of one distribution.
    kept: list[tuple[datetime, datetime]] = []
    while len(kept) < DRAWS:
        first, second = sorted(draw(within, chance.random)[0] for _ in range(2))
        if second - first >= spacing:
            kept.append((first, second))
    for nth in (0, 1):
        ours, theirs = ([0] * 10, [0] * 10)
        for counts, pairs in ((ours, drawn), (theirs, kept)):
            for pair in pairs:
                counts[int(place(pair[nth]) * 10)] += 1
        assert sum((a - b) ** 2 / (a + b) for a, b in zip(ours, theirs, strict=True) if a + b) < CRITICAL[10]


def test_many_draws_are_sorted_and_apart_up_to_the_last_that_fits() -> None:
    chance = random.Random(23)
    within = window("2025-06-02 09:00", "2025-06-02 10:00")
    for count in (1, 2, 7, 12):
        drawn = draw(within, chance.random, count=count, spacing=timedelta(minutes=5))
        assert len(drawn) == count
        assert all(later - one >= timedelta(minutes=5) for one, later in pairwise(drawn))
        assert within[0].start <= drawn[0]
        assert drawn[-1] < within[-1].end
    assert len(set(draw(within, lambda: 0.5, count=1000))) == 1000
    assert draw(within, lambda: 1 - 2**-53)[0] < within[0].end


@pytest.mark.parametrize(("count", "minutes"), [(13, 5), (0, 0), (1001, 0), (2, 60)])
def test_what_does_not_fit_is_refused(count: int, minutes: int) -> None:
    within = window("2025-06-02 09:00", "2025-06-02 10:00")
    with pytest.raises(InvalidRecurrence, match="do not fit into the window"):
        draw(within, random.Random(24).random, count=count, spacing=timedelta(minutes=minutes))


def test_what_fits_only_into_a_hole_is_refused_too() -> None:
    first = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, 0, 1, tzinfo=UTC))
    second = Span(datetime(2025, 1, 1, 5, tzinfo=UTC), datetime(2025, 1, 1, 5, 1, tzinfo=UTC))
    with pytest.raises(InvalidRecurrence, match="do not fit into the window"):
        draw((first, second), random.Random(25).random, count=3, spacing=timedelta(minutes=50))
