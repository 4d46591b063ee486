"""docs/cli.md tells what there is, and nothing else."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from punctual_cli.app import app
from punctual_cli.errors import ExitCode
from typer.main import get_command

from tests.architecture.test_docs import DOCS, ROOT, rows, section

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = DOCS / "cli.md"
SHARED = {"--json", "--profile", "--zone", "--help"}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path."""
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from commands(each, (*path, name))
        else:
            yield (*path, name), each


ALL = dict(commands(get_command(app)))


def told() -> dict[tuple[str, ...], str]:
    """By command: what its row says."""
    found: dict[tuple[str, ...], str] = {}
    for names, does in rows(section(PAGE, "## Commands")):
        first, *others = [re.sub(r" *\[?[A-Z]+\]?", "", name).split() for name in names.split(", ")]
        for words in [first, *([first[0], *other] for other in others)]:
            found[tuple(words)] = does
    return found


def test_every_command_has_its_row_and_no_other_has() -> None:
    assert sorted(told()) == sorted(ALL)


def test_every_option_that_the_page_names_exists_and_every_command_takes_the_shared_ones() -> None:
    options = {option for command in ALL.values() for each in command.params for option in each.opts}
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text()))
    assert named <= options | {"--help", "--install-completion"}
    for path, command in ALL.items():
        own = {option for each in command.params for option in each.opts} | {"--help"}
        assert own >= SHARED, path
        row = set(re.findall(r"--[a-z][a-z-]+", told()[path]))
        assert path[0] in {"rules", "groups"} or row <= own, path


def test_every_command_and_every_option_has_its_help() -> None:
    for path, command in ALL.items():
        assert command.help, path
        for each in command.params:
            assert each.help, (path, each.name)


def test_every_exit_code_is_explained() -> None:
    assert [int(code) for code, _ in rows(section(PAGE, "## For programs"))] == list(ExitCode)


def test_every_variable_that_is_read_is_explained_and_no_other_is() -> None:
    source = "".join(path.read_text() for path in (ROOT / "clients" / "cli").rglob("*.py"))
    read = set(re.findall(r'"((?:PUNCTUAL_[A-Z_]+))"', source))
    assert {name for name, _ in rows(section(PAGE, "## Settings"))} == read | {"NO_COLOR"}


def test_what_the_program_needs_is_in_our_lock() -> None:
    project = tomllib.loads((ROOT / "clients" / "cli" / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements-dev.txt").read_text()
    for need in project["dependencies"]:
        name = re.split(r"[<>=]", need)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), name
