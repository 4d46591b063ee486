"""Where the peers' packages live: environments of their own under `var/`, made when they are first needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.peer import NotMeasured

if TYPE_CHECKING:
    from benchmarks.peers.peer import Peer

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
PLACE = HERE.parents[1] / "var" / "peers"
INSTALL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Room:
    """An interpreter, the folder that its programs run in, and the versions that are installed there."""

    interpreter: str
    folder: Path
    versions: dict[str, str]


def room_of(peer: Peer, *, has_broker: bool) -> Room:
    """The peer's room, made if it is not there or is of other versions; raises NotMeasured if it lacks something."""
    if peer.needs_broker and not has_broker:
        raise NotMeasured(why="RabbitMQ is not installed")
    return _python() if peer.room == "python" else _node()


def _python() -> Room:
    folder, wanted = PLACE / "python", HERE / "requirements.txt"
    python = folder / "bin" / "python"
    if not _is_made(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        _install([sys.executable, "-m", "venv", str(folder)], PLACE)
        install = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", str(wanted)]
        _install([str(python), "-m", "pip", "--disable-pip-version-check", *install], PLACE)
        shutil.copy(wanted, folder / "made-from")
    lines = (line.split() for line in wanted.read_text().splitlines() if "==" in line and line[0].isalnum())
    return Room(str(python), PROGRAMS, dict(line[0].split("==") for line in lines))


def _node() -> Room:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotMeasured(why="neither node nor npm is installed" if node is npm else "npm is not installed")
    folder, wanted = PLACE / "node", HERE / "package.json"
    if not _is_made(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder)
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
        _install([npm, "install", *quiet], folder)
        shutil.copy(wanted, folder / "made-from")
    for program in PROGRAMS.glob("*.mjs"):  # a module is looked for beside the program that imports it
        shutil.copy(program, folder)
    return Room(node, folder, json.loads(wanted.read_text())["dependencies"])


def _is_made(folder: Path, wanted: Path) -> bool:
    stamp = folder / "made-from"
    return stamp.exists() and stamp.read_bytes() == wanted.read_bytes()


def _install(command: list[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NotMeasured(why=f"installing took longer than {INSTALL_SECONDS} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        raise NotMeasured(why=f"could not be installed: {said[-1][:200]}")
