"""The parts that every move's statement shares: running it, logging it, and waking the sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection

from events.lifecycle import CLAIMABLE, FINAL, IN_FLIGHT, UNSENT, Hold, Reason, State
from events.models.history import BLOCK
from events.transitions.errors import illegal_move

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from events.transitions.origin import Origin

WAKE_CHANNEL = "punctual_wake"
# A sweep never sleeps longer than this, so nearer moments are the only ones worth a notification.
WAKE_WITHIN = timedelta(minutes=2)


def sql_list(states: Iterable[State]) -> str:
    """The states as the inside of an SQL IN list, in a stable order."""
    return ", ".join(f"'{state}'" for state in sorted(states))


CLAIMABLE_SQL = sql_list(CLAIMABLE)
UNSENT_SQL = sql_list(UNSENT)
FINAL_SQL = sql_list(FINAL)
IN_FLIGHT_SQL = sql_list(IN_FLIGHT)

# Where a row that was claimed, but not run, goes back to.
UNCLAIMED_STATE = f"CASE WHEN o.attempt = 0 THEN '{State.SCHEDULED}' ELSE '{State.RETRYING}' END"


# An edit bears the instant at which it began. One that began before an attempt may be committed while that runs.
LONGEST_EDIT = "interval '1 minute'"


def hold_if_edited(started_at: str = "o.started_at") -> str:
    """SQL: the hold of a row that ran from that instant while its rule or its entity was edited, or may have been.

    It waits until planning has looked whether it still holds. What was given by itself holds whatever they say.
    """
    return f"""CASE WHEN NOT o.given AND EXISTS (
            SELECT 1 FROM events_rule r, events_entity e
            WHERE r.id = o.rule_id AND e.id = o.entity_id
              AND (r.updated_at > GREATEST(r.created_at, {started_at} - {LONGEST_EDIT})
                   OR e.updated_at > GREATEST(e.created_at, {started_at} - {LONGEST_EDIT}))
        ) THEN '{Hold.EDITED}' ELSE '' END"""


HOLD_IF_EDITED = hold_if_edited()

# The state of a row that is found by its id. Written plainly, PostgreSQL would rather search the index of leased
# rows, which its statistics call empty whenever they were taken while nothing was in flight, and so walk all of them.
STATE_OF_ID = "(o.state || '')"

# The last step of a statement whose `moved` step returns these columns. `detail` is jsonb.
LOG_MOVED = """
    INSERT INTO events_transition (occurrence_id, from_state, to_state, reason, actor, attempt,
                                   claim_token, correlation_id, at, detail)
    SELECT id, from_state, to_state, reason, %(actor)s, attempt,
           claim_token, %(correlation_id)s, %(now)s, detail
    FROM moved
"""


def alike(columns: str, *, of: str = "moved") -> str:
    """SQL: what agrees in these columns of that step, as one row: who is `alone`, or `together` in which `blocks`.

    See docs/adr/0024-moves-together.md.
    """
    # OFFSET 0: whoever makes several rows of one does not reckon its blocks for each.
    return f"""(
        SELECT sets.*, CASE WHEN together IS NOT NULL
                            THEN ARRAY(SELECT DISTINCT id / {BLOCK} FROM unnest(together) AS told(id)) END AS blocks
        FROM (SELECT CASE WHEN count(*) = 1 THEN min(id) END AS alone,
                     CASE WHEN count(*) > 1 THEN array_agg(id) END AS together, {columns}
              FROM {of} GROUP BY {columns}) AS sets OFFSET 0
    ) AS alike"""


# The same for moves that many make at once, and nobody asked for by name: one row of the log for all that moved alike.
LOG_TOGETHER = f"""
    INSERT INTO events_transition (occurrence_id, occurrences, blocks, from_state, to_state, reason, actor, attempt,
                                   claim_token, correlation_id, at, detail)
    SELECT alone, together, blocks, from_state, to_state, reason, %(actor)s, attempt,
           claim_token, %(correlation_id)s, %(now)s, detail
    FROM {alike("from_state, to_state, reason, attempt, claim_token, detail")}
"""

# The same where `moved` passed from PENDING through PROCESSING at once: two moves each, in their order.
LOG_RUN = f"""
    INSERT INTO events_transition (occurrence_id, occurrences, blocks, from_state, to_state, reason, actor, attempt,
                                   claim_token, correlation_id, at, detail)
    SELECT alone, together, blocks, step.from_state, step.to_state, step.reason, step.actor, attempt,
           claim_token, %(correlation_id)s, step.at, NULL
    FROM {alike("to_state, reason, attempt, claim_token, started_at, started_by")} CROSS JOIN LATERAL (VALUES
        (1, '{State.PENDING}', '{State.PROCESSING}', '{Reason.STARTED}', alike.started_at, alike.started_by),
        (2, '{State.PROCESSING}', alike.to_state, alike.reason, %(now)s, %(actor)s)
    ) AS step(number, from_state, to_state, reason, at, actor)
    ORDER BY step.number
"""


def id_array(ids: Iterable[object]) -> str:
    """Ids, or other numbers or moments, as PostgreSQL writes an array: a tenth of the time that a list takes."""
    return "{" + ",".join(map(str, ids)) + "}"


def run(statement: str, origin: Origin, **parameters: Any) -> list[dict[str, Any]]:
    """Execute one statement with the origin's parameters beside its own; its rows as dicts. Raises IllegalMove."""
    names, rows = run_for_rows(statement, origin, **parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


def run_for_rows(
    statement: str, origin: Origin, **parameters: Any
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The same for large answers: the columns' names once, and the rows as they come."""
    known: Mapping[str, Any] = {
        "actor": origin.actor,
        "correlation_id": origin.correlation_id,
        "now": origin.now,
        **parameters,
    }
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, known)
        except IntegrityError as error:
            illegal = illegal_move(error)
            if illegal is None:
                raise
            raise illegal from error
        names = [column.name for column in cursor.description or ()]
        return names, cursor.fetchall() if names else []


def wake_for(earliest: datetime | None, origin: Origin) -> None:
    """Tell sleeping sweeps, when this transaction commits, that something is due sooner than they may think."""
    if earliest is not None and earliest < origin.now + WAKE_WITHIN:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])
