"""Many rows: one transaction, however the process ends, and memory that does not grow with the file."""

from __future__ import annotations

import signal
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import psycopg

from events.management.entity_csv import read_rows
from events.models import Entity
from tests.commands.conftest import ROOT
from tests.harness.worker import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.database import CommittedDatabase

ROWS = 20_000
INSERT = "INSERT INTO events_entity (kind, external_id, timezone, name, attributes, leap, version)"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO events_entity%' AND datname = current_database()
"""
MEGABYTE = 1_000_000


def many_people(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("external_id,timezone,name,birthday\n")
        stream.writelines(f"p{number},Europe/Berlin,Person {number},1990-05-17\n" for number in range(count))
    return path


def blocked(watcher: psycopg.Connection[tuple[int]]) -> bool:
    row = watcher.execute(WAITING).fetchone()
    assert row is not None
    return row[0] > 0


def test_a_kill_in_the_middle_of_an_import_leaves_nothing(
    committed_db: CommittedDatabase, tmp_path: Path
) -> None:
    path = many_people(tmp_path / "people.csv", ROWS)
    with (
        psycopg.connect(committed_db.url) as rival,
        psycopg.connect(committed_db.url, autocommit=True) as watcher,
    ):
        # The rival holds the last person's name and does not commit, so the import stops with all other rows written.
        rival.execute(f"{INSERT} VALUES ('person', 'p{ROWS - 1}', 'UTC', '', '{{}}', '', 1)")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "import_entities", str(path)],
            cwd=ROOT,
            env=committed_db.environment(),
        )
        try:
            eventually(lambda: blocked(watcher), seconds=60, what="the import to wait for the rival")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        rival.rollback()
    eventually(lambda: not Entity.objects.exists(), what="the database to undo the dead import")

    done = subprocess.run(
        [sys.executable, "manage.py", "import_entities", str(path)],
        cwd=ROOT,
        env=committed_db.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{ROWS} people imported: {ROWS} new, 0 changed.\n"
    assert done.stderr == ""
    assert Entity.objects.count() == ROWS


def test_reading_needs_no_more_memory_for_more_lines(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, ROWS):
        path = many_people(tmp_path / "people.csv", count)
        tracemalloc.start()
        rows = sum(1 for row in read_rows(path, kind="person", tell=lambda _: None) if row.facts)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == count
    assert peaks[1] < peaks[0] + MEGABYTE
    assert peaks[1] < 3 * MEGABYTE
