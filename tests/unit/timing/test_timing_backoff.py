"""Backoff: doubles, stops at its cap, and jitters over the whole range."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.timing import InvalidBackoff, delay

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (12, 2048), (13, 3600), (14, 3600), (10_000, 3600)],
)
def test_the_ceiling_doubles_with_every_failure_up_to_the_cap(failures: int, seconds: int) -> None:
    half = delay(failures, base=SECOND, cap=HOUR, random=lambda: 0.5)
    assert half == timedelta(seconds=seconds / 2)


def test_the_jitter_reaches_down_to_nothing() -> None:
    assert delay(5, base=SECOND, cap=HOUR, random=lambda: 0.0) == timedelta(0)


def test_a_base_above_the_cap_waits_the_cap() -> None:
    assert delay(1, base=HOUR, cap=SECOND, random=lambda: 0.5) == SECOND / 2


def test_a_base_or_cap_of_nothing_waits_nothing() -> None:
    assert delay(9, base=timedelta(0), cap=HOUR, random=lambda: 0.9) == timedelta(0)
    assert delay(9, base=SECOND, cap=timedelta(0), random=lambda: 0.9) == timedelta(0)


@pytest.mark.parametrize(
    ("failures", "base", "cap", "field"),
    [(0, SECOND, HOUR, "failures"), (1, -SECOND, HOUR, "backoff"), (1, SECOND, -HOUR, "backoff")],
)
def test_nonsense_is_refused(failures: int, base: timedelta, cap: timedelta, field: str) -> None:
    with pytest.raises(InvalidBackoff) as caught:
        delay(failures, base=base, cap=cap, random=lambda: 0.5)
    assert caught.value.field == field


@given(
    failures=st.integers(1, 10_000),
    base=st.timedeltas(timedelta(0), timedelta(days=40_000)),
    cap=st.timedeltas(timedelta(0), timedelta(days=900_000_000)),
    luck=st.floats(0, 1, exclude_max=True),
)
def test_the_wait_is_never_negative_nor_above_its_ceiling(
    failures: int, base: timedelta, cap: timedelta, luck: float
) -> None:
    wait = delay(failures, base=base, cap=cap, random=lambda: luck)
    micro = timedelta(microseconds=1)
    assert timedelta(0) <= wait <= cap
    assert wait // micro <= (base // micro) * 2 ** (failures - 1)
