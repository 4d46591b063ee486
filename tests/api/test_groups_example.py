"""The example of groups, as its page says: types from a file, and messages sent to a server."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from events import clock
from events.models import Group
from examples.post import main
from handlers.log.models import Delivery
from tests.api.conftest import account
from tests.commands.conftest import run
from tests.engine.world import World

if TYPE_CHECKING:
    import pytest
    from pytest_django.live_server_helper import LiveServer

    from tests.harness.database import CommittedDatabase

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "examples" / "groups" / "README.md").read_text()


def sent(address: str, key: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the page's command is answered, file by file."""
    [command] = re.findall(r"^python -m examples\.post (.*)$", PAGE, flags=re.MULTILINE)
    where, _, *files = shlex.split(command)
    where = where.replace("http://127.0.0.1:8000", address)
    assert main(where, key, *(str(ROOT / file) for file in files)) == 0
    return [json.loads(line.split(" ", 2)[2]) for line in capsys.readouterr().out.splitlines()]


def test_the_page_is_followed_word_by_word(
    committed_db: CommittedDatabase, live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    [file] = re.findall(r"`manage\.py apply (.*)`", PAGE)
    run("apply", ROOT / file, "--yes")
    key = account("alice").key
    capsys.readouterr()
    upload, simulation, action = sent(live_server.url, key, capsys)
    assert (upload["sealed"], simulation["sealed"], action["sealed"]) == (True, False, False)
    again = sent(live_server.url, key, capsys)
    assert [(each["position"], each["repeated"]) for each in again] == [(1, False), (2, False), (1, True)]
    world = World(clock.now())
    assert world.sweep() == 2
    told = [delivery.payload for delivery in Delivery.objects.all()]
    assert [each["data"] for each in told] == [[{"upload_id": "1"}, {"upload_id": "2"}]] * 2
    assert set(Group.objects.values_list("type__rule__name", flat=True)) == {
        "UPLOAD", "SIMULATION", "GROUPED_ACTION",
    }  # fmt: skip


def test_what_is_refused_is_told_and_ends_with_one(
    committed_db: CommittedDatabase, live_server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    key = account("alice").key
    assert (
        main(f"{live_server.url}/api/v1/groups", key, str(ROOT / "examples" / "groups" / "upload.json")) == 1
    )
    assert "there is no group type 'UPLOAD'" in capsys.readouterr().out
