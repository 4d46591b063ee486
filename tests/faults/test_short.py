"""A short run of the fault rig: one of each kind of crash within seconds, and all that is promised holds."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.rabbitmq import HOW_TO_GET_IT, installed_server

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = 600


def test_one_of_each_kind_of_crash_loses_nothing_doubles_nothing_and_fires_nothing_early(
    tmp_path: Path,
) -> None:
    if installed_server() is None:
        pytest.skip(HOW_TO_GET_IT)
    seed = os.environ.get("PUNCTUAL_FAULT_SEED") or str(secrets.randbelow(1_000_000))
    print(f"PUNCTUAL_FAULT_SEED={seed}")
    told = tmp_path / "result.json"
    arguments = ("--only", "sequence", "--small", "--rows", str(ROWS), "--seed", seed, "--json", str(told))
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
    (result,) = json.loads(told.read_text())
    assert len(result["steps"]) >= 6
    assert result["figures"]["rows"] >= ROWS * 0.9
