"""How the installation is: what an operator asks first. Reads alone; `now` is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min

from events.lifecycle import CLAIMABLE, IN_FLIGHT, Hold, State
from events.models import Occurrence, Sweep
from events.queries.occurrences import dead_letters
from events.timing import canonical_zones, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows there are, and since when the oldest of them waits (None: there is none)."""

    rows: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ZoneReport:
    """How PostgreSQL's zone data compares with ours: what it lacks, and where its clocks show another time."""

    zones: int
    instants: int
    missing: tuple[str, ...]
    different: tuple[str, ...]


def unapplied_migrations() -> list[str]:
    """The migrations that this code has and the database has not, in order: "app.name"."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def last_look() -> datetime | None:
    """When a sweep last looked for what is due; None if none ever did."""
    return Sweep.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()


def overdue(now: datetime) -> Backlog:
    """Rows that could be claimed and are not yet."""
    due = Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold="", available_at__lte=now)
    return _backlog(due, "available_at")


def lapsed(now: datetime) -> Backlog:
    """Rows in flight whose lease has run out, so that recovery should have taken them."""
    return _backlog(
        Occurrence.objects.filter(state__in=sorted(IN_FLIGHT), lease_expires_at__lte=now), "lease_expires_at"
    )


def held() -> dict[Hold, int]:
    """How many rows each cause keeps from being claimed."""
    rows = Occurrence.objects.exclude(hold="").values_list("hold").annotate(Count("id")).order_by("hold")
    return {Hold(hold): count for hold, count in rows}


def count_dead_letters() -> dict[State, int]:
    """How many occurrences wait for a person, by their state."""
    rows = dead_letters().order_by("state").values_list("state").annotate(Count("id"))
    return {State(state): count for state, count in rows}


def compare_zones(instants: Sequence[datetime]) -> ZoneReport:
    """Our tzdata beside PostgreSQL's own, for every canonical zone at each of these instants (aware)."""
    names = list(canonical_zones())
    theirs = _local_times(names, instants)
    known = sorted({name for name, _ in theirs})
    different = [name for name in known if any(theirs[name, at] != _local(name, at) for at in instants)]
    missing = [name for name in names if name not in set(known)]
    return ZoneReport(len(names), len(instants), tuple(missing), tuple(different))


# The view is read once: it looks at every zone file of the server.
LOCAL_TIMES = """
WITH known AS MATERIALIZED (SELECT name FROM pg_timezone_names WHERE name = ANY(%s))
SELECT name, instant, instant AT TIME ZONE name FROM known, unnest(%s::timestamptz[]) AS instant
"""


def _local_times(names: list[str], instants: Sequence[datetime]) -> dict[tuple[str, datetime], datetime]:
    with connection.cursor() as cursor:
        cursor.execute(LOCAL_TIMES, [names, list(instants)])
        return {(name, instant): local for name, instant, local in cursor.fetchall()}


def _local(name: str, instant: datetime) -> datetime:
    return instant.astimezone(zone(name)).replace(tzinfo=None)


def _backlog(rows: QuerySet[Occurrence], since: str) -> Backlog:
    found = rows.aggregate(rows=Count("id"), oldest=Min(since))
    return Backlog(found["rows"], found["oldest"])
