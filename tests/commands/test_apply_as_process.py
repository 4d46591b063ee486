"""`apply` and `export` as people and scripts run them: asked on a terminal, in pipes, and while somebody else edits."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from events import clock, operations
from events.models import Occurrence, Rule
from tests.commands.conftest import ROOT
from tests.commands.yaml_text import RULE, yaml_file
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.commands.conftest import Process
    from tests.harness.database import CommittedDatabase

PATIENCE = 60
QUESTION = "Write it? [y/N] "


@pytest.fixture
def world(committed_db: CommittedDatabase) -> World:
    """Alice, in UTC, on committed rows."""
    world = World(clock.now())
    world.person(timezone="UTC")
    return world


@dataclass
class Terminal:
    """A process on a terminal of its own, and what that has shown so far."""

    process: subprocess.Popen[bytes]
    end: int
    shown: str = ""

    def until(self, text: str) -> None:
        """Read until the terminal shows this."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            ready, _, _ = select.select([self.end], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"{text!r} was never shown: {self.shown}"
            self.shown += os.read(self.end, 4096).decode().replace("\r\n", "\n")


@contextmanager
def asked(committed_db: CommittedDatabase, *arguments: object) -> Iterator[Terminal]:
    """`manage.py apply` on a terminal, when it asks."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "apply", *map(str, arguments)]
    with subprocess.Popen(
        command, cwd=ROOT, env=committed_db.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        terminal = Terminal(process, ours)
        try:
            terminal.until(QUESTION)
            yield terminal
        finally:
            process.kill()
            os.close(ours)


def test_yes_on_a_terminal_writes_what_was_shown(
    world: World, committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    with asked(committed_db, yaml_file(tmp_path, RULE)) as terminal:
        assert terminal.shown == (f"create rule 'Rent': 2 rows written\n1 change to be made.\n{QUESTION}")
        assert not Rule.objects.exists()
        os.write(terminal.end, b"y\n")
        terminal.until("Written.")
        assert terminal.process.wait(PATIENCE) == 0
    assert (Rule.objects.get().name, Occurrence.objects.count()) == ("Rent", 2)


@pytest.mark.parametrize("said", ["n\n", "\n", "yesterday\n", "\x04"])
def test_any_other_answer_writes_nothing(
    world: World, committed_db: CommittedDatabase, tmp_path: Path, said: str
) -> None:
    with asked(committed_db, yaml_file(tmp_path, RULE)) as terminal:
        os.write(terminal.end, said.encode())
        terminal.until("Nothing was written.")
        assert terminal.process.wait(PATIENCE) == 1
    assert not Rule.objects.exists()


def test_an_interrupt_instead_of_an_answer_writes_nothing(
    world: World, committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    with asked(committed_db, yaml_file(tmp_path, RULE)) as terminal:
        terminal.process.send_signal(signal.SIGINT)
        terminal.until("Interrupted: what was not finished is not written.")
        assert terminal.process.wait(PATIENCE) == 130
    assert not Rule.objects.exists()


def test_while_somebody_is_asked_nobody_waits_and_their_edit_is_not_overwritten(
    world: World, committed_db: CommittedDatabase, manage: Process, tmp_path: Path
) -> None:
    file = yaml_file(tmp_path, RULE)
    assert manage("apply", file, "--yes").returncode == 0
    yaml_file(tmp_path, RULE.replace("09:00", "10:00"))
    with asked(committed_db, file) as terminal:
        rule = Rule.objects.get()
        rule.payload = {"text": "Bob was here"}
        operations.change_rule(rule, horizon=world.horizon, origin=world.origin("user:bob"))
        before = list(Occurrence.objects.order_by("pk").values())
        os.write(terminal.end, b"y\n")
        terminal.until("Load it again")
        assert terminal.process.wait(PATIENCE) == 1
    assert "rule 'Rent' has version 2 now, and version 1 was expected" in terminal.shown
    assert list(Occurrence.objects.order_by("pk").values()) == before
    assert Rule.objects.get().payload == {"text": "Bob was here"}


def test_a_pipeline_exports_and_applies_and_says_what_it_did(
    world: World, manage: Process, tmp_path: Path
) -> None:
    file = yaml_file(tmp_path, RULE)
    assert manage("apply", file).returncode == 1
    written = manage("apply", file, "--yes", "--json")
    assert [step["action"] for step in json.loads(written.stdout)["steps"]] == ["create"]
    exported = manage("export")
    assert (exported.returncode, exported.stderr) == (0, "")
    again = manage("apply", yaml_file(tmp_path, exported.stdout, name="again.yaml"))
    assert (again.returncode, again.stdout, again.stderr) == (0, "Nothing to do; 1 unchanged.\n", "")


def test_a_refusal_is_one_message_without_a_traceback(world: World, manage: Process, tmp_path: Path) -> None:
    ran = manage("apply", yaml_file(tmp_path, RULE.replace("DAILY", "DALY")), "--yes")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("CommandError: The files were refused: 1 mistake; nothing was written.\n- ")
    assert "line 8: rule 'Rent': rrule: 'FREQ=DALY'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_two_who_apply_at_once_write_it_once(
    world: World, committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    file = yaml_file(tmp_path, RULE)
    command = [sys.executable, "manage.py", "apply", str(file), "--yes"]
    runs = [
        subprocess.Popen(
            command, cwd=ROOT, env=committed_db.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [run.communicate(timeout=PATIENCE)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(said) == [
        "Nothing to do; 1 unchanged.\n",
        "create rule 'Rent': 2 rows written\n1 change made.\n",
    ]
    assert (Rule.objects.get().version, Occurrence.objects.count()) == (1, 2)
