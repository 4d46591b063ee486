"""What the documentation says is compared with the code: links, tables, commands, settings, instants."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from events.lifecycle import LEGAL_MOVES, Hold, Reason, State
from events.timing import Fold, Gap, Leap, Policies, Recurrence, next_firings, resolve, zone

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "handlers/**/*.md", "examples/**/*.md", "tests/**/*.md")
    for page in ROOT.glob(pattern)
)
DOCS = ROOT / "docs"
NEW_YORK = zone("America/New_York")
# They belong to the checks and to the command line, and are read by no process of the deployment.
NO_SETTINGS = {
    "PUNCTUAL_NO_SKIPS", "PUNCTUAL_URL", "PUNCTUAL_KEY", "PUNCTUAL_ZONE", "PUNCTUAL_PROFILE", "PUNCTUAL_PATIENCE",
    "PUNCTUAL_DEBUG",
}  # fmt: skip

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """The page without what stands in fences."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its rank."""
    rank = heading.partition(" ")[0]
    found = re.search(
        rf"^{re.escape(heading)}$(.*?)(?=^{rank} |\Z)", page.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, f"{page.name} has no {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads; code marks are taken off."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    rules = [number for number, cells in enumerate(lines) if all(set(cell) <= set("-: ") for cell in cells)]
    heads = {number - 1 for number in rules}
    return [
        [cell.strip().replace("`", "") for cell in cells]
        for number, cells in enumerate(lines)
        if number not in heads.union(rules)
    ]


def fences(page: Path) -> Iterator[tuple[str, str]]:
    """The language and content of every fence; fails where one is never closed."""
    language: str | None = None
    content: list[str] = []
    for line in page.read_text().splitlines():
        mark = re.fullmatch(r" *```(\S*)", line)
        if mark and language is None:
            language, content = mark[1], []
        elif mark:
            assert not mark[1], f"a fence opens inside another: {line}"
            yield language or "", "\n".join(content)
            language = None
        elif language is not None:
            content.append(line)
    assert language is None, f"the last fence is never closed: {content[:1]}"


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        assert leads_to.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(leads_to), f"{target} names no heading"


@every_page
def test_every_fence_is_closed_and_its_json_and_python_can_be_read(page: Path) -> None:
    for language, content in fences(page):
        if language == "json":
            json.loads(content)
        elif language == "python":
            compile(content, page.name, "exec")


@every_page
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"\bPUNCTUAL_[A-Z_]+\b", page.read_text()))
    assert named <= NO_SETTINGS.union(settings_of_the_example())


def settings_of_the_example() -> list[str]:
    lines = (ROOT / ".env.example").read_text()
    return re.findall(r"^#? ?([A-Z][A-Z_]+)=", lines, flags=re.MULTILINE)


def test_the_example_of_settings_names_each_once() -> None:
    named = settings_of_the_example()
    assert len(named) == len(set(named)) > 0


def test_the_index_lists_every_page_and_every_decision() -> None:
    index = (DOCS / "README.md").read_text()
    pages = [page for page in DOCS.rglob("*.md") if page.name != "README.md"]
    assert [page.name for page in pages if f"({page.relative_to(DOCS)})" not in index] == []


def test_the_table_of_moves_is_the_codes() -> None:
    told = [(start, end) for start, end, _ in rows(section(DOCS / "state-machine.md", "## Legal moves"))]
    legal = [(start, end) for start, ends in LEGAL_MOVES.items() for end in ends]
    assert sorted(told) == sorted(legal)


def test_the_diagram_shows_legal_moves_alone() -> None:
    drawn = re.findall(r"^ *(\w+) --> (\w+)", (DOCS / "state-machine.md").read_text(), flags=re.MULTILINE)
    assert drawn
    assert [move for move in drawn if State(move[1]) not in LEGAL_MOVES[State(move[0])]] == []


@pytest.mark.parametrize(
    ("heading", "codes"),
    [("## States", State), ("## Reasons", Reason), ("## Holds", Hold)],
    ids=["states", "reasons", "holds"],
)
def test_every_state_reason_and_hold_is_explained_once(
    heading: str, codes: type[State | Reason | Hold]
) -> None:
    explained = rows(section(DOCS / "state-machine.md", heading))
    assert sorted(code for code, *_ in explained) == sorted(codes)
    assert all(all(words) for words in explained)


def test_the_reasons_beside_the_moves_exist() -> None:
    for *_, why in rows(section(DOCS / "state-machine.md", "## Legal moves")):
        named = set(re.findall(r"\b[a-z]+_[a-z_]+\b", why))
        assert named <= set(Reason), why


OURS = sorted(name for name, app in get_commands().items() if app == "events")
DJANGOS = set(BaseCommand().create_parser("manage.py", "any")._option_string_actions)


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert re.findall(r"^## (\w+)$", (DOCS / "commands.md").read_text(), flags=re.MULTILINE) == OURS


def all_options(parser: ArgumentParser) -> set[str]:
    """The options of a command and of its subcommands."""
    parsers = [each for each in parser._actions if isinstance(each, _SubParsersAction)]
    below = [all_options(each) for action in parsers for each in action.choices.values()]
    return set(parser._option_string_actions).union(*below)


@pytest.mark.parametrize("name", OURS)
def test_every_option_of_a_command_is_told_and_no_other_is(name: str) -> None:
    parser = load_command_class("events", name).create_parser("manage.py", name)
    options = {option for option in all_options(parser) if option.startswith("--")} - DJANGOS
    told = rows(section(DOCS / "commands.md", f"## {name}"))
    assert {option.split()[0] for option, *_ in told if option.startswith("--")} == options


def told_instants(title: str) -> dict[str, list[datetime]]:
    """By policy: the instants that one of the tables about time shows."""
    text = section(DOCS / "concepts.md", "## Time").partition(f"**{title}**")[2].partition("**")[0]
    return {
        row[0].split()[0]: [datetime.fromisoformat(each) for each in re.findall(r"\d{4}-\S+Z", row[2])]
        for row in rows(text)
    }


def test_the_gap_is_as_told() -> None:
    wall = datetime(2025, 3, 9, 2, 30)
    assert told_instants("Gap") == {
        gap: [found.due_at for found in resolve(wall, NEW_YORK, gap=gap, fold=Fold.FIRST)] for gap in Gap
    }


def test_the_fold_is_as_told() -> None:
    wall = datetime(2025, 11, 2, 1, 30)
    assert told_instants("Fold") == {
        fold: [found.due_at for found in resolve(wall, NEW_YORK, gap=Gap.SHIFT, fold=fold)] for fold in Fold
    }


def test_the_missing_day_is_as_told() -> None:
    yearly = Recurrence(datetime(1992, 2, 29, 9), "FREQ=YEARLY")
    since = datetime(2025, 1, 1, tzinfo=UTC)
    assert told_instants("Leap") == {
        leap: [
            found.due_at
            for found in next_firings(yearly, NEW_YORK, Policies(leap=leap), after=since, limit=1)
        ]
        for leap in Leap
    }
