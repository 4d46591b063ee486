"""Our zone data beside PostgreSQL's own, which Punctual never uses: where would SQL show other local times?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import connection

from events.timing import canonical_zones, zone
from events.timing.walltime import first_change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

BEHIND, AHEAD = timedelta(days=366), timedelta(days=5 * 366)
# No zone changes its offset twice within so few days.
STEP = timedelta(days=4)
# At every fifth step it is looked whether PostgreSQL has clocks that change where ours do not.
SAMPLED = 5
LAST_BEFORE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """A zone in which PostgreSQL's clocks show another local time: `ours` and `theirs` at the instant `at`.

    It is now or the first such instant to come, or the last one if none is to come.
    """

    zone: str
    at: datetime
    ours: datetime
    theirs: datetime


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many zones were compared from `since` until `until`, which PostgreSQL lacks, and which differ."""

    zones: int
    since: datetime
    until: datetime
    missing: tuple[str, ...]
    different: tuple[Difference, ...]


# The view is read once: it looks at every zone file of the server. Only zones that it knows are ever resolved.
LOCAL_TIMES = """
WITH known AS MATERIALIZED (SELECT name FROM pg_timezone_names WHERE name = ANY(%(zones)s)),
     compared AS (
         SELECT known.name, s.at, s.ours, s.at AT TIME ZONE known.name AS theirs
         FROM known JOIN unnest(%(names)s::text[], %(instants)s::timestamptz[], %(ours)s::timestamp[])
              AS s(name, at, ours) ON s.name = known.name
     )
(SELECT name, NULL::timestamptz, NULL::timestamp, NULL::timestamp FROM known)
UNION ALL
(SELECT DISTINCT ON (name) name, at, ours, theirs FROM compared WHERE ours <> theirs
 ORDER BY name, at < %(now)s, CASE WHEN at < %(now)s THEN %(now)s - at ELSE at - %(now)s END)
"""


def compare_with_postgresql(now: datetime) -> Comparison:
    """Every canonical zone, both sides of each of its changes from a year ago until five years from now."""
    now = now.replace(second=0, microsecond=0)
    since, until = now - BEHIND, now + AHEAD
    names = canonical_zones()
    samples = [(name, at) for name in names for at in (now, *_instants(zone(name), since, until))]
    parameters: dict[str, Any] = {
        "zones": list(names),
        "names": [name for name, _ in samples],
        "instants": [at for _, at in samples],
        "ours": [at.astimezone(zone(name)).replace(tzinfo=None) for name, at in samples],
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCAL_TIMES, parameters)
        rows = cursor.fetchall()
    known = {name for name, at, *_ in rows if at is None}
    missing = tuple(name for name in names if name not in known)
    different = tuple(sorted((Difference(*row) for row in rows if row[1]), key=lambda each: each.zone))
    return Comparison(len(names), since, until, missing, different)


def _instants(tz: ZoneInfo, since: datetime, until: datetime) -> Iterator[datetime]:
    """Whole seconds to compare: before and at each change of the zone's offset, and some days apart besides."""
    steps = int((until - since) / STEP)
    midnight = since.astimezone(UTC).replace(hour=0, minute=0)
    days = [midnight + STEP * step for step in range(steps + 2)]
    yield from days[::SAMPLED]
    for start, end in pairwise(days):
        if start.astimezone(tz).utcoffset() != end.astimezone(tz).utcoffset():
            change = first_change(tz, start, end)
            yield from (change - LAST_BEFORE, change)
