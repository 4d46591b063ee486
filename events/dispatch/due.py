"""What waits: the rows that are due, locked; how many are on their way; and when the next one is due."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.models import Count, DateTimeField, F, Func, TextField
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, Coalesce

from events.lifecycle import CLAIMABLE, IN_FLIGHT, LOST_ATTEMPT, State
from events.models import Attempt, Occurrence
from events.shards import WHOLE, in_shard
from events.transitions.statements import CLAIMABLE_SQL, IN_FLIGHT_SQL

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from events.shards import Shard


class DueRow(NamedTuple):
    """One locked row that is due; `place` is where it lies (its ctid) while it is locked, `payload` its own, or that of
    its rule as it was planned with; None: its rule's as it is now.

    A named tuple, because a claim makes thousands of them.
    """

    place: str
    id: int
    state: State
    rule_id: int
    entity_id: int
    payload: dict[str, Any] | None
    due_at: datetime


COLUMNS = ("place", "id", "state", "rule_id", "entity_id", "own", "due_utc")
PLACE = Func(template='"events_occurrence"."ctid"::text', output_field=TextField())
# Most rows have none: as text, it is parsed where there is one.
OWN_PAYLOAD = Cast(Coalesce("payload", KeyTransform("payload", "snapshot")), TextField())
# Read without its zone, an instant takes the driver a tenth of the time.
DUE_UTC = Func("due_at", template="(%(expressions)s AT TIME ZONE 'UTC')", output_field=DateTimeField())


def lock_due(batch: int, *, since: datetime | None, now: datetime, shard: Shard = WHOLE) -> list[DueRow]:
    """The oldest rows that can be claimed, locked; rows that another sweep holds are passed over."""
    due = (
        _waiting(shard)
        .filter(available_at__lte=now)
        .annotate(place=PLACE, own=OWN_PAYLOAD, due_utc=DUE_UTC)
        .order_by("available_at", "id")
    )
    if since is not None:
        due = due.filter(available_at__gte=since)
    locked = due.select_for_update(skip_locked=True).values_list(*COLUMNS)[:batch]
    return [
        DueRow._make((*plain, own and json.loads(own), due_utc.replace(tzinfo=UTC)))
        for *plain, own, due_utc in locked
    ]


# Into so many parts at least a chunk is cut that was lost with its worker.
PARTS_OF_LOST = 32


def suspects(rows: list[DueRow]) -> dict[int, int]:
    """Rows whose last worker was lost, and may be what killed it; each with how many may travel together at most.

    Of those that were lost together one may be guilty, and most often none is: so many fewer share a chunk each time,
    until each travels alone and can hurt no neighbour.
    """
    tried = [row.id for row in rows if row.state == State.RETRYING]
    if not tried:
        return {}
    lost = dict(
        Attempt.objects.filter(
            occurrence__in=tried, outcome=LOST_ATTEMPT, number=F("occurrence__attempt")
        ).values_list("occurrence_id", "task_id")
    )
    company = dict(
        Attempt.objects.filter(task_id__in=set(lost.values()) - {""})
        .values_list("task_id")
        .annotate(count=Count("id"))
        .order_by()
    )
    return {row: max(1, company.get(task, 1) // PARTS_OF_LOST) for row, task in lost.items()}


class Standing(NamedTuple):
    """How many rows are claimed and not yet settled, and the earliest instant at which one that waits can be claimed,
    past or future; None if none waits.
    """

    in_flight: int
    next_due: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Whether any row could be claimed."""
        return self.next_due is not None and self.next_due <= now


NEXT_DUE = f"""
SELECT min(available_at) FROM events_occurrence
WHERE state IN ({CLAIMABLE_SQL}) AND hold = '' AND {in_shard("entity_id")}
"""  # noqa: S608 - constants
STANDING = f"""
SELECT (SELECT count(*) FROM events_occurrence WHERE state IN ({IN_FLIGHT_SQL}) AND {in_shard("entity_id")}),
       ({NEXT_DUE})
"""  # noqa: S608 - constants


def standing(shard: Shard = WHOLE) -> Standing:
    """How much is on its way, and what comes next."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, shard.parameters)
        return Standing._make(cursor.fetchone())


def next_due(shard: Shard = WHOLE) -> datetime | None:
    """What comes next alone: where much is on its way, counting it takes longer."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT_DUE, shard.parameters)
        earliest: datetime | None = cursor.fetchone()[0]
    return earliest


def late_in_flight(since: datetime, shard: Shard = WHOLE) -> int:
    """How many of those in flight were available before an instant: the backlog's share."""
    flying = Occurrence.objects.filter(state__in=sorted(IN_FLIGHT), available_at__lt=since)
    return shard.among(flying, "entity_id").count()


def _waiting(shard: Shard) -> QuerySet[Occurrence]:
    return shard.among(Occurrence.objects.filter(state__in=sorted(CLAIMABLE), hold=""), "entity_id")
