"""How PostgreSQL keeps the tables of many moves: who hinders it, and what it has not tidied up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from datetime import datetime

# Every row of these is written more than once, so that dead versions lie between the living.
HOT = ("events_occurrence", "events_attempt")


class OpenTransaction(NamedTuple):
    """A transaction that is still open, for so long; `state` as PostgreSQL calls it, such as "idle in transaction"."""

    pid: int
    application: str
    state: str
    age: timedelta


OPEN = """
SELECT pid, application_name, COALESCE(state, ''), %(now)s - xact_start FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND xact_start < %(before)s
  UNION ALL
SELECT 0, format('prepared transaction %%s', gid), 'prepared', %(now)s - prepared FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < %(before)s
ORDER BY 4 DESC
"""


def open_transactions(*, longest: timedelta, now: datetime) -> list[OpenTransaction]:
    """The transactions in this database that have been open for longer, the oldest first; as far as our user sees."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN, {"now": now, "before": now - longest})
        return [OpenTransaction(*row) for row in cursor.fetchall()]


class Tidiness(NamedTuple):
    """One table by PostgreSQL's own counts. `due`: so many dead rows have it vacuumed; None: autovacuum is off."""

    table: str
    live: int
    dead: int
    due: int | None
    vacuumed_at: datetime | None

    @property
    def dead_share(self) -> float:
        """Of all rows; 0 of an empty table."""
        return self.dead / max(self.live + self.dead, 1)


TIDINESS = """
WITH options AS (
    SELECT c.oid, o.option_name AS name, o.option_value AS value
    FROM pg_class c CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
)
SELECT s.relname, s.n_live_tup, s.n_dead_tup,
       CASE WHEN current_setting('autovacuum')::boolean AND COALESCE(
                     (SELECT value::boolean FROM options o WHERE o.oid = s.relid AND name = 'autovacuum_enabled'), true)
            THEN (COALESCE((SELECT value::float FROM options o
                            WHERE o.oid = s.relid AND name = 'autovacuum_vacuum_threshold'),
                           current_setting('autovacuum_vacuum_threshold')::float)
                  + COALESCE((SELECT value::float FROM options o
                              WHERE o.oid = s.relid AND name = 'autovacuum_vacuum_scale_factor'),
                             current_setting('autovacuum_vacuum_scale_factor')::float) * s.n_live_tup)::bigint END,
       GREATEST(s.last_vacuum, s.last_autovacuum)
FROM pg_stat_user_tables s WHERE s.relid = ANY(%s::regclass[]) ORDER BY s.relname
"""


def tidiness() -> list[Tidiness]:
    """How many dead rows lie in each hot table, and when it was last vacuumed."""
    with connection.cursor() as cursor:
        cursor.execute(TIDINESS, [list(HOT)])
        return [Tidiness(*row) for row in cursor.fetchall()]


class Index(NamedTuple):
    """An index with its size in bytes, and how many entries the last vacuum found in it."""

    name: str
    size: int
    entries: int


INDEXES = """
SELECT c.relname, pg_relation_size(c.oid), c.reltuples::bigint
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY(%s::regclass[]) AND c.reltuples >= 0 AND pg_relation_size(c.oid) > %s AND c.relam = %s::oid
ORDER BY 2 DESC
"""
BTREE = 403


def large_indexes(*, least: int) -> list[Index]:
    """The B-trees of the hot tables that have more bytes than that."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [list(HOT), least, BTREE])
        return [Index(*row) for row in cursor.fetchall()]
