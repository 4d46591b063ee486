"""What was measured, for people: tables in a terminal, and the same in Markdown between a page's markers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table as Shown

from benchmarks import plots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.catalog import Part
    from benchmarks.figures import Measured, Table
    from benchmarks.run import Run

# Left in a terminal and in a page; everything else is a number, and stands right.
LEFT = {"", "measured", "unit", "to its", "keeps", "in sets"}
BEGIN, END = "<!-- measured: {name} -->", "<!-- end: {name} -->"


def terminal(table: Table) -> Shown:
    """The table for a console."""
    shown = Shown()
    for heading in table.headings:
        shown.add_column(heading, justify="left" if heading in LEFT else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown


def markdown(found: Measured, machine: Mapping[str, Any]) -> str:
    """A part's table, where and when it was measured, and its notes."""
    table = found.shown()
    rules = ["---" if heading in LEFT else "---:" for heading in table.headings]
    lines = [_line(cells) for cells in (table.headings, rules, *table.rows)]
    where = (
        f"{machine['cores']} cores, PostgreSQL {machine['postgresql']}, {machine['broker']}, "
        f"Python {machine['python']}, {machine['measured']}."
    )
    return "\n\n".join(["\n".join(lines), where, *found.notes])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def publish(run: Run, page: Path, folder: Path) -> list[str]:
    """Write tables into the page, and plots and figures into the folder beside it; parts that have no place there."""
    folder.mkdir(exist_ok=True)
    tables = {}
    for part, found in run.found.items():
        links = _write(run, part, found, folder)
        tables[part.name] = f"{markdown(found, run.machine)}\n\n{links}"
    return put(page, tables)


def _write(run: Run, part: Part, found: Measured, folder: Path) -> str:
    """Links to what was written, for a page beside the folder."""
    figures = {"machine": run.machine, **run.part_as_json(part)}
    (folder / f"{part.name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    link = f"[figures]({folder.name}/{part.name}.json)"
    plotted = [figure for figure in found.figures if figure.unit == part.plotted]
    if not plotted:
        return link
    title = f"{part.name}, {part.plotted}"
    (folder / f"{part.name}.svg").write_text(plots.bars(title, plotted))
    return f"![{title}]({folder.name}/{part.name}.svg)\n\n{link}"


def put(page: Path, tables: Mapping[str, str]) -> list[str]:
    """Write the tables between the page's markers of their names; the names for which it has none."""
    text, missing = page.read_text(), []
    for name, table in tables.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if found and closed:
            text = f"{before}{begin}\n{table}\n{end}{after}"
        else:
            missing.append(name)
    page.write_text(text)
    return missing
