"""Random moments before they fire: what a person may be shown of them, and where they stand in a list.

They stand at the end of their window, which everybody knows, so that their place tells nothing of the moment.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Case, DateTimeField, F, Func, Q, Value, When

from events.lifecycle import State
from events.timing import Fold, Gap, canonical_zones, resolve, zone

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from events.models import Occurrence

# In these it may yet fire.
WAITING = (State.SCHEDULED, State.PENDING, State.RETRYING, State.CANCELLED)
HIDDEN = Q(rule__window__isnull=False, given=False, started_at=None, state__in=WAITING)


def is_hidden(occurrence: Occurrence) -> bool:
    """Whether its moment was drawn, and nobody may know it yet."""
    return (
        occurrence.rule.window is not None
        and not occurrence.given
        and occurrence.started_at is None
        and occurrence.state in WAITING
    )


def closes_of(occurrence: Occurrence) -> datetime:
    """When its window is over (UTC); it has one."""
    assert occurrence.rule.window is not None
    ends = occurrence.slot.replace(microsecond=0) + occurrence.rule.window
    return resolve(ends, zone(occurrence.timezone), gap=Gap.SHIFT, fold=Fold.FIRST)[0].due_at


def with_shown_at(rows: QuerySet[Occurrence]) -> QuerySet[Occurrence]:
    """The rows with `shown_at`: their due moment, or the end of the window of what is hidden."""
    ends = Func(F("slot"), F("rule__window"), template="%(expressions)s", arg_joiner=" + ")
    ends = Func(Value("second"), ends, function="date_trunc")
    return rows.annotate(
        shown_at=Case(
            When(HIDDEN & Q(timezone__in=_unknown_to_postgresql()), then=_at_zone(ends, Value("UTC"))),
            When(HIDDEN, then=_at_zone(ends, F("timezone"))),
            default=F("due_at"),
            output_field=DateTimeField(),
        )
    )


def _at_zone(local: Func, timezone: F | Value) -> Func:
    return Func(timezone, local, function="timezone", output_field=DateTimeField())


@cache
def _unknown_to_postgresql() -> list[str]:
    """Zones that are newer than the database's own data: a list must not fail for them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor.fetchall()}
    return sorted(set(canonical_zones()) - known)
