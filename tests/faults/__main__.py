"""`python -m tests.faults`: break things on purpose; a table of what was lost, doubled, early. 1 if anything was."""

from __future__ import annotations

import argparse
import json
import secrets
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from events.errors import PunctualError
from tests.faults.experiments import EXPERIMENTS
from tests.faults.fleet import BEATS, SWEEPERS, WORKERS
from tests.faults.report import Report
from tests.faults.rig import rig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.experiment import Experiment
    from tests.faults.judging import Result

WHOLE = (*BEATS, *SWEEPERS, *WORKERS)
SMALL = (*BEATS[:1], *SWEEPERS, *WORKERS[:2])
WIDTH = 120
KNOWN = {experiment.name: experiment for experiment in EXPERIMENTS}


def main() -> int:
    """Read the command line and run what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which experiments there are")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=list(KNOWN), help="these experiments alone"
    )
    parser.add_argument("--rows", type=int, default=10_000, help="occurrences in each (10000)")
    parser.add_argument("--seed", type=int, help="the same seed makes the same schedule of faults")
    parser.add_argument("--small", action="store_true", help="five processes instead of eight")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    options = parser.parse_args()
    # A stop by SIGTERM, or from a shell that ignores Ctrl-C for what it runs in the background, is one by Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if options.list:
        for experiment in EXPERIMENTS:
            console.print(f"  {experiment.name:16} {experiment.sentence}", highlight=False, soft_wrap=True)
        return 0
    chosen = [KNOWN[name] for name in options.only or KNOWN]
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    try:
        for experiment in chosen:
            experiment.schedule(seed)  # says now what is missing for it, not in an hour
        results = _run(console, chosen, seed=seed, rows=options.rows, names=SMALL if options.small else WHOLE)
    except (PunctualError, RuntimeError) as error:
        console.print(str(error), markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped; everything is ended.")
        return 130
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    return int(any(result.violations for result in results))


def _run(
    console: Console, chosen: Sequence[Experiment], *, seed: int, rows: int, names: Sequence[str]
) -> list[Result]:
    console.print(f"seed {seed}, {rows} rows each; servers and processes start")
    with Report(console) as report, rig(names) as made:
        from tests.faults import running  # only now: the models need to know their database

        for experiment in chosen:
            report.begin(experiment)
            report.add(running.run(made, experiment, seed=seed, rows=rows, say=report.say))
    return report.results


if __name__ == "__main__":
    sys.exit(main())
