"""Files for `manage.py apply`, and the people whom they are about."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING
from uuid import uuid4

from events.management.yaml_files import read_text
from events.operations import declared
from events.operations.declared import File
from events.transitions import Origin
from tests.commands.conftest import run

if TYPE_CHECKING:
    from datetime import datetime

    from events.operations.declared import Plan
    from tests.commands.conftest import Ran
    from tests.engine.world import World

RULE = """
    version: 1
    rules:
      - name: Rent
        audience_kind: person
        start_date: 2026-01-01
        local_time: 09:00
        rrule: FREQ=DAILY
        handler: log
"""


def yaml_file(folder: Path, text: str, *, name: str = "rules.yaml") -> Path:
    """A file of that text, whose lines are moved to the left."""
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def apply(folder: Path, text: str, *options: str) -> Ran:
    """Apply a file of that text without asking."""
    return run("apply", yaml_file(folder, text), *(options or ("--yes",)))


def refusals(folder: Path, text: str) -> list[str]:
    """What the file is refused for, each line with its beginning up to the line's number taken off."""
    said = apply(folder, text)
    assert said.out == ""
    first, *lines = said.refused.splitlines()
    assert (
        first == f"The files were refused: {len(lines)} mistake{'s' * (len(lines) > 1)}; nothing was written."
    )
    start = f"- {folder}/rules.yaml"
    assert all(line.startswith(start) for line in lines)
    return [line.removeprefix(start).removeprefix(", ") for line in lines]


def meant(text: str) -> declared.Declared:
    """What the text declares."""
    return declared.read_files([File("a.yaml", read_text("a.yaml", dedent(text)))])


def make_so(world: World, text: str, *, now: datetime | None = None, prune: bool = False) -> Plan:
    """Have it so, as at an instant; what was done."""
    origin = Origin("user:alice", uuid4(), now or world.now)
    return declared.make_so(meant(text), prune=prune, horizon=world.horizon, origin=origin)


def actions(plan: Plan) -> list[tuple[str, str]]:
    """Each step's verb and name."""
    return [(step.action, step.name) for step in plan.steps]
