"""The peers' figures side by side."""

from __future__ import annotations

from typing import Any

from rich.table import Table

HEADINGS = (
    "peer",
    "jobs",
    "drain, jobs/s",
    "CPU s per 1,000",
    "burst p50, s",
    "burst p99, s",
    "to its",
    "history",
    "batch",
)
LEFT = {"peer", "to its", "history", "batch"}


def table(found: dict[str, dict[str, Any]]) -> Table:
    """One row a peer, the fastest drain first; what was not measured stands last and says why."""
    shown = Table(title="The same work by others, two worker processes each")
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading in LEFT else "right")
    for figures in sorted(found.values(), key=_rank):
        shown.add_row(*_cells(figures))
    return shown


def notes(found: dict[str, dict[str, Any]]) -> list[str]:
    """How each was set up and by which page, and what went wrong."""
    lines = []
    for figures in sorted(found.values(), key=_rank):
        wrong = [
            f" {name}: {_wrong(figures[name])}."
            for name in ("drain", "burst")
            if name in figures and not figures[name]["exact"]
        ]
        lines.append(f"{figures['title']}: {figures['advice']} ({figures['page']}).{''.join(wrong)}")
    return lines


def _rank(figures: dict[str, Any]) -> float:
    return -float(figures["drain"]["per_second"]) if "drain" in figures else 1.0


def _cells(figures: dict[str, Any]) -> list[str]:
    name = f"{figures['title']} {figures['version']}".strip()
    told = [figures["counted"], figures["history"], figures["batch"]]
    if "not measured" in figures:
        return [name, f"not measured: {figures['not measured']}", "", "", "", "", *told]
    drain, burst = figures["drain"], figures["burst"]
    return [
        name,
        f"{drain['rows']:,}",
        f"{drain['per_second']:,.0f}",
        f"{drain['cpu_per_1000']:.3f}",
        _seconds(burst["p50"]),
        _seconds(burst["p99"]),
        *told,
    ]


def _seconds(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.2f}"


def _wrong(measured: dict[str, Any]) -> str:
    return str(measured.get("stopped") or f"{measured['done']:,} were done of {measured['rows']:,}")
