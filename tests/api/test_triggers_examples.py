"""The examples of triggers and reminders, as their pages say: posted to a server, in that order."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from events import clock, handling
from events.models import Occurrence, Rule
from examples.post import main
from handlers.log.models import Delivery
from tests.api.conftest import account
from tests.engine.world import World

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def send_push(settings: Settings, bidden_handlers: None) -> None:
    """The handlers that the page has installed."""
    [line] = re.findall(r"PUNCTUAL_HANDLERS=(\S+?)`", (ROOT / "examples/triggers/README.md").read_text())
    settings.PUNCTUAL_HANDLERS = line.split(",")
    handling.installed.cache_clear()


def run(
    page: str, live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> list[tuple[int, dict[str, Any]]]:
    """The page's command, for Alice; the status and answer of each file."""
    [command] = re.findall(r"^python -m examples\.post (.*)$", (ROOT / page).read_text(), flags=re.MULTILINE)
    where, _, *files = shlex.split(command)
    where = where.replace("http://127.0.0.1:8000", live_server.url)
    assert main(where, account("alice").key, *(str(ROOT / file) for file in files)) == 0
    answers = [line.split(": ", 1)[1].split(" ", 1) for line in capsys.readouterr().out.splitlines()]
    return [(int(status), json.loads(answer)) for status, answer in answers]


def test_the_triggers_come_move_and_go(live_server: LiveServer, capsys: pytest.CaptureFixture[str]) -> None:
    note, event, moved, cancelled, many = run("examples/triggers/README.md", live_server, capsys)
    assert [status for status, _ in (note, event, moved, cancelled, many)] == [201, 201, 200, 200, 200]
    assert [answer["result"] for _, answer in (note, event, moved, cancelled)] == [
        "created", "created", "moved", "withdrawn",
    ]  # fmt: skip
    assert event[1]["trigger"]["occurrence"] == moved[1]["trigger"]["occurrence"]
    assert [item["result"] for item in many[1]["items"]] == ["created", "created"]
    assert World(clock.now()).sweep() == 1
    assert Delivery.objects.get().payload == {
        "event_id": "event-1001",
        "function": "sendPush",
        "push_subscription": "the-public-vapid-key-of-the-sender",
    }
    assert Occurrence.objects.filter(state="SCHEDULED").count() == 2


def test_the_reminders_are_made_and_one_is_only_looked_at(
    live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    thought, plants, visa, look = run("examples/reminders/README.md", live_server, capsys)
    assert [status for status, _ in (thought, plants, visa, look)] == [201, 201, 201, 200]
    assert (thought[1]["hidden"], thought[1]["due_at"]) == (True, None)
    assert plants[1]["sentence"].startswith("every Monday at 09:00 in UTC")
    assert visa[1]["due_at"] == "2031-04-08T00:00:00Z"
    assert look[1]["id"] is None
    assert Rule.objects.count() == 3


@pytest.mark.parametrize("what", ["triggers", "reminders"])
def test_what_is_refused_says_so_and_ends_with_one(
    what: str, live_server: LiveServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "wrong.json"
    file.write_text("{}")
    assert main(f"{live_server.url}/api/v1/{what}", account("alice").key, str(file)) == 1
    assert "422" in capsys.readouterr().out
