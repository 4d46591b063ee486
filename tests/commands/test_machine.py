"""`breakers` and `downtimes`, what the doctor says of clocks, downtimes and breakers, and how a clock is measured."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from events import breakers, clock, skew, tasks
from events.breakers import Destination, Tolerance
from events.management import database_checks, machine_checks
from events.management.findings import Status
from events.models import Breaker, Downtime, Occurrence, ProcessClock, Watermark
from tests.commands.conftest import ROOT, run
from tests.commands.test_as_processes import NOWHERE
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.postgres import StoppablePostgres

pytestmark = pytest.mark.django_db

OK, WARN = Status.OK, Status.WARN
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
EXAMPLE = Destination("webhook", "example.com:443")


@pytest.fixture
def world(db: None) -> World:
    """A world at the database's present second."""
    return World(clock.now().replace(microsecond=0))


def fail_often(world: World) -> None:
    tolerance = Tolerance(5, 30 * SECOND)
    breakers.failed(EXAMPLE, [1, 2, 3, 4, 5], why="503", tolerance=tolerance, now=world.now)


def test_no_breakers_and_no_downtimes_are_said(world: World) -> None:
    assert run("breakers").out == "None: no call to any destination has failed.\n"
    assert run("downtimes").out == "None: sweeps have followed each other without a gap.\n"
    assert json.loads(run("breakers", "--json").out) == []
    assert json.loads(run("downtimes", "--json").out) == []


def test_an_open_breaker_is_listed_and_the_doctor_says_what_to_do(world: World) -> None:
    assert machine_checks.breakers(world.now).status is OK
    fail_often(world)
    row = world.due(handler="webhook", payload={"url": "https://example.com/"})[0]
    Occurrence.objects.filter(pk=row.pk).update(hold="breaker_open", destination=EXAMPLE.name)
    told = machine_checks.breakers(world.now)
    assert told.status is WARN
    assert told.says == (
        "webhook to example.com:443 is open: no call is made before the next probe, in 30 s "
        "(5 failures in a row: 503); it holds 1 row."
    )
    assert "manage.py breakers close" in told.next_step
    assert run("breakers").out.startswith("webhook to example.com:443 is open: ")
    (listed,) = json.loads(run("breakers", "list", "--json").out)
    assert (listed["state"], listed["failures"], listed["holds"]) == ("open", 5, 1)


def test_the_states_of_a_breaker_in_words(world: World) -> None:
    fail_often(world)
    later = world.now + MINUTE
    assert "open: the next sweep that finds a row for it" in machine_checks.breakers(later).says
    assert breakers.take_probe(EXAMPLE, 77, window=MINUTE, now=later)
    assert "half open: occurrence 77 is the probe" in machine_checks.breakers(later).says
    breakers.succeeded(EXAMPLE, now=later)
    assert machine_checks.breakers(later).status is OK
    assert "is closed: calls are made (503); it holds 0 rows." in run("breakers").out


def test_a_breaker_is_closed_by_a_command_which_the_log_remembers(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    fail_often(world)
    ran = run("breakers", "close", *EXAMPLE, "--reason", "they mended it", "--actor", "dora")
    assert ran.out.startswith("webhook to example.com:443 is closed")
    assert Breaker.objects.get().state == "closed"
    assert "closed by user:dora: they mended it" in caplog.text
    again = run("breakers", "close", *EXAMPLE, "--reason", "again")
    assert again.refused.endswith("is closed: its calls are made. All are closed.")
    fail_often(world)
    other = run("breakers", "close", "webhook", "exampel.com:443", "--reason", "a slip")
    assert other.refused.endswith("Not closed: webhook to example.com:443.")


def test_a_breaker_is_opened_by_a_command_though_nothing_failed_yet(world: World) -> None:
    ran = run("breakers", "open", *EXAMPLE, "--minutes", "15", "--reason", "maintenance", "--actor", "dora")
    assert ran.out.startswith("webhook to example.com:443 is open: no call is made before ")
    row = Breaker.objects.get()
    assert (row.state, row.last_failure) == ("open", "opened by user:dora: maintenance")
    assert row.probe_at is not None
    assert row.probe_at - row.changed_at == 15 * MINUTE
    assert not breakers.take_probe(EXAMPLE, 1, window=MINUTE, now=row.probe_at - SECOND)
    assert breakers.take_probe(EXAMPLE, 1, window=MINUTE, now=row.probe_at)


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["close"], "Say which and why"),
        (["close", *EXAMPLE], "Say which and why"),
        (["open", "webhook", "--reason", "why"], "Say which and why"),
        (
            ["open", "pigeon", "example.com:443", "--reason", "why"],
            "No handler called 'pigeon' is installed.",
        ),
        (["open", "webhook", "x" * 256, "--reason", "why"], "A destination has 1 to 255 characters"),
        (
            ["open", *EXAMPLE, "--reason", "why", "--minutes", "0"],
            "--minutes: give a whole number from 1 to 10080.",
        ),
        (["open", *EXAMPLE, "--reason", "why", "--minutes", "10081"], "--minutes: give"),
        (["open", *EXAMPLE, "--reason", "why", "--minutes", "9" * 20], "--minutes: give"),
    ],
)
def test_what_makes_no_sense_opens_and_closes_nothing(
    world: World, arguments: list[str], refused: str
) -> None:
    fail_often(world)
    before = Breaker.objects.values().get()
    assert refused in run("breakers", *arguments).refused
    assert Breaker.objects.values().get() == before


def test_downtimes_are_told_the_latest_first(world: World) -> None:
    row = world.due(start_date=world.now.date())[0]
    for number, ended_at in enumerate((row.due_at - MINUTE, row.due_at + MINUTE)):
        Downtime.objects.create(started_at=ended_at - 2 * MINUTE, ended_at=ended_at, noticed_by=f"a:{number}")
    latest, before = run("downtimes").out.splitlines()
    assert latest.endswith("(2 min): 1 came due, it still waits.")
    assert before.endswith("(2 min): nothing came due.")
    assert run("downtimes", "--last", "1").out.splitlines() == [latest]
    assert run("downtimes", "--last", "0").refused == "--last: give 1 or more."
    told = json.loads(run("downtimes", "--json").out)
    assert [(each["due"], each["waiting"], each["noticed_by"]) for each in told] == [
        (1, 1, "a:1"),
        (0, 0, "a:0"),
    ]
    assert told[0]["says"] == latest


def test_the_doctor_warns_while_a_downtime_is_being_caught_up(world: World) -> None:
    assert machine_checks.downtime(world.now).says == "There was none in the last seven days."
    world.due(2, grace=timedelta(0))
    down = Downtime.objects.create(
        started_at=world.now - MINUTE, ended_at=world.now + MINUTE, noticed_by="a:1"
    )
    world.now = down.ended_at
    told = machine_checks.downtime(world.now)
    assert told.status is WARN
    assert (
        "2 came due, both still wait. Catching up: 2 rows later than their grace wait in the lane catchup"
        in told.says
    )
    world.sweep()
    told = machine_checks.downtime(world.now)
    assert (told.status, told.says[-37:]) == (OK, "(2 min): 2 came due, both fired late.")
    assert "none" in machine_checks.downtime(world.now + timedelta(days=7, seconds=1)).says


def test_the_doctor_says_until_when_time_is_swept(world: World) -> None:
    world.tick()
    run("sweep", "--once")
    until = Watermark.objects.get().swept_until
    assert machine_checks.swept_until(until) == f", and time is swept until {until:%H:%M:%S} UTC".replace(
        ":00 UTC", " UTC"
    )


def test_the_doctor_names_every_process_whose_clock_is_wrong(world: World) -> None:
    now = clock.now()
    assert machine_checks.clocks(now).says == "No process has compared its clock with the database's lately."
    assert abs(skew.measure("worker", process="right:1")) < SECOND
    assert machine_checks.clocks(clock.now()).says == "1 process compared; none is off by over a second."
    for number in range(5):
        ProcessClock.objects.create(process=f"far:{number}", role="web", skew=MINUTE, measured_at=now)
    told = machine_checks.clocks(clock.now())
    assert told.status is WARN
    assert all(f"web far:{number} is 1 min ahead" in told.says for number in range(5))
    assert "right:1" not in told.says
    assert "NTP" in told.next_step


def test_a_process_measures_once_a_minute_and_has_one_row(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skew, "_memory", skew._Memory(0))
    skew.measure_now_and_then("worker")
    first = ProcessClock.objects.get(process=skew.this_process()).measured_at
    skew.measure_now_and_then("worker")
    assert ProcessClock.objects.get().measured_at == first
    skew._memory.next_at -= skew.SECONDS_BETWEEN
    skew.measure_now_and_then("sweeper")
    row = ProcessClock.objects.get()
    assert (row.role, row.measured_at > first) == ("sweeper", True)


def test_a_wrong_clock_is_warned_of_once_until_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    memory = skew._Memory(1)
    with caplog.at_level(logging.WARNING):
        for seconds in (0.9, -1.0, 300, 300.2, 299.5, 302, 0.1, 0.2, -5):
            skew._tell(seconds * SECOND, memory)
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "this process's clock is 5 min ahead",
        "this process's clock is 5 min 2 s ahead",
        "this process's clock agrees with the database's again",
        "this process's clock is 5 s behind",
    ]


def test_without_a_database_nothing_is_measured_and_nothing_raised() -> None:
    code = (
        "import django; django.setup()\n"
        "from events import skew\n"
        "skew.measure_now_and_then('worker')\n"
        "skew.measure_now_and_then('worker')\n"
        "print('unharmed')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **NOWHERE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("unharmed\n", "")


def test_after_an_outage_the_next_user_of_the_connection_finds_a_living_one(
    own_postgres: StoppablePostgres,
) -> None:
    code = (
        "import sys, django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('migrate', verbosity=0)\n"
        "from events import clock, skew\n"
        "clock.now(); print('away', flush=True); sys.stdin.readline()\n"
        "skew.measure_now_and_then('worker')\n"
        "print('unharmed', flush=True); sys.stdin.readline()\n"
        "clock.now(); print('well')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": own_postgres.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "away\n"
        own_postgres.stop()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "unharmed\n"
        own_postgres.start()
        said, _ = process.communicate("\n", timeout=30)
    assert (said, process.returncode) == ("well\n", 0)


def test_processes_that_are_gone_are_forgotten_after_an_hour(world: World) -> None:
    now = clock.now()
    for process, ago in (("here:1", 59), ("gone:2", 61)):
        ProcessClock.objects.create(
            process=process, role="web", skew=timedelta(0), measured_at=now - ago * MINUTE
        )
    tasks.prune()
    assert [row.process for row in ProcessClock.objects.all()] == ["here:1"]


def test_the_doctor_looks_at_the_machine_too() -> None:
    assert {"clocks", "downtime", "breakers"} <= set(database_checks.LOOKS)
