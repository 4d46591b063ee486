"""`python -m benchmarks.peers [NAME ...] [--rows N] [--limit SECONDS] [--json FILE]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from benchmarks.peers.catalog import PEERS
from benchmarks.peers.comparing import measure
from benchmarks.peers.table import notes, table
from benchmarks.stack import servers

ROWS = 20_000
LIMIT = 180.0
WIDTH = 150  # of the table, however narrow the terminal


def main() -> None:
    """Measure, print a table, write JSON if asked."""
    known = {peer.name: peer for peer in PEERS}
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description="How fast others are here."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(known)}")
    parser.add_argument(
        "--rows", type=int, default=ROWS, help="jobs due together; fewer where a peer is too slow"
    )
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds after which a peer is stopped")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"unknown: {', '.join(unknown)}. Known: {', '.join(known)}.")
    chosen = [known[name] for name in options.names or known]
    console = Console()
    console.width = max(console.width, WIDTH)
    with servers() as variables:
        found = measure(chosen, variables, rows=options.rows, limit=options.limit, tell=console.print)
    console.print(table(found))
    for note in notes(found):
        console.print(note)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
