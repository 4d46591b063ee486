"""What a row's siblings, of the same rule and entity, mean for it. Reads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from events.lifecycle import State
from events.transitions.statements import id_array, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from events.transitions.origin import Origin

# What was due a week before or after is not asked about: nothing is at work for so long.
WEEK = "interval '7 days'"
# `s` is in the way of `o`: at work (claimed, running, or an earlier one that is between two attempts), or, where they
# queue, an earlier one that has come due and is to be fired, however late. What is due now is claimed before a backlog.
IN_THE_WAY = f"""
    s.rule_id = o.rule_id AND s.entity_id = o.entity_id AND s.id <> o.id
    AND s.slot BETWEEN o.slot - {WEEK} AND o.slot + {WEEK}
    AND (s.state IN ('{State.PENDING}', '{State.PROCESSING}') OR (s.due_at, s.id) < (o.due_at, o.id) AND (
         s.state = '{State.RETRYING}' OR s.state = '{State.SCHEDULED}' AND s.available_at <= %(now)s AND EXISTS (
             SELECT 1 FROM events_rule r WHERE r.id = o.rule_id AND r.overlap = 'queue' AND r.catch_up = 'all')))
"""

AT_WORK = f"""
SELECT o.id, (SELECT s.id FROM events_occurrence s WHERE {IN_THE_WAY} ORDER BY s.due_at DESC, s.id DESC LIMIT 1)
           AS in_the_way
FROM events_occurrence o WHERE o.id = ANY(%(ids)s::bigint[])
"""


def at_work(ids: Sequence[int], *, origin: Origin) -> dict[int, int]:
    """Which of these rows an earlier run of the same rule and entity is in the way of, and which run that is."""
    rows = run(AT_WORK, origin, ids=id_array(ids))
    return {row["id"]: row["in_the_way"] for row in rows if row["in_the_way"] is not None}


LATER = f"""
SELECT o.id, (SELECT s.id FROM events_occurrence s
              WHERE s.rule_id = o.rule_id AND s.entity_id = o.entity_id AND s.slot > o.slot - interval '26 hours'
                AND (s.due_at, s.id) > (o.due_at, o.id) AND s.due_at <= %(now)s
                AND s.state NOT IN ('{State.CANCELLED}', '{State.SKIPPED}')
              ORDER BY s.due_at DESC, s.id DESC LIMIT 1) AS later
FROM events_occurrence o WHERE o.id = ANY(%(ids)s::bigint[])
"""


def latest_due(ids: Sequence[int], *, origin: Origin) -> dict[int, int]:
    """Which of these rows a later one of the same rule and entity has come due after, and the last such one."""
    return {
        row["id"]: row["later"] for row in run(LATER, origin, ids=id_array(ids)) if row["later"] is not None
    }


# A period is a year, month, week or day of the date that is counted from, before its offset. Where a missing day moves
# on to the next month, that month has two of them, and says nothing. Draws of one window differ by less than a second.
# What is given was asked for by itself, and is nobody's second one.
OTHERS_OF_PERIOD = f"""
SELECT o.id, (array_agg(s.id ORDER BY s.slot DESC) FILTER (WHERE s.attempt > 0 OR s.state = '{State.COMPLETED}'))[1]
           AS sent,
       array_agg(s.id) FILTER (WHERE s.due_at <= %(now)s) AS due
FROM unnest(%(ids)s::bigint[], %(units)s::text[]) AS w(id, unit)
JOIN events_occurrence o ON o.id = w.id
JOIN events_rule r ON r.id = o.rule_id
JOIN events_entity e ON e.id = o.entity_id
CROSS JOIN LATERAL (
    SELECT date_trunc(w.unit, o.slot - r.anchor_offset_days * interval '1 day')
           + r.anchor_offset_days * interval '1 day' AS begins
) AS period
JOIN events_occurrence s ON s.rule_id = o.rule_id AND s.entity_id = o.entity_id
 AND s.slot >= period.begins AND s.slot < period.begins + ('1 ' || w.unit)::interval
 AND date_trunc('second', s.slot) <> date_trunc('second', o.slot)
 AND s.state NOT IN ('{State.CANCELLED}', '{State.SKIPPED}')
WHERE NOT o.given AND (e.version > 1 OR r.version > 1)
  AND NOT (w.unit = 'month' AND 'forward' IN (e.leap, r.leap))
GROUP BY o.id
"""


class Period(NamedTuple):
    """What stands for the same period as a row: the one that was sent, and all that have come due."""

    sent: int | None
    due: frozenset[int]


def others_of_period(units: Mapping[int, str], *, origin: Origin) -> dict[int, Period]:
    """Which of these rows are not alone in their period, and who is in it.

    `units` are their periods by id: year, month, week or day. Only rows whose rule or entity was ever edited count.
    """
    rows = run(OTHERS_OF_PERIOD, origin, ids=id_array(units), units=list(units.values()))
    return {row["id"]: Period(row["sent"], frozenset(row["due"] or ())) for row in rows}
