"""`plan`, `recover`, `sweep`: each engine alone, once."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kombu.exceptions import OperationalError

from events import publishing, sweeping
from events.models import LoggedMove, Occurrence, Rule, Sweep
from events.shards import Shard
from events.transitions import Origin
from tests.commands.conftest import run

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from tests.engine.world import World

pytestmark = pytest.mark.django_db


def make_due(world: World, count: int = 1) -> None:
    """As if the first rows had just come due."""
    first = Occurrence.objects.order_by("due_at", "id").values_list("pk", flat=True)[:count]
    Occurrence.objects.filter(pk__in=list(first)).update(available_at=world.now)


def test_planning_writes_what_is_missing_and_a_second_pass_nothing(world: World) -> None:
    world.person("alice")
    world.rule()
    Rule.objects.update(planned_until=world.now + timedelta(hours=1))
    Occurrence.objects.all().delete()

    first, second = run("plan", "--once", actor="alice"), run("plan")

    written = Occurrence.objects.count()
    assert written >= 1
    assert first.out.startswith(f"{written} occurrence")
    assert second.out.startswith("0 occurrences planned, up to ")
    assert LoggedMove.objects.order_by("-number")[0].actor == "user:alice"


def test_recovery_returns_a_lapsed_claim_and_says_so(world: World) -> None:
    world.person("alice")
    world.rule()
    make_due(world)
    world.claim()
    Occurrence.objects.filter(state="PENDING").update(lease_expires_at=world.now)
    assert (
        run("recover").out == "1 lapsed claim returned, 0 lost attempts settled (0 of them UNKNOWN), "
        "0 unknown outcomes to be asked about, 0 settled by policy, 0 held rows released.\n"
    )
    assert run("recover", "--once").out.startswith("0 lapsed claims returned")


def test_one_sweep_hands_what_is_due_to_the_workers(world: World, broker: Path) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Tokyo"})
    world.rule()
    make_due(world, 2)
    assert run("sweep", "--once").out == "0 rows recovered, 2 rows handed to the workers.\n"
    assert Occurrence.objects.filter(state="PENDING").count() == 2
    assert len(list(broker.glob("*.msg"))) == 1
    assert run("sweep", "--once").out == "0 rows recovered, 0 rows handed to the workers.\n"


def test_a_sweep_says_when_the_cap_leaves_rows_behind(world: World, broker: Path, settings: Settings) -> None:
    world.people({"alice": "Europe/Berlin", "bob": "Asia/Tokyo"})
    world.rule()
    make_due(world, 2)
    settings.PUNCTUAL_CLAIM_BATCH = settings.PUNCTUAL_IN_FLIGHT_CAP = 1
    assert "More is due" in run("sweep", "--once").out


def test_a_sweep_whose_broker_is_away_says_so_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(publishing, "_send", away)
    world.person("alice")
    world.rule()
    make_due(world)
    assert run("sweep", "--once").refused.startswith("The broker did not take what is due; nothing is lost.")


def test_a_sweep_stays_awake_from_watch_to_watch_until_it_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    watches: list[bool] = []

    def watch(*_: object, stopping: Any, **__: object) -> Sweep:
        if len(watches) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        watches.append(stopping())
        return Sweep(claimed=2, recovered=1)

    monkeypatch.setattr(sweeping, "sweep_until", watch)
    before = signal.getsignal(signal.SIGINT)
    assert run("sweep").out.endswith("Stopped. 2 rows recovered, 4 rows handed to the workers.\n")
    assert watches == [False, True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_signal_ends_a_sweep_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def watch(*_: object, **__: object) -> Sweep:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("unreachable")

    monkeypatch.setattr(sweeping, "sweep_until", watch)
    assert run("sweep").refused == "Interrupted: what was not finished is not written."


def test_origins_name_the_login_of_who_runs_a_command(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Origin] = []

    def planned(*, horizon: timedelta, shard: Shard, planners: int, origin: Origin) -> int:
        seen.append(origin)
        return 0

    monkeypatch.setattr("events.planning.plan_due_rules", planned)

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setenv("LOGNAME", "carol")
    run("plan")
    monkeypatch.setattr("getpass.getuser", nobody)
    run("plan")
    run("plan", "--actor", " dora ")
    assert [origin.actor for origin in seen] == ["user:carol", f"user:uid {os.getuid()}", "user:dora"]


@pytest.mark.parametrize("actor", ["", " ", "x" * 191, "a\nb"])
def test_an_actor_that_the_log_could_not_show_is_refused(world: World, actor: str) -> None:
    assert "--actor: give a name" in run("plan", f"--actor={actor}").refused
