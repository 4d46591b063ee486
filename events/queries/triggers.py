"""An account's triggers: of each function and event the one row that stands for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, When

from events.lifecycle import DEAD_LETTERS, UNSENT, State
from events.models import Occurrence, RuleRole
from events.queries.accounts import owned

if TYPE_CHECKING:
    from django.db.models import QuerySet

OPEN = sorted(UNSENT | {State.PROCESSING})
# How a trigger stands, by the states of its row.
STATUSES: dict[str, list[str]] = {
    "active": [str(state) for state in OPEN],
    "fired": [State.COMPLETED],
    "failed": [str(state) for state in sorted(DEAD_LETTERS)],
    "skipped": [State.SKIPPED],
    "withdrawn": [State.CANCELLED],
}
STATUS_OF = {state: status for status, states in STATUSES.items() for state in states}
IS_OPEN = Case(When(state__in=OPEN, then=1), default=0, output_field=IntegerField())
# What is to come stands for its event before whatever was; else the row that was written last.
ORDER = ("rule_id", "entity_id")


def find_triggers(
    owner_id: int, *, function: str | None = None, event_id: str | None = None, status: str | None = None
) -> QuerySet[Occurrence]:
    """The account's triggers, one row each, with rule and entity; None leaves it open. Unique by ORDER."""
    siblings = Occurrence.objects.filter(rule=OuterRef("rule"), entity=OuterRef("entity"))
    before_it = siblings.annotate(is_open=IS_OPEN).filter(
        Q(is_open__gt=OuterRef("is_open")) | Q(is_open=OuterRef("is_open"), pk__gt=OuterRef("pk"))
    )
    rows = owned(Occurrence, owner_id).filter(rule__role=RuleRole.TRIGGERS)
    named = {"rule__handler": function, "entity__external_id": event_id}
    rows = rows.filter(**{name: value for name, value in named.items() if value is not None})
    if status is not None:
        rows = rows.filter(state__in=STATUSES[status])
    return rows.annotate(is_open=IS_OPEN).filter(~Exists(before_it)).select_related("rule", "entity")
