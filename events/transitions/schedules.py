"""Rows come into being, move with an edit, or are withdrawn because they no longer hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from events.lifecycle import Reason, State
from events.transitions.statements import (
    LOG_MOVED,
    LOG_TOGETHER,
    UNCLAIMED_STATE,
    UNSENT_SQL,
    run,
    wake_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.transitions.origin import Origin


@dataclass(frozen=True, slots=True)
class Desired:
    """The rows that should exist, as a query.

    Its columns: rule_id, entity_id, slot, fold, timezone, note, due_at, snapshot. Its parameters must not be called
    like one of the statements' own.
    """

    sql: str
    parameters: Mapping[str, Any]


SAME_SLOT = """
    o.rule_id = d.rule_id AND o.entity_id = d.entity_id AND o.slot = d.slot AND o.fold = d.fold
"""

# Where many of the rows exist already they are left out first, since ON CONFLICT would lock, and so rewrite, each.
UNKNOWN_ALONE = """
    LEFT JOIN LATERAL (
        SELECT true AS found FROM events_occurrence o
        WHERE {same_slot} AND NOT (o.state = 'CANCELLED' AND o.reason = ANY(%(withdrawn)s)) LIMIT 1
    ) AS known ON true
    WHERE known.found IS NULL
"""

SCHEDULE = """
WITH desired AS ({desired}), moved AS (
    INSERT INTO events_occurrence AS o (rule_id, entity_id, slot, fold, timezone, tzdata_version, note, due_at,
                                        available_at, snapshot, state, reason, hold, attempt, failures)
    SELECT d.rule_id, d.entity_id, d.slot, d.fold, d.timezone, %(tzdata_version)s, d.note, d.due_at,
           d.due_at, d.snapshot, 'SCHEDULED', %(planned)s, '', 0, 0
    FROM desired d
    {unknown_alone}
    ON CONFLICT (rule_id, entity_id, slot, fold) DO UPDATE
    SET state = 'SCHEDULED', reason = %(reinstated)s, timezone = EXCLUDED.timezone, note = EXCLUDED.note,
        tzdata_version = EXCLUDED.tzdata_version, due_at = EXCLUDED.due_at, available_at = EXCLUDED.due_at,
        snapshot = EXCLUDED.snapshot, finished_at = NULL
    WHERE o.state = 'CANCELLED' AND o.reason = ANY(%(withdrawn)s)
    RETURNING o.id, CASE WHEN o.reason = %(reinstated)s THEN 'CANCELLED' ELSE '' END AS from_state,
              o.state AS to_state, o.reason, o.attempt, o.claim_token, o.due_at,
              CASE WHEN %(why)s::text <> '' THEN jsonb_build_object('why', %(why)s::text) END AS detail
), logged AS ({log})
SELECT count(*) AS moved, min(due_at) AS earliest FROM moved
"""


def schedule(
    desired: Desired, *, tzdata_version: str, origin: Origin, why: str = "", among_known: bool = False
) -> int:
    """Write the desired rows that do not exist, and reinstate those that an edit had withdrawn; how many.

    `among_known`: many of them are expected to exist. It changes the cost, not the result.
    """
    unknown_alone = UNKNOWN_ALONE.format(same_slot=SAME_SLOT) if among_known else ""
    log = LOG_MOVED if why else LOG_TOGETHER  # what somebody asked for is found by its occurrence
    row = run(
        SCHEDULE.format(desired=desired.sql, unknown_alone=unknown_alone, log=log),
        origin,
        tzdata_version=tzdata_version,
        why=why,
        planned=Reason.BACKFILLED if why else Reason.PLANNED,
        withdrawn=[Reason.SUPERSEDED.value, Reason.ENTITY_DELETED.value],
        reinstated=Reason.REINSTATED,
        **desired.parameters,
    )[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])


# The rows that stand for desired slots, each looked up by its slot: left to choose, PostgreSQL, which cannot guess how
# many slots there are, would compare each row with each.
STANDING = f"""
    desired d CROSS JOIN LATERAL (SELECT * FROM events_occurrence o WHERE {SAME_SLOT} OFFSET 0) AS o
"""

RULE_SCOPE = "o.rule_id = %(rule_scope)s"
PAIR_SCOPE = f"{RULE_SCOPE} AND o.entity_id = ANY(%(entity_scope)s)"

# What the log tells of a row that another release of the zone data had resolved.
TOLD_RELEASE = """
    CASE WHEN {before} <> %(tzdata_version)s
         THEN jsonb_build_object('tzdata', jsonb_build_array({before}, %(tzdata_version)s::text)) END
"""

CANCEL_SUPERSEDED = f"""
WITH desired AS MATERIALIZED ({{desired}}), wanted AS MATERIALIZED (SELECT o.id FROM {STANDING}), target AS (
    SELECT o.id, o.state, o.claim_token FROM events_occurrence o
    WHERE {{scope}} AND NOT o.given AND o.state IN ({UNSENT_SQL}) AND o.id NOT IN (SELECT id FROM wanted)
    ORDER BY o.id FOR UPDATE
), moved AS (
    UPDATE events_occurrence o
    SET state = '{State.CANCELLED}', reason = '{Reason.SUPERSEDED}', hold = '', claim_token = NULL,
        lease_expires_at = NULL, finished_at = %(now)s
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, t.claim_token,
              {TOLD_RELEASE.format(before="o.tzdata_version")} AS detail
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved FROM moved
"""

MOVE_RESCHEDULED = f"""
WITH desired AS MATERIALIZED ({{desired}}), misplaced AS MATERIALIZED (
    SELECT o.id, d.due_at, d.timezone, d.note, d.snapshot FROM {STANDING}
    WHERE (o.due_at, o.timezone, o.snapshot IS NULL) IS DISTINCT FROM (d.due_at, d.timezone, d.snapshot IS NULL)
), target AS (
    SELECT o.id, o.state, o.claim_token, o.due_at AS due_before, o.timezone AS zone_before,
           o.tzdata_version AS tzdata_before, m.due_at, m.timezone, m.note, m.snapshot
    FROM misplaced m JOIN events_occurrence o ON o.id = m.id
    WHERE {{scope}} AND NOT o.given AND o.state IN ({UNSENT_SQL})
    ORDER BY o.id FOR UPDATE OF o
), moved AS (
    UPDATE events_occurrence o
    SET state = CASE WHEN t.state = '{State.PENDING}' THEN {UNCLAIMED_STATE} ELSE t.state END,
        reason = '{Reason.MOVED}', claim_token = NULL, lease_expires_at = NULL,
        due_at = t.due_at, timezone = t.timezone, note = t.note,
        snapshot = CASE WHEN t.snapshot IS NOT NULL THEN COALESCE(o.snapshot, t.snapshot) END,
        available_at = CASE WHEN t.due_at = t.due_before THEN o.available_at ELSE t.due_at END,
        tzdata_version = %(tzdata_version)s
    FROM target t WHERE o.id = t.id
    RETURNING o.id, t.state AS from_state, o.state AS to_state, o.reason, o.attempt, t.claim_token,
              jsonb_build_object('due_at', jsonb_build_array(t.due_before, o.due_at),
                                 'timezone', jsonb_build_array(t.zone_before, o.timezone))
              || COALESCE({TOLD_RELEASE.format(before="t.tzdata_before")}, '{{{{}}}}') AS detail, o.available_at
), logged AS ({LOG_MOVED})
SELECT count(*) AS moved, min(available_at) AS earliest FROM moved
"""


def cancel_superseded(
    desired: Desired,
    *,
    rule_id: int,
    entity_ids: list[int] | None = None,
    tzdata_version: str,
    origin: Origin,
) -> int:
    """UNSENT -> CANCELLED for the rule's rows (of some entities) that an edit no longer wants; how many."""
    statement = CANCEL_SUPERSEDED.format(desired=desired.sql, scope=_scope(entity_ids))
    scope = {"rule_scope": rule_id, "entity_scope": entity_ids, "tzdata_version": tzdata_version}
    return int(run(statement, origin, **scope, **desired.parameters)[0]["moved"])


def move_rescheduled(
    desired: Desired,
    *,
    rule_id: int,
    entity_ids: list[int] | None = None,
    tzdata_version: str,
    origin: Origin,
) -> int:
    """Give the same scope's unsent rows that an edit still wants their new instant; they keep their identity."""
    statement = MOVE_RESCHEDULED.format(desired=desired.sql, scope=_scope(entity_ids))
    scope = {
        "rule_scope": rule_id,
        "entity_scope": entity_ids,
        "tzdata_version": tzdata_version,
    }
    row = run(statement, origin, **scope, **desired.parameters)[0]
    wake_for(row["earliest"], origin)
    return int(row["moved"])


def _scope(entity_ids: list[int] | None) -> str:
    return RULE_SCOPE if entity_ids is None else PAIR_SCOPE


STAMP = f"""
WITH target AS (
    SELECT o.id FROM events_occurrence o
    WHERE {RULE_SCOPE} AND o.state IN ({UNSENT_SQL}) AND o.tzdata_version <> %(tzdata_version)s
    ORDER BY o.id FOR UPDATE
), stamped AS (
    UPDATE events_occurrence o SET tzdata_version = %(tzdata_version)s FROM target t WHERE o.id = t.id RETURNING o.id
)
SELECT count(*) AS stamped FROM stamped
"""

RENAME_ZONES = f"""
WITH target AS (
    SELECT o.id, z.canonical
    FROM events_occurrence o JOIN unnest(%(names)s::text[], %(canonical)s::text[]) AS z(name, canonical)
      ON o.timezone = z.name
    WHERE o.state IN ({UNSENT_SQL})
    ORDER BY o.id FOR UPDATE OF o
), renamed AS (
    UPDATE events_occurrence o SET timezone = t.canonical FROM target t WHERE o.id = t.id RETURNING o.id
)
SELECT count(*) AS renamed FROM renamed
"""


def stamp(*, rule_id: int, tzdata_version: str, origin: Origin) -> int:
    """Say of the rule's unsent rows that this release of the zone data resolves them just so; how many were others'.

    Nothing moves, and so nothing is logged.
    """
    found = run(STAMP, origin, rule_scope=rule_id, tzdata_version=tzdata_version)
    return int(found[0]["stamped"])


def rename_zones(canonical: Mapping[str, str], *, origin: Origin) -> int:
    """Give all unsent rows their zones' new names, which are no other zones; how many had old ones.

    Nothing moves, and so nothing is logged.
    """
    found = run(RENAME_ZONES, origin, names=list(canonical), canonical=list(canonical.values()))
    return int(found[0]["renamed"])
