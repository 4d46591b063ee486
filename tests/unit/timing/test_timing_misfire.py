"""Lanes: what is late by more than its grace waits apart."""

from datetime import UTC, datetime, timedelta

import pytest

from events.timing import Lane, lane, lateness

DUE = datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (-MINUTE, Lane.LIVE),
        (timedelta(0), Lane.LIVE),
        (MINUTE, Lane.LIVE),
        (MINUTE + timedelta(microseconds=1), Lane.CATCHUP),
        (timedelta(days=400), Lane.CATCHUP),
    ],
)
def test_later_than_grace_is_catch_up_and_grace_itself_is_not(late: timedelta, expected: Lane) -> None:
    assert lane(DUE, now=DUE + late, grace=MINUTE) is expected


def test_without_grace_only_the_exact_instant_is_live() -> None:
    assert lane(DUE, now=DUE, grace=timedelta(0)) is Lane.LIVE
    assert lane(DUE, now=DUE + timedelta(microseconds=1), grace=timedelta(0)) is Lane.CATCHUP


def test_lateness_is_elapsed_time_and_never_negative() -> None:
    assert lateness(DUE, DUE + MINUTE) == MINUTE
    assert lateness(DUE, DUE - MINUTE) == timedelta(0)


def test_lanes_are_stored_by_name() -> None:
    assert [str(one) for one in Lane] == ["live", "catchup"]
