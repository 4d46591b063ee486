"""Groups and their types, as their account or an operator reads them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import Q

from events.lifecycle import State
from events.models import Group, GroupItem, GroupType, RuleState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from events.models import Occurrence


class GroupState(StrEnum):
    """How a group stands, in a word."""

    OPEN = "open"
    DUE = "due"
    AT_WORK = "at work"
    DISPATCHED = "dispatched"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


MEANINGS: dict[GroupState, str] = {
    GroupState.OPEN: "takes messages until its moment",
    GroupState.DUE: "takes no more messages, and waits for a sweep",
    GroupState.AT_WORK: "is on its way to its handler, or waits for its next attempt",
    GroupState.DISPATCHED: "was sent, once and whole",
    GroupState.FAILED: "could not be sent, or nobody knows whether it was: a person must decide",
    GroupState.CANCELLED: "was cancelled, and is not sent",
    GroupState.SKIPPED: "was not sent: nothing was left in it, or it was too late",
}
OF_STATE = {
    State.PENDING: GroupState.AT_WORK,
    State.PROCESSING: GroupState.AT_WORK,
    State.RETRYING: GroupState.AT_WORK,
    State.COMPLETED: GroupState.DISPATCHED,
    State.FAILED: GroupState.FAILED,
    State.UNKNOWN: GroupState.FAILED,
    State.CANCELLED: GroupState.CANCELLED,
    State.SKIPPED: GroupState.SKIPPED,
}


def groups(
    found: QuerySet[Group],
    *,
    type_name: str | None = None,
    key: str | None = None,
    state: GroupState | None = None,
    now: datetime,
) -> QuerySet[Group]:
    """Those of the groups that are of this type, under this key, and stand so."""
    found = found.select_related("type__rule", "occurrence")
    if type_name is not None:
        found = found.filter(type__rule__name=type_name)
    if key is not None:
        found = found.filter(key=key)
    return found if state is None else found.filter(_stands(state, now))


def group_state(group: Group, *, now: datetime) -> GroupState:
    """How the group stands."""
    row: Occurrence = group.occurrence
    known = OF_STATE.get(State(row.state))
    if known is not None:
        return known
    waits = group.sealed_at is None and row.attempt == 0 and min(row.due_at, row.available_at) > now
    return GroupState.OPEN if waits else GroupState.DUE


def _stands(state: GroupState, now: datetime) -> Q:
    scheduled = Q(occurrence__state=State.SCHEDULED)
    waits = scheduled & Q(
        sealed_at=None, occurrence__attempt=0, occurrence__due_at__gt=now, occurrence__available_at__gt=now
    )
    if state is GroupState.OPEN:
        return waits
    if state is GroupState.DUE:
        return scheduled & ~waits
    return Q(occurrence__state__in=[known for known, word in OF_STATE.items() if word is state])


def items_of(group: Group) -> QuerySet[GroupItem]:
    """All that the group took, in order; what was dropped too."""
    return GroupItem.objects.filter(group=group).order_by("position")


def group_types(owner: int | None) -> QuerySet[GroupType]:
    """The types of an account (None: the operators') that take messages, by name."""
    live = GroupType.objects.filter(rule__owner=owner).exclude(rule__state=RuleState.RETIRED)
    return live.select_related("rule").order_by("rule__name")


def group_type(owner: int | None, name: str) -> GroupType | None:
    """One of them."""
    return group_types(owner).filter(rule__name=name).first()
