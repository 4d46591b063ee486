"""A handler in a package of its own is found where it is installed, and nothing of ours is edited for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.thirdparty_handler import wheel

ROOT = Path(__file__).resolve().parents[2]
LIST = """
import json, django
django.setup()
from events.handling import installed
print(json.dumps({name: [handler.kind, type(handler).__module__] for name, handler in installed().items()}))
"""
A_HANDLER = """
from events.handling import Handler, Kind
class Another(Handler):
    name = {name}
    kind = Kind.IDEMPOTENT
class NotAHandler:
    name = "nonsense"
"""


def install(built: Path, target: Path) -> Path:
    """Install a wheel into a folder, as an operator would, but with no network."""
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-index", "--no-deps", "--no-compile", "--target", str(target), str(built),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=120)
    return target


def fresh_process(*folders: Path) -> subprocess.CompletedProcess[str]:
    """Ask a new Python, with these folders on its path, which handlers are installed."""
    path = os.pathsep.join(map(str, [ROOT, *folders]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": ""}
    command = [sys.executable, "-c", LIST]
    return subprocess.run(
        command, env=environment, cwd=folders[0], capture_output=True, text=True, timeout=120, check=False
    )


def offering(tmp_path: Path, *, name: str, target: str) -> Path:
    """Install another package, whose entry point leads to `target` in a module `another`."""
    sources = {"another.py": A_HANDLER.format(name=name)}
    built = wheel.build(tmp_path, "another", "1.0", sources, {"another": target})
    return install(built, tmp_path / "installed")


@pytest.fixture(scope="module")
def pigeon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with carrier-pigeon installed."""
    folder = tmp_path_factory.mktemp("pigeon")
    return install(wheel.carrier_pigeon(folder), folder / "installed")


def test_it_is_found_beside_ours(pigeon: Path) -> None:
    answer = fresh_process(pigeon)
    assert answer.returncode == 0, answer.stderr
    listed = json.loads(answer.stdout)
    assert listed.pop("pigeon") == ["non_idempotent", "carrier_pigeon"]
    assert listed == {
        "log": ["transactional", "handlers.log.handler"],
        "webhook": ["idempotent", "handlers.webhook.handler"],
    }


def test_it_is_gone_where_it_is_not_installed(tmp_path: Path) -> None:
    assert list(json.loads(fresh_process(tmp_path).stdout)) == ["log", "webhook"]


def test_a_second_handler_of_a_name_is_loud_and_both_are_named(tmp_path: Path, pigeon: Path) -> None:
    answer = fresh_process(pigeon, offering(tmp_path, name="'pigeon'", target="another:Another"))
    assert answer.returncode != 0
    assert "Two handlers are called 'pigeon'" in answer.stderr
    assert "carrier_pigeon:PigeonHandler" in answer.stderr
    assert "another:Another" in answer.stderr


def test_a_handler_from_outside_cannot_take_the_name_of_ours(tmp_path: Path) -> None:
    answer = fresh_process(offering(tmp_path, name="'webhook'", target="another:Another"))
    assert "Two handlers are called 'webhook'" in answer.stderr
    assert "handlers.webhook.handler.WebhookHandler" in answer.stderr


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [
        ("None", "another:Another", "another:Another (entry point another) is not a usable handler"),
        ("'another'", "another:NotAHandler", "not a subclass of events.handling.Handler"),
        ("'another'", "another:Missing", "Missing"),
        ("'another'", "nowhere:Another", "nowhere"),
        ("1 / 0", "another:Another", "ZeroDivisionError"),
    ],
)
def test_a_broken_handler_is_loud_and_says_what_is_wrong(
    tmp_path: Path, name: str, target: str, words: str
) -> None:
    answer = fresh_process(offering(tmp_path, name=name, target=target))
    assert answer.returncode != 0
    assert words in answer.stderr
