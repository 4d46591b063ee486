"""Ours and others in turn: so many jobs due together, two worker processes each, one set of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import live, stack, work
from benchmarks.figures import Measured, Table, ratios, spread_written, written
from benchmarks.peers.catalog import PEERS
from benchmarks.peers.comparing import BURST
from benchmarks.peers.comparing import measure as measure_peers
from benchmarks.peers.table import notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench

    Round = dict[str, dict[str, Any]]

ALL = {peer.name: peer for peer in PEERS}
OURS = {"punctual": "noop-batch", "punctual-single": "noop-single"}
FACTS = {"version": "", "history": "rows, attempts, every transition", "counted": "commit"}
TITLES = {
    "punctual": {"title": "Punctual, handler of sets", "batch": "up to 2,000 a call of the handler"},
    "punctual-single": {
        "title": "Punctual, handler of single rows",
        "batch": "fetches 500, settles together",
    },
}
HEADINGS = (
    "", "jobs", "drain, jobs/s", "Punctual / it", "CPU s per 1,000", "burst p50, s", "burst p99, s", "to its", "keeps",
    "in sets",
)  # fmt: skip
# Of each of us: its name in the lines, their unit, and where the value is found.
LINES: dict[str, tuple[str, Callable[[dict[str, Any]], float | None]]] = {
    "drain": ("a second", lambda of: of["drain"]["per_second"]),
    "CPU per 1,000": ("s", lambda of: of["drain"]["cpu_per_1000"]),
    "burst, p50": ("s late", lambda of: of["burst"]["p50"]),
    "burst, p99": ("s late", lambda of: of["burst"]["p99"]),
}


def measure(bench: Bench) -> Measured:
    """Drain, CPU per 1,000 and burst of each; how many times its drain ours is, run by run."""
    size = bench.size
    chosen = [ALL[name] for name in size.peers]
    rounds: list[Round] = []
    for _ in bench.runs("ours and the others", size.peer_runs):
        bench.tell("Punctual …")
        rounds.append(
            _ours(size.peer_rows)
            | measure_peers(
                chosen, bench.variables, rows=size.peer_rows, limit=size.peer_limit, tell=bench.tell
            )
        )
    return compared(rounds)


def _ours(rows: int) -> Round:
    found = {}
    with stack.fresh(), stack.processes("sweeper", *stack.WORKERS):
        work.people("drain", rows)
        work.people("burst", min(rows, BURST))
        live.warm_up("noop-batch")
        for name, handler in OURS.items():
            drain, burst = live.together("drain", handler), live.together("burst", handler)
            found[name] = FACTS | TITLES[name] | {
                "drain": {"rows": rows, "per_second": drain.per_second, "cpu_per_1000": drain.cpu_per_1000},
                "burst": {"rows": burst.rows, "p50": burst.late(0.5), "p99": burst.late(0.99)},
            }  # fmt: skip
    return found


def compared(rounds: list[Round]) -> Measured:
    """The lines of everybody who was measured in every round, and a table of all, the fastest first."""
    found = Measured()
    last = rounds[-1]
    whole = [name for name in last if all("drain" in each[name] and "burst" in each[name] for each in rounds)]
    drains = {name: [each[name]["drain"]["per_second"] for each in rounds] for name in whole}
    whole.sort(key=lambda name: -sum(drains[name]))
    rows = []
    for name in whole:
        times = ratios(drains["punctual"], drains[name])
        cells = [_lines(found, last[name]["title"], what, [each[name] for each in rounds]) for what in LINES]
        if name not in OURS:
            found.add(f"Punctual / {last[name]['title']}", "times", times)
        rows.append(_row(last[name], cells, "" if name in OURS else spread_written(times)))
    rows += [_absent(each) for name, each in last.items() if name not in whole]
    found.table = Table(HEADINGS, rows)
    found.notes = notes({name: facts for name, facts in last.items() if name not in OURS})
    return found


def _lines(found: Measured, title: str, what: str, of: list[dict[str, Any]]) -> str:
    """Adds the line, unless some run did not reach it; what stands in the table."""
    unit, value_of = LINES[what]
    values = [value for one in of if (value := value_of(one)) is not None]
    if len(values) < len(of):
        return "not reached"
    found.add(f"{title}: {what}", unit, values)
    return spread_written(values) if what == "drain" else written(found.figures[-1].median)


def _row(facts: dict[str, Any], cells: list[str], times: str) -> list[str]:
    drain, cpu, p50, p99 = cells
    told = [facts["counted"], facts["history"], facts["batch"]]
    return [_name(facts), f"{facts['drain']['rows']:,}", drain, times, cpu, p50, p99, *told]


def _absent(facts: dict[str, Any]) -> list[str]:
    why = f"not measured: {facts.get('not measured', 'it failed in an earlier run')}"
    return [_name(facts), "", why, "", "", "", "", facts["counted"], facts["history"], facts["batch"]]


def _name(facts: dict[str, Any]) -> str:
    return f"{facts['title']} {facts['version']}".strip()
