"""The Makefile explains itself, and says in one sentence why it cannot work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make_env(folder: Path, python: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "requirements-dev.txt", folder)
    return subprocess.run(
        ["/bin/sh", str(ROOT / ".ci/make-env"), python, ".venv", "requirements-dev.txt"],
        cwd=folder,
        env={**os.environ, "PATH": path if path is not None else os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert phony is not None
    assert set(re.findall(r"^  make (\S+)", listed, flags=re.MULTILINE)) == set(phony[1].split()) - {"env"}


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("/nowhere/python", "punctual: PYTHON=/nowhere/python is not a Python 3.11, 3.12 or 3.13."),
        ("/bin/false", "punctual: PYTHON=/bin/false is not a Python 3.11, 3.12 or 3.13."),
    ],
)
def test_an_unfit_python_is_named(tmp_path: Path, python: str, said: str) -> None:
    refused = make_env(tmp_path, python)
    assert refused.returncode == 1
    assert refused.stderr == said + "\n"


def test_no_python_at_all_is_said(tmp_path: Path) -> None:
    refused = make_env(tmp_path, "", path=str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith("punctual: no Python 3.11, 3.12 or 3.13 was found")
    assert len(refused.stderr.splitlines()) == 1


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    stub = tmp_path / "python3.12"
    stub.write_text('#!/bin/sh\ncase "$2" in *version_info*) echo 3.12 ;; *) exit 1 ;; esac\n')
    stub.chmod(0o755)
    refused = make_env(tmp_path, str(stub))
    assert refused.returncode == 1
    assert "lacks the module venv" in refused.stderr
    assert "python3.12-venv" in refused.stderr


def test_the_locks_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") > 100
