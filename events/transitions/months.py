"""The months of which the log is made: opened ahead, and dropped whole. See docs/adr/0019-log-by-month.md."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from events.models import Retention
from events.transitions.statements import FINAL_SQL

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.transitions.origin import Origin

Result = TypeVar("Result")

# So many months after this one.
AHEAD = 3
# Who wants the log for itself waits so long for its readers at most, because whoever moves rows waits behind; then it
# is tried again.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
TRIES, PAUSE_SECONDS = 15, 2.0
DEFAULT_PART = "events_transition_default"


@dataclass(frozen=True, slots=True)
class Month:
    """A part of the log: the moves with begins <= at < ends. The first one begins nowhere (None).

    `rows` is PostgreSQL's estimate, and each may tell of many moves; `size` in bytes with indexes.
    """

    part: str
    begins: datetime | None
    ends: datetime
    rows: int
    size: int

    def __str__(self) -> str:
        if self.begins is None:
            return f"before {self.ends.astimezone(UTC):%Y-%m}"
        return f"{self.begins.astimezone(UTC):%Y-%m}"


MONTHS = """
SELECT part.relname, (regexp_match(part.bounds, 'FROM \\(''([^'']+)''\\)'))[1]::timestamptz AS begins,
       (regexp_match(part.bounds, 'TO \\(''([^'']+)''\\)'))[1]::timestamptz AS ends,
       GREATEST(part.reltuples, 0)::bigint, pg_total_relation_size(part.oid)
FROM (SELECT c.oid, c.relname, c.reltuples, pg_get_expr(c.relpartbound, c.oid) AS bounds
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'events_transition'::regclass) AS part
WHERE part.bounds <> 'DEFAULT'
ORDER BY ends
"""


def months_of_log() -> list[Month]:
    """All parts of the log but the net below them, in order."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS)
        return [Month(*row) for row in cursor.fetchall()]


def patiently(work: Callable[[], Result]) -> Result:
    """The work's result, once it got its locks; raises OperationalError after half a minute of tries."""
    tried = 1
    while True:
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable) or tried == TRIES:
                raise
        tried += 1
        time.sleep(PAUSE_SECONDS)


def open_months(now: datetime) -> list[str]:
    """Open this month and the next ones as far as they are missing; their tables' names.

    What was written while its month was missing lies in the net, and goes to where it belongs.
    """
    return patiently(lambda: _open_months(now))


def _open_months(now: datetime) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_TIMEOUT)
        # one at a time: whoever comes second finds nothing left to open
        cursor.execute("LOCK TABLE events_transition IN SHARE UPDATE EXCLUSIVE MODE")
        last = months_of_log()[-1].ends
        missing = _months(last, now)
        if not missing:
            return []
        netted = _take_net(last, missing[-1])
        for month in missing:
            cursor.execute("SELECT events_open_month_of_log(%s::date)", [month])
        if netted:
            cursor.execute("INSERT INTO events_transition SELECT * FROM events_transition_netted")
            cursor.execute("DROP TABLE events_transition_netted")
        return [f"events_transition_{month:%Y_%m}" for month in missing]


def _months(first: datetime, now: datetime) -> list[datetime]:
    """The beginnings of the months from `first` up to so many after this one."""
    begin, present = first.astimezone(UTC), now.astimezone(UTC)
    numbers = range(begin.year * 12 + begin.month - 1, present.year * 12 + present.month + AHEAD)
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers]


IS_NETTED = f"SELECT EXISTS (SELECT FROM {DEFAULT_PART} WHERE at >= %s AND at < %s + interval '1 month')"
NEW_NET = f"""
ALTER TABLE events_transition DETACH PARTITION {DEFAULT_PART};
ALTER TABLE {DEFAULT_PART} RENAME TO events_transition_netted;
ALTER INDEX {DEFAULT_PART}_pkey RENAME TO events_transition_netted_pkey;
SELECT events_make_part_of_log('{DEFAULT_PART}');
ALTER TABLE events_transition ATTACH PARTITION {DEFAULT_PART} DEFAULT
"""


def _take_net(first: datetime, last: datetime) -> bool:
    """Put an empty net in place of one that holds moves of these months; whether it did."""
    with connection.cursor() as cursor:
        cursor.execute(IS_NETTED, [first, last])
        (netted,) = cursor.fetchone()
        if netted:
            cursor.execute(NEW_NET)
        return bool(netted)


# A story that has not ended is told from its beginning, however long ago that was. Its moves come to lie in the net.
UNENDED = f"""
DROP TABLE IF EXISTS pg_temp.unended;
CREATE TEMPORARY TABLE unended ON COMMIT DROP AS
WITH unended AS MATERIALIZED (
    SELECT t.id, t.occurrence_id, NULL::bigint[] AS occurrences
    FROM {{part}} t JOIN events_occurrence o ON o.id = t.occurrence_id WHERE o.state NOT IN ({FINAL_SQL})
  UNION ALL
    SELECT t.id, NULL, array_agg(o.id)
    FROM {{part}} t CROSS JOIN LATERAL unnest(t.occurrences) AS told(id) JOIN events_occurrence o ON o.id = told.id
    WHERE o.state NOT IN ({FINAL_SQL}) GROUP BY t.id
)
SELECT t.id, u.occurrence_id, t.from_state, t.to_state, t.reason, t.actor, t.attempt, t.claim_token,
       t.correlation_id, t.at, t.detail, u.occurrences, t.blocks
FROM {{part}} t JOIN unended u ON u.id = t.id
"""
COUNT = "SELECT COALESCE(sum(COALESCE(cardinality(occurrences), 1)), 0)::bigint FROM {table}"
DROP = """
ALTER TABLE events_transition DETACH PARTITION {part};
INSERT INTO events_transition (id, occurrence_id, from_state, to_state, reason, actor, attempt, claim_token,
                               correlation_id, at, detail, occurrences, blocks) TABLE unended;
DROP TABLE {part}
"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many moves went with a month, and how many were kept because their occurrence is not final."""

    moves: int
    kept: int


def drop_month(month: Month, *, origin: Origin) -> Dropped:
    """Drop the month's table, but for the moves of what is not final.

    They are looked for before anything is locked. What is brought back to life meanwhile, such as a dead letter that is
    replayed, goes on without its beginning.
    """
    return patiently(lambda: _drop_month(month, origin))


@transaction.atomic
def _drop_month(month: Month, origin: Origin) -> Dropped:
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(table=month.part))
        (moves,) = cursor.fetchone()
        cursor.execute(UNENDED.format(part=month.part))
        cursor.execute(LOCK_TIMEOUT)
        cursor.execute(DROP.format(part=month.part))
        cursor.execute(COUNT.format(table="pg_temp.unended"))
        (kept,) = cursor.fetchone()
    dropped = Dropped(moves - kept, kept)
    Retention.objects.create(
        what=Retention.What.LOG,
        before=month.ends,
        dropped=dropped.moves,
        dropped_at=origin.now,
        actor=origin.actor,
    )
    return dropped
