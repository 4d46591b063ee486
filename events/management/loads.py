"""What `loadgen` writes: entities of one kind, rules for them, and rows of the past and the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Q

from events import handling, operations
from events.errors import PunctualError
from events.lifecycle import State
from events.models import Entity, Rule
from events.timing import TZDATA_VERSION
from events.transitions import Desired, schedule
from events.transitions.loads import tell_past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.transitions import Origin

    Tell = Callable[[int], None]

# All that is made bears this kind, and nothing else may.
KIND = "loadgen"
MADE_UP = "engine:loadgen"
ZONE = "UTC"
ZONES = (
    "Pacific/Honolulu", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York",
    "America/Sao_Paulo", "UTC", "Europe/London", "Europe/Berlin", "Europe/Athens", "Africa/Cairo", "Europe/Moscow",
    "Asia/Dubai", "Asia/Karachi", "Asia/Kolkata", "Asia/Dhaka", "Asia/Bangkok", "Asia/Shanghai", "Asia/Tokyo",
    "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip
NINE = time(9, 0)
# Rows a statement; large enough to be fast, small enough for a bar to move.
SET = 20_000
ANALYZE = "ANALYZE events_entity, events_rule, events_occurrence, events_transition, events_attempt"
# A future that no planner reaches while somebody tries.
FAR = timedelta(days=3650)

OURS = Q(audience_kind=KIND) | Q(entity__kind=KIND)


class OthersHere(PunctualError):
    """This database holds what loadgen did not make: {what}. Nothing was written. A load beside it uses the same
    sweeps and workers; if that is wanted, repeat the command with --among-others.
    """


class NobodyThere(PunctualError):
    """There are no people of kind 'loadgen' yet, and rules and occurrences are made for those. Use --people too."""


def refuse_others() -> None:
    """Raises OthersHere if anybody else's entities or rules are in the database."""
    found = {
        "entities": Entity.objects.exclude(kind=KIND).exists(),
        "rules": Rule.objects.exclude(OURS).exists(),
    }
    if any(found.values()):
        raise OthersHere(what=" and ".join(name for name, there in found.items() if there))


def sets(count: int, size: int = SET) -> Iterator[tuple[int, int]]:
    """Ranges (from, up to, which is not included) of `size` numbers at most, from 0 to `count`."""
    for start in range(0, count, size):
        yield start, min(start + size, count)


PEOPLE = """
INSERT INTO events_entity (kind, external_id, name, timezone, attributes, leap, version)
SELECT %(kind)s, n::text, 'Load ' || n, (%(zones)s::text[])[1 + n %% %(zone_count)s],
       jsonb_build_object('birthday', to_char(date '1940-01-01' + (n * 7919 %% 25000)::int, 'YYYY-MM-DD')), '', 1
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""

LAST_PERSON = "SELECT COALESCE(max(external_id::bigint), 0) FROM events_entity WHERE kind = %s"


def make_people(count: int, tell: Tell) -> None:
    """So many more entities, in zones all over the world, with birthdays."""
    with connection.cursor() as cursor:
        cursor.execute(LAST_PERSON, [KIND])
        before = int(cursor.fetchone()[0])
        zones: dict[str, Any] = {"kind": KIND, "zones": list(ZONES), "zone_count": len(ZONES)}
        for start, end in sets(count):
            cursor.execute(PEOPLE, zones | {"first": before + start + 1, "last": before + end})
            tell(end - start)


# A temporary table: the people, numbered from 0, so that a statement finds the people of its numbers by index.
NUMBER_PEOPLE = """
DROP TABLE IF EXISTS loadgen_people;
CREATE TEMPORARY TABLE loadgen_people AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS place, id FROM events_entity
    WHERE kind = %(kind)s AND deleted_at IS NULL;
CREATE UNIQUE INDEX ON loadgen_people (place) INCLUDE (id);
ANALYZE loadgen_people;
"""


def number_people() -> int:
    """Have the people numbered for this session's later statements; how many. Raises NobodyThere."""
    with connection.cursor() as cursor:
        cursor.execute(NUMBER_PEOPLE, {"kind": KIND})
        cursor.execute("SELECT count(*) FROM loadgen_people")
        people = int(cursor.fetchone()[0])
    if not people:
        raise NobodyThere
    return people


# Number n is of day n / people, and of person n % people: so rows lie in the order of their days, as in real life. The
# failed ones are so many of each 1,000 numbers, strewn by a factor that shares no divisor with 1,000.
ROWS = """
SELECT %(rule)s::bigint AS rule_id, p.id AS entity_id, wall.slot, 0::smallint AS fold, %(zone)s::text AS timezone,
       ''::text AS note, wall.slot AT TIME ZONE 'UTC' AS due_at, NULL::jsonb AS snapshot
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
CROSS JOIN LATERAL (
    SELECT %(start)s::timestamp + n / %(people)s * interval '1 day' AS slot, n %% %(people)s AS place
) AS wall
JOIN loadgen_people p ON p.place = wall.place
WHERE (n * 7919 %% 1000 < %(failed)s) = %(is_failed)s
ORDER BY n
"""


def _rows(
    rule: Rule, people: int, start: int, end: int, *, failed: int = 0, is_failed: bool = False
) -> Desired:
    assert rule.start_date is not None
    assert rule.local_time is not None
    wall = datetime.combine(rule.start_date, rule.local_time)
    return Desired(
        ROWS,
        {"rule": rule.pk, "zone": ZONE, "start": wall, "people": people, "first": start, "last": end - 1,
         "failed": failed, "is_failed": is_failed},
    )  # fmt: skip


def make_past(count: int, *, failed: float, handler: str, people: int, origin: Origin, tell: Tell) -> None:
    """So many occurrences that have run, daily up to yesterday; this share of them are dead letters."""
    days = -(-count // people)
    first = datetime.combine(origin.now - timedelta(days=days), NINE, tzinfo=UTC)
    rule = _rule("past", first, days, handler, origin)
    states = {State.COMPLETED: False} | ({State.FAILED: True} if failed else {})
    kind, made_up = handling.get(handler).kind, replace(origin, actor=MADE_UP)
    for start, end in sets(count):
        with transaction.atomic():
            for state, is_failed in states.items():
                desired = _rows(rule, people, start, end, failed=round(failed * 1000), is_failed=is_failed)
                tell_past(
                    desired,
                    state=state,
                    kind=kind,
                    token=uuid4(),
                    tzdata_version=TZDATA_VERSION,
                    origin=made_up,
                )
        tell(end - start)


def make_future(count: int, *, handler: str, people: int, origin: Origin, tell: Tell) -> None:
    """So many occurrences that wait, daily from ten years from now on."""
    first = datetime.combine(origin.now + FAR, NINE, tzinfo=UTC)
    rule = _rule("future", first, -(-count // people), handler, origin)
    _schedule(rule, count, people, origin, tell)


def make_due(count: int, *, at: datetime, handler: str, people: int, origin: Origin, tell: Tell) -> None:
    """So many occurrences that are all due at this instant; a rule for each time that all people are used up."""
    for start, end in sets(count, people):
        _schedule(_rule("due", at, 1, handler, origin), end - start, people, origin, tell)


def _schedule(rule: Rule, count: int, people: int, origin: Origin, tell: Tell) -> None:
    for start, end in sets(count):
        with transaction.atomic():
            schedule(_rows(rule, people, start, end), tzdata_version=TZDATA_VERSION, origin=origin)
        tell(end - start)


@transaction.atomic
def _rule(what: str, first: datetime, days: int, handler: str, origin: Origin) -> Rule:
    """A daily rule for all people, called planned up to its end: it wants what is written for it, and no planner adds.

    One that is over would be refused, so it goes on until tomorrow at least.
    """
    first = first.astimezone(UTC)
    days = max(days, (origin.now - first).days + 2)
    rule = Rule(
        name=f"{KIND} {Rule.objects.filter(OURS).count() + 1}: {what}",
        audience_kind=KIND,
        start_date=first.date(),
        local_time=first.time(),
        timezone=ZONE,
        rrule=f"FREQ=DAILY;COUNT={days}",
        handler=handler,
    )
    operations.create_rule(rule, horizon=timedelta(0), origin=origin)
    Rule.objects.filter(pk=rule.pk).update(planned_until=first + timedelta(days=days))
    return rule


def analyze() -> None:
    """Statistics first: what was just filled is else planned for as if it were empty."""
    with connection.cursor() as cursor:
        cursor.execute(ANALYZE)
