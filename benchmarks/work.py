"""The work that is measured: people, and rows that are due."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import connection

from events import clock, dispatch, operations
from events.management.loads import sets
from events.models import Rule
from events.operations import EntityFacts
from events.timing import TZDATA_VERSION
from events.transitions import Desired, Origin, schedule

if TYPE_CHECKING:
    from datetime import datetime

HORIZON = timedelta(hours=48)
DAY = timedelta(days=1)
SET = 20_000


def origin() -> Origin:
    """Now, by whoever measures."""
    return Origin("user:benchmark", uuid4(), clock.now())


def people(kind: str, count: int) -> None:
    """So many entities of a kind, all in UTC."""
    for start in range(0, count, SET):
        facts = [EntityFacts(kind, str(number), "UTC") for number in range(start, min(start + SET, count))]
        operations.put_entities(facts, origin=origin())
    analyze()


def count_people(kind: str) -> int:
    """How many there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM events_entity WHERE kind = %s", [kind])
        return int(cursor.fetchone()[0])


def due_rows(kind: str, handler: str, due_at: datetime) -> Rule:
    """A row for each entity of the kind, all due at one moment, as the planner writes them."""
    rule = _rule(kind, handler, due_at)
    operations.create_rule(rule, horizon=HORIZON, origin=origin())
    analyze()
    return rule


# Row n is of person n % people, and is due n steps after the first.
SPREAD = """
SELECT %(rule)s::bigint AS rule_id, p.id AS entity_id, moment.at AT TIME ZONE 'UTC' AS slot, 0::smallint AS fold,
       'UTC'::text AS timezone, ''::text AS note, moment.at AS due_at, NULL::jsonb AS snapshot
FROM generate_series(%(from_row)s::bigint, %(to_row)s::bigint) AS n
CROSS JOIN LATERAL (SELECT %(first)s::timestamptz + n * %(lasts)s::interval / %(rows)s AS at) AS moment
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM events_entity WHERE kind = %(people)s) AS p
  ON p.place = n %% (SELECT count(*) FROM events_entity WHERE kind = %(people)s)
ORDER BY n
"""


def spread_rows(kind: str, handler: str, first: datetime, lasts: timedelta, count: int) -> Rule:
    """So many rows of the kind's entities, due one after the other, evenly over a time from the first."""
    rule = operations.create_rule(_rule(kind, handler, first + DAY), horizon=timedelta(0), origin=origin())
    # Nobody plans it: what is written here is all that there is of it.
    Rule.objects.filter(pk=rule.pk).update(planned_until=first + 2 * DAY)
    spread = {"rule": rule.pk, "people": kind, "first": first, "lasts": lasts, "rows": count}
    for start, end in sets(count, SET):
        desired = Desired(SPREAD, spread | {"from_row": start, "to_row": end - 1})
        schedule(desired, tzdata_version=TZDATA_VERSION, origin=origin())
    analyze()
    return rule


def _rule(kind: str, handler: str, at: datetime) -> Rule:
    return Rule(
        name=f"{handler} {uuid4()}",
        audience_kind=kind,
        start_date=at.date(),
        local_time=at.time(),
        timezone="UTC",
        handler=handler,
    )


def analyze() -> None:
    """Statistics first: a fresh table without them is planned as if it were empty."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE events_entity, events_occurrence, events_transition, events_attempt")


def unfinished(until: datetime) -> bool:
    """Whether anything that is due by then waits or runs; asked of the small indexes, so that asking costs little."""
    standing = dispatch.standing()
    return standing.is_due(until) or standing.in_flight > 0
