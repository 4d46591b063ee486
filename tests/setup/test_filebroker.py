"""The embedded broker under several processes: every message arrives whole, and once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from kombu import Connection

from scheduler_project import filebroker

if TYPE_CHECKING:
    from pathlib import Path

TRANSPORT = "scheduler_project.filebroker:Transport"
PROGRAM = """
import sys
from pathlib import Path
from queue import Empty
from kombu import Connection
from scheduler_project import filebroker
role, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
transport = "scheduler_project.filebroker:Transport"
options = filebroker.options(folder)
with Connection("filesystem://localhost", transport=transport, transport_options=options) as connection:
    queue = connection.SimpleQueue("work")
    if role == "producer":
        for each in range(200):
            queue.put({"id": number * 1000 + each, "padding": "x" * 5000})
    else:
        while True:
            try:
                message = queue.get(timeout=2)
            except Empty:
                break
            message.ack()
            print(message.payload["id"])
"""


def test_two_producers_and_two_consumers_lose_and_double_nothing(tmp_path: Path) -> None:
    filebroker.prepare(tmp_path)
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, role, str(tmp_path), number], stdout=subprocess.PIPE, text=True
        )
        for role in ("consumer", "producer")
        for number in ("1", "2")
    ]
    outputs = [program.communicate(timeout=60)[0] for program in programs]
    assert [program.returncode for program in programs] == [0, 0, 0, 0]
    taken = Counter(int(line) for output in outputs for line in output.split())
    assert taken == Counter(number * 1000 + each for number in (1, 2) for each in range(200))
    assert not list((tmp_path / "messages").iterdir())
    assert not list((tmp_path / "processed").iterdir())


def test_a_new_run_keeps_tasks_and_forgets_control_messages(tmp_path: Path) -> None:
    filebroker.prepare(tmp_path)
    options = filebroker.options(tmp_path)
    with Connection("filesystem://localhost", transport=TRANSPORT, transport_options=options) as connection:
        for name in ("live", "worker@host.celery.pidbox", "celeryev.123"):
            connection.default_channel._put(name, {"body": "x"})
    (tmp_path / "processed" / "half-written").write_text("{")
    filebroker.prepare(tmp_path)
    assert [path.name.partition(".")[2] for path in (tmp_path / "messages").iterdir()] == ["live.msg"]
    assert not list((tmp_path / "processed").iterdir())
