"""A connection is cut, as by a restart, or the broker is away: what is in hand is settled, what is not waits."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

from events import clock, sweeping, transitions
from events.handling import Completed, HandlerContext, Outcome
from events.models import LoggedMove, Occurrence, OneAttempt
from scheduler_project import filebroker
from tests.engine import handlers
from tests.engine.world import LEASE

if TYPE_CHECKING:
    import pytest
    from pytest_django import Settings

    from tests.engine.world import World


def cut_the_others() -> None:
    """End every other connection to this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def cut_oneself() -> None:
    """End this thread's own connection, which learns of it with its next question."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    own = connection.copy()
    with own.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    own.close()


def test_an_answer_that_comes_while_the_connection_is_cut_is_settled_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.due(3, handler="non-idempotent")
    chunk = world.claim_together()

    def cut_meanwhile(_: HandlerContext) -> Outcome:  # in a thread, and so on a connection of its own
        cut_the_others()
        return Completed()

    handlers.NonIdempotent.answer = staticmethod(cut_meanwhile)
    with caplog.at_level(logging.WARNING):
        assert world.run(chunk).outcomes == {"completed": 3}
    assert len(handlers.Bidden.calls) == OneAttempt.objects.count() == 3
    assert set(Occurrence.objects.values_list("state", "attempt")) == {("COMPLETED", 1)}
    assert not LoggedMove.objects.filter(reason="late_answer").exists()
    assert [text for text in caplog.messages if "did not take what a chunk came to" in text]


def test_nothing_new_starts_while_the_connection_is_cut_and_what_runs_goes_on(world: World) -> None:
    world.due(8, handler="idempotent")
    chunk = world.claim_together()
    looks = 0

    def stopping() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            cut_oneself()
        return False

    assert world.run(chunk, stopping=stopping).outcomes == {"completed": 4}
    left = Occurrence.objects.filter(state="PENDING")
    assert set(left.values_list("attempt", flat=True)) == {0}
    assert left.count() == 4
    world.now += LEASE
    world.recover()
    world.sweep()
    assert set(Occurrence.objects.values_list("state", "attempt")) == {("COMPLETED", 1)}
    assert len(handlers.Bidden.calls) == 8


def test_an_answer_that_comes_after_its_lease_was_judged_changes_nothing(world: World) -> None:
    """The outage outlived the lease: the row is UNKNOWN by then, and the late answer is in the log."""
    world.due(1, handler="non-idempotent")
    (chunk,) = world.claim()

    def recovered_meanwhile(_: HandlerContext) -> Outcome:
        world.now += timedelta(hours=1)
        transitions.settle_lost_attempts(limit=10, origin=world.origin("engine:test"))
        cut_the_others()
        return Completed()

    handlers.NonIdempotent.answer = staticmethod(recovered_meanwhile)
    assert world.run(chunk).outcomes == {"late": 1}
    assert world.only().state == "UNKNOWN"
    assert LoggedMove.objects.get(reason="late_answer").detail == {"outcome": "completed"}


def test_what_a_broker_that_is_away_was_not_offered_is_due_again_and_it_is_asked_again_after_a_pause(
    world: World, settings: Settings
) -> None:
    """The folder of its messages is gone. The one chunk that it did not take may have arrived: it has its lease."""
    settings.PUNCTUAL_CHUNK = 1
    world.due(3, handler="idempotent")
    folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).parent
    shutil.rmtree(folder, ignore_errors=True)
    looks = 0

    def back_before_the_second_pass() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            stands = Occurrence.objects.order_by("pk").values_list("state", "reason")
            assert list(stands) == [("PENDING", "claimed"), *[("SCHEDULED", "broker_away")] * 2]
            filebroker.prepare(folder)
        return looks == 2

    began = clock.now()
    sweep = sweeping.sweep_until(
        world.now + LEASE, clock=world.clock, sweeper="test", stopping=back_before_the_second_pass
    )
    assert clock.now() - began >= sweeping.BROKER_PAUSE
    assert (sweep.passes, sweep.claimed) == (2, 5)
    assert set(Occurrence.objects.values_list("state", "reason")) == {("PENDING", "claimed")}
    assert len(list((folder / "messages").iterdir())) == 2
    shutil.rmtree(folder)
