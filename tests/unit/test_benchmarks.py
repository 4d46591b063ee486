"""What the measurement makes of its numbers: medians, tables, drawings, sizes; and that what it starts ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks import catalog, cpu, plots, report, stack
from benchmarks.__main__ import PAGE, _parser, _size, main
from benchmarks.catalog import KNOWN, PARTS, Part
from benchmarks.figures import Figure, Measured, quantile, ratios, spread_written, written
from benchmarks.live import Fired
from benchmarks.parts import minute, peers
from benchmarks.parts.idle import by_name
from benchmarks.run import Run
from benchmarks.sizes import FULL, QUICK
from scheduler_project.local.processes import Program

if TYPE_CHECKING:
    from benchmarks.sizes import Size

MACHINE = {
    "cores": 2, "postgresql": "18.4", "broker": "RabbitMQ", "python": "3.11.7", "measured": "2026-11-22",
}  # fmt: skip


def measured() -> Measured:
    found = Measured(notes=["On a Tuesday."])
    found.add("drain", "a second", [30_000.0, 10_000.0, 20_000.4])
    found.add("CPU | per 1,000", "s", [0.05])
    return found


def size(*arguments: str) -> Size:
    return _size(_parser().parse_args(arguments))


def test_a_line_is_the_median_of_its_runs_between_the_least_and_the_most() -> None:
    assert measured().shown().rows == [
        ["drain", "20,000", "10,000", "30,000", "a second"],
        ["CPU | per 1,000", "0.050", "0.050", "0.050", "s"],
    ]
    assert measured().as_json()["figures"][0] == {
        "what": "drain", "unit": "a second", "median": 20_000.4, "min": 10_000.0, "max": 30_000.0,
        "values": [30_000.0, 10_000.0, 20_000.4],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"),
     (-0.5, "-0.500"), (-250.4, "-250")],
)  # fmt: skip
def test_a_number_has_as_many_digits_as_tell_anything(value: float, text: str) -> None:
    assert written(value) == text


def test_several_runs_show_their_spread_and_one_does_not() -> None:
    assert spread_written([3.0]) == "3.00"
    assert spread_written([3.0, 1.0, 2.0]) == "2.00 (1.00 to 3.00)"


@given(st.lists(st.integers(), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values_and_no_less_than_its_share_of_them(
    values: list[int], share: float
) -> None:
    found = quantile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_ratios_are_run_by_run() -> None:
    assert ratios([10.0, 30.0], [5.0, 10.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_what_fired_is_counted_to_its_commit_and_what_was_early_is_counted() -> None:
    fired = Fired(due=[0, 0, 0, 0], started=[0.1, -0.001, 0, 0.3], committed=[0.5, 0.2, 0.1, 0.4], cpu=0.002)
    assert fired.per_second == 8
    assert fired.cpu_per_1000 == 0.5
    assert fired.early == 1
    assert (fired.late(0.5), fired.late(1.0)) == (0.4, 0.5)


def test_a_minute_is_cut_by_when_rows_were_due() -> None:
    due = [0.0, 9.9, 10.0, 59.99, 60.0]
    fired = Fired(due=due, started=due, committed=[0.3, 0.1, 0.2, 0.5, 0.4], cpu=1)
    assert minute.sliced(fired, 60) == [[0.1, 0.3], [0.2], [], [], [], [0.4, 0.5]]


def test_what_is_of_no_program_and_not_of_postgresql_is_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://")
    used: dict[int | str, float] = {7: 1.0, 8: 2.0, 9: 0.25, 10: 0.25, cpu.DATABASE: 4.0}
    assert by_name(used, {"web": 7, "beat-1": 8}) == {
        "web": 1.0,
        "beat-1": 2.0,
        "PostgreSQL": 4.0,
        "RabbitMQ": 0.5,
    }


def test_the_cpu_time_of_children_is_counted_while_they_live_and_when_they_have_ended(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint('burnt', flush=True)\ninput()"
    before = cpu.seconds(tmp_path)
    with psutil.Popen([sys.executable, "-c", burn], stdin=-1, stdout=-1, text=True) as child:
        assert child.stdout.readline() == "burnt\n"
        alive = cpu.by_root(tmp_path)
        assert alive[child.pid] >= 0.25
        child.communicate("\n")
    assert child.pid not in cpu.by_root(tmp_path)
    assert cpu.seconds(tmp_path) - before > 0.25


def test_markdown_is_a_table_whose_cells_cannot_break_it() -> None:
    assert report.markdown(measured(), MACHINE).splitlines() == [
        "| measured | median | min | max | unit |",
        "| --- | ---: | ---: | ---: | --- |",
        "| drain | 20,000 | 10,000 | 30,000 | a second |",
        "| CPU / per 1,000 | 0.050 | 0.050 | 0.050 | s |",
        "",
        "2 cores, PostgreSQL 18.4, RabbitMQ, Python 3.11.7, 2026-11-22.",
        "",
        "On a Tuesday.",
    ]


def test_each_part_says_how_fast_the_machine_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "load", lambda _: lambda _: measured())
    run = Run([], FULL, Console(quiet=True))
    run._one(KNOWN["drain"], None)  # type: ignore[arg-type]  # a part that looks at no bench
    (found,) = run.found.values()
    assert found.notes[0] == "On a Tuesday."
    assert re.fullmatch(
        r"Ten million additions took \d+\.\d\d s before it, and \d+\.\d\d s after it;"
        r" \d+\.\d\d s each where all cores made them at once\.",
        found.notes[1],
    )


def test_a_page_gets_table_plot_and_figures_of_what_was_measured_alone(tmp_path: Path) -> None:
    page, folder = tmp_path / "page.md", tmp_path / "plots"
    marks = [
        f"{report.BEGIN.format(name=name)}\nold\n{report.END.format(name=name)}\n"
        for name in ("drain", "idle")
    ]
    page.write_text("".join(marks))
    run = Run([], FULL, Console())
    run.machine, drain = MACHINE, KNOWN["drain"]
    run.found[drain], run.took[drain] = measured(), 12.34
    assert report.publish(run, page, folder) == []
    text = page.read_text()
    assert "| drain | 20,000 |" in text
    assert "](plots/drain.svg)" in text
    assert marks[1] in text
    assert sorted(os.listdir(folder)) == ["drain.json", "drain.svg"]
    kept = json.loads((folder / "drain.json").read_text())
    assert (kept["machine"], kept["seconds"]) == (MACHINE, 12.3)
    assert kept["figures"] == measured().as_json()["figures"]
    assert "per 1,000" not in (folder / "drain.svg").read_text()


def test_tables_are_put_between_their_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n<!-- measured: one -->\nold\n<!-- end: one -->\nb\n<!-- measured: two --><!-- end: two -->\n"
    )
    assert report.put(page, {"one": "new \\1", "three": "nowhere"}) == ["three"]
    assert page.read_text() == (
        "a\n<!-- measured: one -->\nnew \\1\n<!-- end: one -->\nb\n<!-- measured: two --><!-- end: two -->\n"
    )


def test_the_page_has_a_place_for_each_part() -> None:
    text = PAGE.read_text()
    for part in PARTS:
        assert report.BEGIN.format(name=part.name) in text
        assert report.END.format(name=part.name) in text


def test_a_drawing_is_svg_with_a_bar_for_each_figure_in_proportion() -> None:
    figures = [Figure("<ours> & theirs", "s", (4.0, 2.0, 3.0)), Figure("others", "s", (1.5,))]
    drawn = ET.fromstring(plots.bars("Drain & more", figures))
    svg = "{http://www.w3.org/2000/svg}"
    wide, narrow = (float(bar.attrib["width"]) for bar in drawn.iter(f"{svg}rect"))
    assert wide == pytest.approx(2 * narrow)
    spread = next(drawn.iter(f"{svg}line")).attrib
    assert float(spread["x1"]) < float(spread["x2"]) <= plots.WIDTH
    texts = [text.text for text in drawn.iter(f"{svg}text")]
    assert texts == ["Drain & more", "<ours> & theirs", "3.00", "others", "1.50"]


def test_a_drawing_of_nothing_but_zeros_is_drawn() -> None:
    assert "nan" not in plots.bars("Idle", [Figure("beat", "%", (0.0,))])


def test_rows_bound_everything_that_comes_due_together() -> None:
    small = size("--rows", "500")
    assert {small.rows, small.burst, small.minute_rows, small.stored_rows, small.peer_rows} == {500}
    large = size("--rows", "1000000")
    assert large.rows == 1_000_000
    assert large.burst == FULL.burst


def test_options_change_what_they_name_and_nothing_else() -> None:
    assert size() == FULL
    assert size("--quick") == QUICK
    given = size(
        "--runs", "5", "--stored", "7", "--fill-seconds", "1.5", "--people", "9", "--peers", "pgboss,django"
    )
    assert (given.runs, given.planning_runs, given.peer_runs) == (5, 5, 5)
    assert (given.stored, given.fill_seconds, given.people) == (7, 1.5, 9)
    assert given.peers == ("pgboss", "django")
    assert size("--peers", "all").peers == tuple(peers.ALL)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nothing"], "there is no part 'nothing'. Parts: stages, drain"),
        (["--peers", "nobody,pgboss"], "unknown: nobody. Known: all, apscheduler"),
        (["--runs", "0"], "0 is too few"),
        (["--rows", "many"], "'many' is no number"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_starts(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert why in capsys.readouterr().err


def test_each_part_is_a_module_that_measures() -> None:
    modules = {path.stem for path in Path(catalog.__file__).parent.joinpath("parts").glob("[a-z]*.py")}
    assert modules == set(KNOWN)
    for part in PARTS:
        assert callable(part.load())
        assert part.sentence.endswith(".")


def one_of_us(title: str, per_second: float, p99: float | None = 0.5) -> dict[str, Any]:
    told = {"title": title, "version": "", "history": "all", "counted": "commit", "batch": "no"}
    drain = {"rows": 100, "done": 100, "exact": True, "per_second": per_second, "cpu_per_1000": 0.1}
    burst = {"rows": 100, "done": 100, "exact": True, "p50": 0.25, "p99": p99}
    return told | {"drain": drain, "burst": burst, "advice": "as it comes", "page": "https://example.org"}


def test_everybody_is_compared_with_ours_run_by_run_and_the_fastest_stands_first() -> None:
    absent = one_of_us("absent", 0) | {"not measured": "npm is not installed"}
    del absent["drain"], absent["burst"]
    rounds = [
        {"punctual": one_of_us("Punctual", ours), "slow": one_of_us("slow", slow, p99=None), "absent": absent,
         "fast": one_of_us("fast", 1000)}
        for ours, slow in ((200.0, 100.0), (400.0, 100.0))
    ]  # fmt: skip
    found = peers.compared(rounds)
    assert found.table is not None
    assert [row[:4] for row in found.table.rows] == [
        ["fast", "100", "1,000 (1,000 to 1,000)", "0.300 (0.200 to 0.400)"],
        ["Punctual", "100", "300 (200 to 400)", ""],
        ["slow", "100", "100 (100 to 100)", "3.00 (2.00 to 4.00)"],
        ["absent", "", "not measured: npm is not installed", ""],
    ]
    assert found.table.rows[2][6] == "not reached"
    assert all(len(row) == len(found.table.headings) for row in found.table.rows)
    assert len(found.notes) == 3


def test_a_copy_of_a_worker_calls_itself_otherwise() -> None:
    known = {name: Program(name, ["celery", "--hostname", f"{name}@%h"]) for name in stack.WORKERS}
    copied = stack.copied(known["worker-1"], "worker-3")
    assert (copied.name, copied.command) == ("worker-3", ["celery", "--hostname", "worker-3@%h"])


def test_a_program_is_ended_with_its_children_when_the_block_is_left_by_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUNCTUAL_VAR", str(tmp_path))
    child = "import time; time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process, family = interrupted(Program("parent", [sys.executable, "-c", parent]))
    assert process.returncode == -15
    assert family
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert os.listdir(tmp_path / "logs") == ["parent.log"]


def interrupted(program: Program) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """The program, ended as by Ctrl-C once it had started a child; and its children."""
    family: list[psutil.Process] = []
    with suppress(KeyboardInterrupt), stack.started(program, {}) as process:
        while not family:
            family = psutil.Process(process.pid).children(recursive=True)
        signal.raise_signal(signal.SIGINT)
    return process, family
