"""`python -m benchmarks [--quick] [--json FILE]`: private servers, our own data, medians of several runs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.stack import WORKERS, processes, servers


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast Punctual is on this machine."
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the rows and one run: about a minute"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    console = Console()
    with servers() as variables:
        figures = _measure(
            variables, console, rows=10_000 if options.quick else 100_000, runs=1 if options.quick else 3
        )
    _print(console, figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def _measure(variables: dict[str, str], console: Console, *, rows: int, runs: int) -> dict[str, Any]:
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks import live, posts, stages, work

    call_command("migrate", verbosity=0)
    call_command("prepare", verbosity=0)
    console.print(f"Each stage alone, {rows:,} rows …")
    figures: dict[str, Any] = {"machine": _machine(variables), "rows": rows, "runs": runs}
    figures["stages"] = stages.measure(rows)
    with processes(variables, "sweeper", *WORKERS):
        work.people("drain", rows)
        work.people("burst", 10_000)
        live.burst("burst", "noop-batch")  # warms every process up; its figures are thrown away
        for handler in ("noop-batch", "noop-single"):
            console.print(f"End to end, {handler}: {runs} run(s) …")
            figures[f"drain, {handler}"] = _medians([live.drain("drain", handler) for _ in range(runs)])
        console.print(f"10,000 due in one second: {runs} run(s) …")
        figures["burst of 10,000"] = _medians([live.burst("burst", "noop-batch") for _ in range(runs)])
    console.print(f"Posts over HTTP: {runs} run(s) …")
    found = [posts.measure(variables, rows // 20) for _ in range(runs)]
    figures |= {name: _medians([run[name] for run in found]) for name in found[0]}
    return figures


def _medians(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {
        name: {
            "median": statistics.median(run[name] for run in runs),
            "min": min(run[name] for run in runs),
            "max": max(run[name] for run in runs),
        }
        for name in runs[0]
        if name != "rule"
    }


def _machine(variables: dict[str, str]) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "broker": variables.get("CELERY_BROKER_URL", "embedded").split(":")[0],
    }


def _print(console: Console, figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['machine']}, {figures['rows']:,} rows, {figures['runs']} run(s)")
    for heading in ("measured", "median", "min", "max"):
        table.add_column(heading, justify="left" if heading == "measured" else "right")
    for stage, rate in figures["stages"].items():
        table.add_row(f"{stage}, rows/s, one connection", f"{rate:,.0f}")
    for name, values in figures.items():
        if not isinstance(values, dict) or name in {"machine", "stages"}:
            continue
        for unit, spread in values.items():
            table.add_row(f"{name}: {unit}", *(f"{spread[key]:,.3f}" for key in ("median", "min", "max")))
    console.print(table)


if __name__ == "__main__":
    main()
