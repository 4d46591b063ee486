"""How pages write durations, details and values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.templatetags import punctual, show


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (None, "–"),
        (timedelta(0), "0 s"),
        (timedelta(seconds=7), "7 s"),
        (timedelta(milliseconds=31), "0.031 s"),
        (timedelta(milliseconds=-31), "-0.031 s"),
        (timedelta(seconds=9, microseconds=999_999), "10.000 s"),
        (timedelta(seconds=75.4), "1 min 15 s"),
        (timedelta(hours=1, seconds=3), "1 h 3 s"),
        (timedelta(days=2, hours=3, minutes=4), "2 d 3 h"),
        (timedelta(hours=-26), "−1 d 2 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(length: timedelta | None, said: str) -> None:
    assert show.duration(length).replace(show.NARROW, " ") == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["2027-01-01", "2027-01-02"], "2027-01-01 → 2027-01-02"),
        (["UTC", "UTC"], "UTC"),
        ("text", "text"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_a_detail_is_shown_as_from_and_to_or_as_it_is(given: Any, said: str) -> None:
    assert punctual.plain(given) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, show.NOTHING),
        ("", show.NOTHING),
        (0, "0"),
        (datetime(2027, 3, 28, 2, 30), "2027-03-28 02:30:00, local"),
        ([7, 8, 1_000], "7, 8, 1000"),
        (["a"], '<pre class="pn-mono">[\n  &quot;a&quot;\n]</pre>'),
        ({"<b>": 1}, '<pre class="pn-mono">{\n  &quot;&lt;b&gt;&quot;: 1\n}</pre>'),
    ],
)
def test_a_columns_value_is_written_so_that_nothing_in_it_becomes_markup(given: Any, said: str) -> None:
    assert str(show.value(given)) == said


def test_an_instant_is_written_in_utc_wherever_it_comes_from() -> None:
    moment = datetime(2027, 3, 28, 2, 30, 0, 5000, tzinfo=UTC).astimezone()
    assert ">2027-03-28 02:30:00.005<" in str(show.value(moment))


@pytest.mark.parametrize(
    ("detail", "lines"), [({"why": "busy"}, [("why", "busy")]), (["busy"], [("", "['busy']")]), (None, [])]
)
def test_a_detail_becomes_lines(detail: Any, lines: list[tuple[str, str]]) -> None:
    assert show.as_lines(detail) == lines
