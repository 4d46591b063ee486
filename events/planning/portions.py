"""A rule of a large audience, a portion of its members after the other: each portion is a transaction of its own.

Nobody edits while a portion is written, and whoever waits is let in after it. Until all portions are there the plan
ends where it did, so that whoever is killed in between has written rows that the next pass finds, and nothing else.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from events.models import EveryFrom, Occurrence, OnMove, Rule
from events.models.fields import LARGEST_ID
from events.planning.audiences import desired_rows, groups, likely_members
from events.planning.members import audience_sql
from events.planning.plans import LIVE, kind_of, plan_rule
from events.planning.serial import alone
from events.planning.timetables import Timetable
from events.timing import TZDATA_VERSION
from events.transitions import schedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from events.planning.audiences import Group
    from events.transitions import Origin

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

    `rule` as it was, the span that is planned, the oldest transaction that was still at work, what the rule names in
    the span, and who shares it, where that does not depend on each one's date.
    """

    rule: Rule
    since: datetime
    until: datetime
    transaction: str
    timetable: Timetable
    groups: list[Group] | None


def plan_in_portions(rule_id: int, *, until: datetime, origin: Origin) -> int:
    """Write a rule's rows from where its plan ends (or from now) until an instant; how many.

    1. Its members are cut into portions; where they are one, it is planned at once. 2. Each portion is written.
    3. Whoever was written meanwhile is planned as they are now, and the plan's end moves. Where somebody else moves it,
    or the rule ends, the rest is theirs.
    """
    with transaction.atomic():
        rule = _held(rule_id)
        portions = _portions(rule, until, origin) if rule else []
        if rule is None or len(portions) < 2:
            return plan_rule(rule, until=until, origin=origin, entity_ids=portions[0]) if rule else 0
        begun = _begin(rule, until, origin)
    written = 0
    for number, portion in enumerate(portions, start=1):
        with transaction.atomic():
            if _held(rule_id, begun) is None:
                return written
            written += _write(begun, portion, origin)
        logger.info("rule %s: %d of %d portions, %d rows", rule_id, number, len(portions), written)
    with transaction.atomic():
        if _held(rule_id, begun) is None:
            return written
        return written + plan_rule(rule, until=until, origin=origin, entity_ids=_changed(begun))


def _begin(rule: Rule, until: datetime, origin: Origin) -> Begun:
    since = rule.planned_until or origin.now
    timetable = Timetable(rule, after=since, before=until)
    return Begun(rule, since, until, _oldest_transaction(), timetable, None if rule.anchor else groups(rule))


def _held(rule_id: int, begun: Begun | None = None) -> Rule | None:
    """The rule, while nobody edits it or its entities; None if it is not to be planned, or not as it was begun."""
    alone(kind_of(Rule.objects.select_related("entity").get(pk=rule_id)))
    rule = Rule.objects.select_related("entity", "calendar").get(pk=rule_id)
    is_as_begun = begun is None or rule.planned_until == begun.rule.planned_until
    return rule if rule.state in LIVE and is_as_begun else None


def _portions(rule: Rule, until: datetime, origin: Origin) -> list[Sequence[int] | None]:
    """The members in portions; one of all (None) where it is one person, or what is kept is looked at as a whole."""
    is_whole = rule.entity_id is not None or rule.on_move == OnMove.KEEP
    if is_whole or rule.every_from == EveryFrom.COMPLETION:
        return [None]
    since = rule.planned_until or origin.now
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


def _write(begun: Begun, portion: Sequence[int] | None, origin: Origin) -> int:
    rule, since = begun.rule, begun.since
    wanted = desired_rows(
        rule,
        after=since,
        before=begun.until,
        entity_ids=portion,
        timetable=begun.timetable,
        known=begun.groups,
    )
    is_among = not isinstance(portion, range) or _is_planned(rule, portion.stop - 1, since)
    return schedule(wanted, tzdata_version=TZDATA_VERSION, origin=origin, among_known=is_among)


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
