"""Until when somebody has swept, and the spans in which nobody did."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events import recovery, sweeping
from events.models import Downtime, Watermark

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django import Settings

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

GAP = timedelta(seconds=90)
TICK = timedelta(microseconds=1)


def swept(now: datetime, sweeper: str = "one") -> Downtime | None:
    return recovery.mark_swept(now=now, sweeper=sweeper, longest_gap=GAP)


def test_the_very_first_sweep_follows_no_downtime(world: World) -> None:
    assert swept(world.now) is None
    assert Watermark.objects.get().swept_until == world.now


def test_a_gap_as_long_as_allowed_is_none_and_one_instant_more_is_recorded_once(world: World) -> None:
    swept(world.now)
    first = world.now + GAP
    assert swept(first) is None
    second = first + GAP + TICK
    found = swept(second, "two")
    assert found is not None
    assert (found.started_at, found.ended_at, found.noticed_by) == (first, second, "two")
    assert swept(second, "three") is None
    assert Downtime.objects.count() == 1


def test_a_sweep_whose_moment_another_has_passed_moves_nothing_back(world: World) -> None:
    swept(world.now)
    swept(world.now + timedelta(minutes=1))
    assert swept(world.now) is None
    assert Watermark.objects.get().swept_until == world.now + timedelta(minutes=1)


def test_the_throttles_mark_is_another(world: World) -> None:
    swept(world.now)
    Watermark.objects.update(catch_up_at=world.now)
    swept(world.now + timedelta(hours=1))
    assert Watermark.objects.get().catch_up_at == world.now


def test_a_pass_marks_and_records_and_says_so(
    world: World, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.PUNCTUAL_SWEEP_SECONDS = 60
    began = world.now
    sweeping.one_pass(clock=world.clock, sweeper="one")
    world.now += timedelta(seconds=90)
    sweeping.one_pass(clock=world.clock, sweeper="one")
    assert not Downtime.objects.exists()
    world.now += timedelta(hours=8)
    sweeping.one_pass(clock=world.clock, sweeper="one")
    found = Downtime.objects.get()
    assert (found.started_at, found.ended_at) == (began + timedelta(seconds=90), world.now)
    assert caplog.messages == [f"{found}; what came due in it is caught up by its rules' policies"]
