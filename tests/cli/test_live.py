"""With everything running: what comes, what is watched meanwhile, and a database that goes away."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import PASSWORD
from tests.cli.running import Cli
from tests.cli.serving import serving
from tests.harness.postgres import StoppablePostgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.deployment import Deployment

LIVE = ("web", "sweeper", "worker-1", "worker-2", "beat-1")
ACCOUNT = (
    "from django.contrib.auth.models import User; User.objects.create_user({name!r}, password={password!r})"
)
SECONDS = 90


@pytest.fixture(scope="module")
def postgres() -> Iterator[StoppablePostgres]:
    """A database of this module's own."""
    server = StoppablePostgres()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def live(postgres: StoppablePostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All programs."""
    variables = {**os.environ, "DATABASE_URL": postgres.url}
    with serving(variables, tmp_path_factory.mktemp("var"), *LIVE) as deployment:
        yield deployment


@pytest.fixture
def alice(live: Deployment, tmp_path: Path, request: pytest.FixtureRequest) -> Cli:
    """A machine at which the owner of a new account is logged in."""
    name = request.node.name.removeprefix("test_")[:100]
    live.manage("shell", "-v", "0", "-c", ACCOUNT.format(name=name, password=PASSWORD))
    cli = Cli(tmp_path)
    url = live.variables["URL"]
    done = cli("login", "--url", url, "--name", name, "--password-stdin", stdin=PASSWORD)
    assert done.code == 0, done.err
    return cli


def until(live: Deployment, what: str, look: Any) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not within {SECONDS} s\n{live.told()}"
        time.sleep(0.2)
    return found


def test_a_reminder_comes_and_is_past_then(alice: Cli, live: Deployment) -> None:
    assert alice("remind", "Call mom", "--at", "in 2 seconds", "--yes").code == 0
    came = until(live, "it came", lambda: alice("past", "--json").lines)
    assert [each["state"] for each in came] == ["COMPLETED"]
    told = alice("past").out
    assert "Call mom" in told
    assert "completed" in told
    until(live, "nothing is ahead", lambda: alice("list").out == "You have no reminders.\n")


def test_a_hidden_reminder_shows_its_moment_once_it_came(alice: Cli, live: Deployment) -> None:
    assert alice("remind", "Think of her", "--within", "2s", "--yes").code == 0
    came = until(live, "it came", lambda: alice("past", "--json").lines)
    assert (came[0]["hidden"], bool(came[0]["due_at"])) == (False, True)


def test_a_past_reminder_can_be_snoozed_and_comes_again(alice: Cli, live: Deployment) -> None:
    made = alice("remind", "Call mom", "--at", "in 1 second", "--yes", "--json").json
    until(live, "it came", lambda: alice("past", "--json").lines)
    done = alice("snooze", str(made["id"]), "--for", "1s")
    assert done.code == 0, done.err
    until(live, "it came again", lambda: len(alice("past", "--json").lines) == 2)


def test_whoever_watches_by_lines_sees_each_change_and_ends_it_with_ctrl_c(
    alice: Cli, live: Deployment
) -> None:
    with alice.started("watch", "--json", "--every", "0.5") as watching:
        seen: list[dict[str, Any]] = []
        reader = threading.Thread(target=_read, args=(watching.stdout, seen))
        reader.start()
        assert alice("remind", "Call mom", "--at", "in 4 seconds", "--yes").code == 0
        until(live, "it was seen ahead", lambda: "SCHEDULED" in {each["state"] for each in list(seen)})
        until(live, "it was seen past", lambda: "COMPLETED" in {each["state"] for each in list(seen)})
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
        reader.join(30)
        assert {each["id"] for each in seen} == {seen[0]["id"]}
        assert _rest(watching.stderr) == "Interrupted.\n"


def _read(stream: Any, seen: list[dict[str, Any]]) -> None:
    seen.extend(json.loads(line) for line in stream)


def _rest(stream: Any) -> str:
    return str(stream.read())


def test_whoever_watches_in_a_terminal_sees_a_table_that_is_drawn_again(alice: Cli, live: Deployment) -> None:
    with alice.in_terminal("watch", "--every", "0.5") as terminal:
        terminal.expect("Upcoming")
        terminal.expect("Just happened")
        assert alice("remind", "Call mom", "--at", "in 4 seconds", "--yes").code == 0
        terminal.expect("scheduled", SECONDS)
        terminal.expect("completed", SECONDS)
        terminal.interrupt()
        assert terminal.end() == 130
    assert terminal.seen.rstrip().endswith("Interrupted.")
    assert "\x1b[?1049l" in terminal.seen  # the screen is as it was before


def test_a_watch_whose_reader_goes_away_ends_without_a_word(alice: Cli) -> None:
    assert alice("remind", "Call mom", "--at", "in 20 hours", "--yes").code == 0
    with alice.started("watch", "--json", "--every", "0.5") as watching:
        assert watching.stdout is not None
        assert json.loads(watching.stdout.readline())["state"] == "SCHEDULED"
        watching.stdout.close()
        assert alice("remind", "Call dad", "--at", "in 20 hours", "--yes").code == 0
        assert watching.wait(30) == 141
        assert _rest(watching.stderr) == ""


def test_without_the_database_it_ends_with_four_and_goes_on_when_it_is_back(
    alice: Cli, live: Deployment, postgres: StoppablePostgres
) -> None:
    given = ("remind", "Call mom", "--at", "2090-12-24T18:00", "--yes")
    postgres.stop()
    away = alice("list")
    with alice.started(*given, PUNCTUAL_PATIENCE="60") as waiting:
        assert waiting.stderr is not None
        told = waiting.stderr.readline()
        postgres.start()
        assert waiting.wait(90) == 0
    assert (away.code, away.out) == (4, "")
    assert "is busy (503). The database does not answer now." in away.err
    assert "is busy (503); trying again in " in told
    assert len(alice("list", "--json", PUNCTUAL_PATIENCE="60").lines) == 1
