"""`python -m benchmarks [PART ...] [--quick] [--rows N] [--json FILE]`: how fast Punctual is on this machine."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import report, stack
from benchmarks.catalog import KNOWN, PARTS
from benchmarks.peers.catalog import PEERS
from benchmarks.run import Run
from benchmarks.sizes import FULL, QUICK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sizes import Size

PAGE = stack.ROOT / "docs" / "performance.md"
FOLDER = stack.ROOT / "docs" / "benchmarks"
WIDTH = 150  # of tables in a file or a pipe


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables, write what was asked for; 1 if a promise was broken or a part failed."""
    options = _parser().parse_args(arguments)
    size = _size(options)
    chosen = [KNOWN[name] for name in options.parts] or [
        part for part in PARTS if part.quick or not options.quick
    ]
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    run = Run(chosen, size, console)
    try:
        run.measure()
    except KeyboardInterrupt:
        console.print("Interrupted; everything that was started has ended. What was measured until then:")
        run.failed["the run"] = "it was interrupted"
    _tell(run, options, console)
    return 1 if run.failed else 0


def _leave(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # all that was started is ended now, and that takes its time
    raise KeyboardInterrupt


def _tell(run: Run, options: argparse.Namespace, console: Console) -> None:
    """Write what was asked for, and say what failed."""
    if options.markdown:
        for part, found in run.found.items():
            print(f"{part.name}\n\n{report.markdown(found, run.machine)}\n")
    if options.json:
        options.json.write_text(json.dumps(run.as_json(), indent=2) + "\n")
    if options.publish:
        missing = report.publish(run, PAGE, FOLDER)
        console.print(f"Written: {PAGE.relative_to(stack.ROOT)} and {FOLDER.relative_to(stack.ROOT)}/.")
        if missing:
            console.print(f"The page has no place for: {', '.join(missing)}.")
    for name, why in run.failed.items():
        console.print(f"{name}: {why}", style="red", markup=False)


def _size(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else FULL
    size = size.at_most(options.rows) if options.rows else size
    size = size.repeated(options.runs) if options.runs else size
    given = {name: getattr(options, name) for name in ("stored", "fill_seconds", "people", "peers")}
    return size.but(**{name: value for name, value in given.items() if value is not None})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast Punctual is on this machine, on private servers that end with it.",
        epilog="Parts:\n" + "\n".join(f"  {part.name:9} {part.sentence}" for part in PARTS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help="these alone; all by default")
    parser.add_argument("--quick", action="store_true", help="few rows, once; and the quick parts by default")
    parser.add_argument("--rows", type=_count, help="of drain; and nowhere more at once")
    parser.add_argument("--runs", type=_count, help="so many of each")
    parser.add_argument("--people", type=_count, help="who are planned for")
    parser.add_argument("--stored", type=_count, help="rows beside which is claimed and drained")
    parser.add_argument("--fill-seconds", type=float, help="no more is stored than can be written in these")
    parser.add_argument("--peers", type=_peers, help="names, with commas between them, or: all")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown too")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write the tables into docs/performance.md, plots and figures into docs/benchmarks",
    )
    return parser


def _part(name: str) -> str:
    if name not in KNOWN:
        raise argparse.ArgumentTypeError(f"there is no part {name!r}. Parts: {', '.join(KNOWN)}.")
    return name


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few")
    return int(text)


def _peers(text: str) -> tuple[str, ...]:
    known = {peer.name for peer in PEERS}
    names = [peer.name for peer in PEERS] if text == "all" else text.split(",")
    if unknown := sorted(set(names) - known):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}. Known: all, {', '.join(sorted(known))}."
        )
    return tuple(names)


if __name__ == "__main__":
    sys.exit(main())
