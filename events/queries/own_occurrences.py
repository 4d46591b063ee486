"""An account's occurrences: what comes, what was, and each one's story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from events.lifecycle import UNSENT, State
from events.models import Occurrence, Rule
from events.queries.accounts import owned, owned_one
from events.queries.hidden import with_shown_at

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

UPCOMING = sorted(UNSENT | {State.PROCESSING})
RISING, FALLING = ("shown_at", "id"), ("-shown_at", "-id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which are asked for; None leaves it open. `entity` is (kind, external id), instants those that are shown."""

    state: str | None = None
    rule: int | None = None
    entity: tuple[str, str] | None = None
    due_after: datetime | None = None
    due_before: datetime | None = None
    upcoming: bool | None = None


def find_occurrences(owner_id: int, wanted: Wanted) -> QuerySet[Occurrence]:
    """The account's occurrences that are wanted, with `shown_at`: due_after <= shown_at < due_before."""
    rows = with_shown_at(owned(Occurrence, owner_id).select_related("rule", "entity"))
    if wanted.rule is not None and owned_one(Rule, owner_id, pk=wanted.rule) is None:
        return rows.none()  # without a look at another account's rows
    if wanted.upcoming is not None:
        rows = rows.filter(state__in=UPCOMING) if wanted.upcoming else rows.exclude(state__in=UPCOMING)
    return rows.filter(**_exact(wanted))


def order_of(wanted: Wanted) -> tuple[str, str]:
    """What comes is shown from the nearest on, all else from the latest back."""
    return RISING if wanted.upcoming else FALLING


def _exact(wanted: Wanted) -> dict[str, Any]:
    kind, external_id = wanted.entity or (None, None)
    columns = {
        "state": wanted.state,
        "rule": wanted.rule,
        "entity__kind": kind,
        "entity__external_id": external_id,
        "shown_at__gte": wanted.due_after,
        "shown_at__lt": wanted.due_before,
    }
    return {name: value for name, value in columns.items() if value is not None}
