"""A filled log becomes one of months while it is written: no move is lost, doubled or renumbered."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.harness.postgres import StoppablePostgres

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "0011_retention"
ROWS = 3_000
# How the release before logs a move.
WRITE = """
INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt, at)
VALUES (%s, '', 'SCHEDULED', 'planned', 'user:alice', 0, now()) RETURNING id
"""
FILL = """
INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt, at)
SELECT n, '', 'SCHEDULED', 'planned', 'user:alice', 0, now() - n * interval '1 hour' FROM generate_series(1, %s) AS n
"""
LOG = "SELECT id, occurrence_id, from_state, to_state, reason, actor, attempt, at FROM events_transition ORDER BY id"
WHOLE = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'transition_together'::regclass"
PARTS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'events_transition'::regclass"
MANY, LONGEST_WAIT = 1_000_000, 5.0


@pytest.fixture
def manage(own_postgres: StoppablePostgres) -> Callable[..., str]:
    def call(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT, env={**os.environ, "DATABASE_URL": own_postgres.url}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


class Writer(Thread):
    """Logs a move after the other; `ids` are theirs, `longest` is how many seconds one took."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.done, self.ids, self.longest = url, Event(), list[int](), 0.0

    def run(self) -> None:
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            while not self.done.is_set():
                begin = time.monotonic()
                ((number,),) = connection.execute(WRITE, [MANY + len(self.ids)]).fetchall()
                self.longest = max(self.longest, time.monotonic() - begin)
                self.ids.append(number)


def test_a_filled_log_is_taken_apart_beside_the_work(
    own_postgres: StoppablePostgres, manage: Callable[..., str]
) -> None:
    manage("migrate", "-v0")
    manage("migrate", "-v0", "events", BEFORE)  # back to it: the table stays as it is
    with closing(psycopg.connect(own_postgres.url, autocommit=True)) as connection:
        put_together_again(connection)
        connection.execute(FILL, [ROWS])
        before = connection.execute(LOG).fetchall()
        writer = Writer(own_postgres.url)
        writer.start()

        manage("migrate", "-v0")
        after_that = len(writer.ids)
        time.sleep(0.2)
        writer.done.set()
        writer.join(timeout=30)

        assert after_that < len(writer.ids)
        assert writer.longest < LONGEST_WAIT
        assert writer.ids == sorted(set(writer.ids))
        now = connection.execute(LOG).fetchall()
        assert now[: len(before)] == before
        assert [row[0] for row in now[len(before) :]] == writer.ids
        parts = [name for (name,) in connection.execute(PARTS).fetchall()]
        assert len(parts) == 6
        assert connection.execute(WHOLE).fetchall() == [(True,)]
        assert connection.execute("SELECT count(*) FROM events_move").fetchall() == [(len(now),)]
        assert any(name.startswith("events_transition_before_") for name in parts)
        for part in parts:
            for statement in (f"DELETE FROM {part}", f"TRUNCATE {part}"):
                if statement[0] == "D" and not connection.execute(f"SELECT FROM {part} LIMIT 1").fetchall():
                    continue
                with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                    connection.execute(statement)
    triggers = manage("pgtrigger", "ls")
    assert triggers.count("INSTALLED") == triggers.count("ENABLED") == 3


def put_together_again(connection: psycopg.Connection) -> None:
    """The log as the release before had it."""
    connection.execute("""
        CREATE TABLE plain (LIKE events_transition INCLUDING CONSTRAINTS);
        ALTER TABLE plain DROP occurrences, DROP blocks, ALTER occurrence_id SET NOT NULL;
        CREATE TEMPORARY TABLE kept AS
        SELECT tgname, pg_get_triggerdef(oid) AS definition, obj_description(oid) AS comment FROM pg_trigger
        WHERE tgrelid = 'events_transition'::regclass AND NOT tgisinternal;
        DROP VIEW events_move;
        DROP TABLE events_transition;
        ALTER TABLE plain RENAME TO events_transition;
        ALTER TABLE events_transition ALTER id ADD GENERATED BY DEFAULT AS IDENTITY;
        ALTER TABLE events_transition ADD CONSTRAINT events_transition_pkey PRIMARY KEY (id);
        CREATE INDEX transition_story ON events_transition (occurrence_id, id);
    """)
    for name, definition, comment in connection.execute("TABLE kept").fetchall():
        connection.execute(definition)
        connection.execute(f"COMMENT ON TRIGGER {name} ON events_transition IS '{comment}'")
