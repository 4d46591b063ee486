"""The end of rows that ended long ago: deleted with their attempts, set by set. The log tells of them further.

An attempt of many is deleted with the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction

from events.lifecycle import State
from events.models.history import BLOCK
from events.transitions.statements import run

if TYPE_CHECKING:
    from datetime import datetime

    from events.transitions.origin import Origin

# Rows looked at in one transaction.
STEP = 10_000

# What nobody will ask for again: done with, and due, before the instant. Dead letters wait for a person. A rule that
# counts from its last completion needs to know it, and a group its occurrence.
FORGETTABLE = f"""
    o.id > %(after)s AND o.id <= %(up_to)s
    AND (o.state || '') IN ('{State.COMPLETED}', '{State.CANCELLED}', '{State.SKIPPED}')
    AND o.finished_at < %(before)s AND o.due_at < %(before)s
    AND (r.every_from <> 'completion' OR r.state = 'retired')
    AND NOT EXISTS (SELECT FROM events_group g WHERE g.occurrence_id = o.id)
"""

# The ids were given in about the order in which rows were written: a set of which all are younger ends the search.
NEXT = f"""
SELECT max(id) AS last, min(created_at) AS oldest FROM (
    SELECT id, created_at FROM events_occurrence WHERE id > %(after)s ORDER BY id LIMIT {STEP}
) AS step
"""
# Two at once that each delete half of those whose attempts stand together would both leave these for the other.
ONE_AT_A_TIME = "LOCK TABLE events_retention IN SHARE ROW EXCLUSIVE MODE"
COUNT = f"""
SELECT count(*) AS rows FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id WHERE {FORGETTABLE}
"""
FORGET = f"""
WITH old AS MATERIALIZED (
    SELECT o.id FROM events_occurrence o JOIN events_rule r ON r.id = o.rule_id
    WHERE {FORGETTABLE} FOR UPDATE OF o SKIP LOCKED
), tried AS (
    DELETE FROM events_attempt a USING old WHERE a.occurrence_id = old.id
), gone AS (
    DELETE FROM events_occurrence o USING old WHERE o.id = old.id RETURNING o.id
)
SELECT count(*) AS rows, array_agg(DISTINCT id / {BLOCK}) AS blocks FROM gone
"""
FORGET_TOGETHER = """
DELETE FROM events_attempt a WHERE a.blocks && %(blocks)s::bigint[] AND NOT EXISTS (
    SELECT FROM unnest(a.occurrences) AS told(id) JOIN events_occurrence o ON o.id = told.id
)
"""


class Step(NamedTuple):
    """One set: up to which id it was looked through, and how many rows of it were (or would be) deleted."""

    last: int
    rows: int


def count_old(after: int, *, before: datetime, origin: Origin) -> Step | None:
    """How many of the next set of rows ended before the instant; None if no older ones can follow."""
    last = _last_of_next(after, before, origin)
    if last is None:
        return None
    (old,) = run(COUNT, origin, after=after, up_to=last, before=before)
    return Step(last, int(old["rows"]))


@transaction.atomic
def forget_old(after: int, *, before: datetime, origin: Origin) -> Step | None:
    """Delete those of the next set that ended before the instant, with their attempts; None if none can follow."""
    run(ONE_AT_A_TIME, origin)
    last = _last_of_next(after, before, origin)
    if last is None:
        return None
    (gone,) = run(FORGET, origin, after=after, up_to=last, before=before)
    run(FORGET_TOGETHER, origin, blocks=gone["blocks"])
    return Step(last, int(gone["rows"]))


def _last_of_next(after: int, before: datetime, origin: Origin) -> int | None:
    (found,) = run(NEXT, origin, after=after)
    return None if found["last"] is None or found["oldest"] >= before else int(found["last"])
