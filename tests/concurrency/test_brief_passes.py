"""A sweep that is awake looks briefly while rows come due one after another, and after all else once a second."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from events import clock, sweeping
from events.models import LoggedMove, Occurrence, Sweep, Watermark
from scheduler_project import filebroker
from tests.engine.world import LEASE, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _broker(settings: Settings) -> Iterator[None]:
    """The broker of files, whose messages nobody takes."""
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).parent
    filebroker.prepare(folder)
    yield
    shutil.rmtree(folder)


def test_a_brief_pass_claims_and_leaves_all_else_to_the_next(world: World) -> None:
    world.due(2)
    (lapsed,) = world.claim(batch=1)
    world.now += LEASE
    done = sweeping.one_pass(clock=world.clock, sweeper="test", is_brief=True)
    assert (done.claimed, done.recovered, done.drained) == (1, 0, True)
    assert not Watermark.objects.exists()

    done = sweeping.one_pass(clock=world.clock, sweeper="test")
    assert (done.claimed, done.recovered) == (1, 1)
    assert Watermark.objects.get().swept_until == world.now
    assert LoggedMove.objects.filter(occurrence__in=lapsed.ids, reason="claim_lapsed").count() == 1


def test_what_lapses_while_rows_come_due_all_the_time_is_found(world: World) -> None:
    rows = world.due(60)
    world.claim(batch=1)
    now = clock.now()
    for number, row in enumerate(rows[1:]):
        Occurrence.objects.filter(pk=row.pk).update(available_at=now + number * SECOND / 20)
    Occurrence.objects.filter(pk=rows[0].pk).update(lease_expires_at=now + SECOND / 2)
    sweep = sweeping.sweep_until(now + 3 * SECOND, clock=clock.now, sweeper="test", stopping=lambda: False)

    assert LoggedMove.objects.filter(reason="claim_lapsed").count() == 1
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"PENDING"}
    early = LoggedMove.objects.filter(reason="claimed", occurrence__in=[row.pk for row in rows[1:]])
    available = dict(Occurrence.objects.values_list("pk", "available_at"))
    assert all(move.at >= available[move.occurrence_id] for move in early)
    assert sweep.claimed == 60
    assert sweep.recovered == 1
    assert sweep.passes > 3
    assert Sweep.objects.get().seen_at >= now + 3 * SECOND
