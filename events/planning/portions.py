"""A rule of a large audience, in portions of its members: each portion is a transaction of its own.

Several planners may each be at one. Nobody edits meanwhile, and whoever waits is let in when those are written. Until
all portions are there the plan ends where it did, so that whoever is killed in between has written rows that the next
pass finds, and nothing else.
"""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from events.models import EveryFrom, Occurrence, OnMove, Rule
from events.models.fields import LARGEST_ID
from events.planning.audiences import desired_rows, likely_members
from events.planning.members import audience_sql
from events.planning.plans import LIVE, kind_of, plan_rule
from events.planning.serial import seated
from events.planning.timetables import Timetable
from events.timing import TZDATA_VERSION
from events.transitions import schedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from events.planning.planners import Planners
    from events.transitions import Origin

    # Ids of members, or a range of ids; None for all members.
    Portions = list[Sequence[int] | None]

logger = logging.getLogger(__name__)

# About so many rows are one transaction.
ROWS_AT_ONCE = 10_000
# Of members whose anchor may fire, about a third do: the days on either side are looked at as well.
LIKELY_AT_ONCE = 3 * ROWS_AT_ONCE

BOUNDARIES = """
SELECT id FROM (SELECT e.id, row_number() OVER (ORDER BY e.id) AS number FROM events_entity e WHERE {members}) AS member
WHERE mod(number, %(size)s) = 0 ORDER BY id
"""

# What was written since by whoever may have come between two portions, told by PostgreSQL's own numbers of
# transactions: an edit's time is that of its beginning, and it may have waited for a portion.
CHANGED = (
    "SELECT e.id FROM events_entity e WHERE {members} AND age(e.xmin) <= age(%(since)s::xid) ORDER BY e.id"
)


class Begun(NamedTuple):
    """What was known when the portions were cut.

    `rule` as it was, the span that is planned, its members in portions, the oldest transaction that was still at work,
    and what the rule names in the span.
    """

    rule: Rule
    since: datetime
    until: datetime
    portions: Portions
    transaction: str
    timetable: Timetable


def begin(rule_id: int, seat: int | None, *, until: datetime, origin: Origin) -> Begun | int:
    """Cut a rule's members into portions; where they are one, write its rows at once, and return how many."""
    with transaction.atomic():
        rule = _held(rule_id, seat)
        if rule is None:
            return 0
        since = rule.planned_until or origin.now
        portions = _portions(rule, since, until)
        if len(portions) < 2:
            return plan_rule(rule, until=until, origin=origin, entity_ids=portions[0])
        timetable = Timetable(rule, after=since, before=until)
        return Begun(rule, since, until, portions, _oldest_transaction(), timetable)


def plan_in_portions(begun: Begun, crew: Planners, *, origin: Origin) -> int:
    """Write the rows of a rule from where its plan ends (or from now) until an instant; how many.

    1. Each portion is written, by whoever is free. 2. When all are, whoever was edited meanwhile is planned as they are
    now, and the plan's end moves. Where somebody else moves it, or the rule ends, the rest is theirs.
    """
    written = 0
    with closing(crew.each(partial(_write, begun, origin), begun.portions)) as portions:
        for number, (_, rows) in enumerate(portions, start=1):
            more = rows()
            if more is None:
                return written
            written += more
            count = len(begun.portions)
            logger.info("rule %s: %d of %d portions, %d rows", begun.rule.pk, number, count, written)
    return written + _end(begun, origin)


def _held(rule_id: int, seat: int | None) -> Rule | None:
    """The rule, while nobody edits it or its entities; None if it is not to be planned."""
    seated(kind_of(Rule.objects.select_related("entity").get(pk=rule_id)), seat)
    rule = Rule.objects.select_related("entity", "calendar").get(pk=rule_id)
    return rule if rule.state in LIVE else None


def _portions(rule: Rule, since: datetime, until: datetime) -> Portions:
    """The members in portions; one of all (None) where it is one person, or what is kept is looked at as a whole."""
    is_whole = rule.entity_id is not None or rule.on_move == OnMove.KEEP
    if is_whole or rule.every_from == EveryFrom.COMPLETION:
        return [None]
    likely = likely_members(rule, after=since, before=until)
    if likely is not None:
        return [likely[n : n + LIKELY_AT_ONCE] for n in range(0, len(likely), LIKELY_AT_ONCE)] or [[]]
    return _ranges(rule, max(1, ROWS_AT_ONCE // _rows_each(rule, since, until)))


def _rows_each(rule: Rule, since: datetime, until: datetime) -> int:
    """About how many rows a member has in the span, one at least."""
    found = () if rule.anchor else Timetable(rule, after=since, before=until).openings("UTC", "", "")
    return max(1, len(found) * rule.draws)


def _ranges(rule: Rule, size: int) -> list[Sequence[int] | None]:
    """Ranges of ids, each of so many members; the last one has no end."""
    members, parameters = audience_sql(rule, None)
    with connection.cursor() as cursor:
        cursor.execute(BOUNDARIES.format(members=members), {**parameters, "size": size})
        last = [entity_id for (entity_id,) in cursor.fetchall()]
    starts = [0, *(entity_id + 1 for entity_id in last)]
    return [range(start, stop) for start, stop in zip(starts, [*starts[1:], LARGEST_ID], strict=True)]


def _write(begun: Begun, origin: Origin, portion: Sequence[int] | None, seat: int | None) -> int | None:
    """Write a portion's rows; how many, or None where the rule is not to be planned any more as it was begun."""
    rule = begun.rule
    with transaction.atomic():
        seated(kind_of(rule), seat)
        still = Rule.objects.filter(pk=rule.pk, state__in=LIVE, planned_until=rule.planned_until)
        if not still.exists():
            return None
        wanted = desired_rows(
            rule, after=begun.since, before=begun.until, entity_ids=portion, timetable=begun.timetable
        )
        is_among = not isinstance(portion, range) or _is_planned(rule, portion.stop - 1, begun.since)
        return schedule(wanted, tzdata_version=TZDATA_VERSION, origin=origin, among_known=is_among)


@transaction.atomic
def _end(begun: Begun, origin: Origin) -> int:
    """Plan whoever was edited since, with nobody beside, and move the plan's end; how many rows were written."""
    rule = _held(begun.rule.pk, None)
    if rule is None or rule.planned_until != begun.rule.planned_until:
        return 0
    return plan_rule(rule, until=begun.until, origin=origin, entity_ids=_changed(begun))


def _is_planned(rule: Rule, entity_id: int, since: datetime) -> bool:
    """Whether somebody who was killed had planned the entity."""
    return Occurrence.objects.filter(rule=rule, entity=entity_id, due_at__gte=since).exists()


def _oldest_transaction() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text")
        return str(cursor.fetchone()[0])


def _changed(begun: Begun) -> list[int]:
    """The members that were written since the portions were cut."""
    members, parameters = audience_sql(begun.rule, None)
    with connection.cursor() as cursor:
        cursor.execute(CHANGED.format(members=members), {**parameters, "since": begun.transaction})
        return [entity_id for (entity_id,) in cursor.fetchall()]
