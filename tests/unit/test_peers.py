"""The peers beside us: what their table says, and that each of their programs ends, however it behaves."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from benchmarks.peers.catalog import PEERS
from benchmarks.peers.measuring import Fired
from benchmarks.peers.peer import NotMeasured
from benchmarks.peers.rooms import HERE, PROGRAMS, Room, room_of
from benchmarks.peers.running import Place
from benchmarks.peers.table import notes, table

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('no', flush=True); time.sleep(60)"


def figures(name: str, **more: Any) -> dict[str, Any]:
    facts = {"title": name, "version": "1.2", "history": "log", "batch": "no", "counted": "commit"}
    return facts | {"advice": "as it comes", "page": "https://example.org"} | more


def measured(jobs: int, per_second: float, **burst: Any) -> dict[str, Any]:
    drain = {"rows": jobs, "done": jobs, "exact": True, "per_second": per_second, "cpu_per_1000": 0.25}
    return {
        "drain": drain,
        "burst": {"rows": 10, "done": 10, "exact": True, "p50": 0.123, "p99": 4.5} | burst,
    }


def shown(found: dict[str, dict[str, Any]]) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(found))
    return [line for line in capture.get().splitlines() if "1.2" in line]


def test_the_fastest_stands_first_and_what_was_not_measured_last() -> None:
    found = {
        "absent": figures("absent", **{"not measured": "npm is not installed"}),
        "slow": figures("slow", **measured(1000, 12.3)),
        "fast": figures("fast", **measured(20_000, 45_678.9)),
    }
    fast, slow, absent = shown(found)
    assert [cell.strip() for cell in fast.strip("│").split("│")] == [
        "fast 1.2", "20,000", "45,679", "0.250", "0.12", "4.50", "commit", "log", "no",
    ]  # fmt: skip
    assert "slow 1.2" in slow
    assert "not measured: npm is not installed" in absent


def test_what_was_stopped_or_is_not_exact_is_said_and_not_hidden_in_a_rate() -> None:
    late = {"rows": 10, "done": 9, "exact": False, "stopped": "stopped at 9 of 10", "p99": None}
    found = {"late": figures("late", **measured(1000, 12.3, **late))}
    found["late"]["drain"] |= {"done": 1001, "exact": False}
    assert "not reached" in shown(found)[0]
    assert notes(found) == [
        "late: as it comes (https://example.org). drain: 1,001 were done of 1,000. burst: stopped at 9 of 10."
    ]


def test_lateness_counts_what_was_not_done_too() -> None:
    fired = Fired(wanted=4, late=[0.1, 0.2, 0.3], cpu=1.0, limit=60)
    assert fired.quantile(0.5) == 0.3
    assert fired.quantile(0.99) is None
    assert fired.seconds == 60
    assert fired.facts()["stopped"] == "stopped after 60 s: 3 of 4 done"
    whole = Fired(wanted=3, late=[0.1, 0.2, 0.3], cpu=1.0, limit=60)
    assert (whole.seconds, whole.quantile(1.0), whole.facts()) == (
        0.3,
        0.3,
        {"rows": 3, "done": 3, "exact": True},
    )


def place(folder: Path) -> Place:
    return Place(Room(sys.executable, folder, {}), dict(os.environ), folder, folder)


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(NotMeasured, match="took longer than 0 s"):
        place(tmp_path).run(("-c", "import time; time.sleep(60)"), seconds=0.3)
    assert time.monotonic() - begin < 20


def test_one_that_will_not_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}])"
    with place(tmp_path).started(
        ("-c", f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {child}")
    ) as parent:
        while not place(tmp_path).said().endswith("no"):
            time.sleep(0.05)
        family = psutil.Process(parent.pid).children(recursive=True)
        assert family
    assert parent.returncode == -9
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_why_a_program_failed_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match=r"failed: no such queue$"):
        place(tmp_path).run(("-c", "raise SystemExit('no such queue')"), seconds=30)


def test_the_cpu_time_of_what_has_ended_is_not_forgotten(tmp_path: Path) -> None:
    here = place(tmp_path)
    before = here.cpu()
    here.run(("-c", "import time\nwhile time.process_time() < 0.3: pass"), seconds=30)
    assert here.cpu() - before > 0.25


def test_without_what_it_needs_a_peer_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {peer.name: peer for peer in PEERS}
    with pytest.raises(NotMeasured, match="RabbitMQ is not installed"):
        room_of(known["celery"], has_broker=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotMeasured, match="neither node nor npm is installed"):
        room_of(known["graphile"], has_broker=True)


def test_each_peer_says_how_it_is_set_up_and_its_programs_are_there() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    for peer in PEERS:
        assert peer.page.startswith("https://")
        assert peer.advice
        assert (PROGRAMS / peer.prepare[0]).exists()
        assert (PROGRAMS / peer.fill[0]).exists()


def test_the_pins_name_no_registry() -> None:
    for name in ("requirements.txt", "package.json"):
        assert "://" not in (HERE / name).read_text()
    packages = [line for line in (HERE / "requirements.txt").read_text().splitlines() if line[:1].isalnum()]
    assert packages
    assert all("==" in line for line in packages)
