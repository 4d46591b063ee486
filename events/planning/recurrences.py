"""A rule's columns as the calendar's own values."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from events.timing import (
    Firing,
    Fold,
    Gap,
    Leap,
    Policies,
    Recurrence,
    firings,
    next_firings,
    zone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.models import Rule

# Where a day ends last and begins first: what is over in both is over everywhere.
EXTREME_ZONES = ("Pacific/Pago_Pago", "Pacific/Kiritimati")


def recurrence_of(rule: Rule, anchor: date | None) -> Recurrence:
    """The rule's recurrence, from its start date or from an entity's anchor date."""
    start = anchor if rule.anchor else rule.start_date
    if start is None:
        raise ValueError(f"rule {rule} has neither a start date nor an anchor date")
    return Recurrence(
        dtstart=datetime.combine(start, rule.local_time),
        rrule=rule.rrule,
        offset_days=rule.anchor_offset_days,
    )


def policies_of(rule: Rule, entity_leap: str) -> Policies:
    """The rule's policies, with the entity's own word on missing days before the rule's."""
    fallback = Leap.BACKWARD if rule.anchor else Leap.OMIT
    return Policies(
        gap=Gap(rule.gap),
        fold=Fold(rule.fold),
        leap=Leap(entity_leap or rule.leap or fallback),
    )


def firings_of(
    rule: Rule,
    *,
    timezone: str,
    anchor: date | None,
    leap: str,
    after: datetime,
    before: datetime,
) -> Iterator[Firing]:
    """The rule's firings for one zone, anchor and leap policy, with after <= due_at < before."""
    found = firings(
        recurrence_of(rule, anchor),
        zone(timezone),
        policies_of(rule, leap),
        after=after,
        before=before,
    )
    return (firing for firing in found if _has_begun(rule, firing))


def next_firings_of(
    rule: Rule,
    *,
    timezone: str,
    anchor: date | None,
    leap: str,
    after: datetime,
    limit: int,
) -> list[Firing]:
    """The rule's next firings for one zone, anchor and leap policy, from `after` on."""
    if rule.anchor and rule.start_date is not None:
        after = max(
            after,
            datetime.combine(rule.start_date, rule.local_time, zone(timezone)) - timedelta(days=1),
        )
    found = next_firings(
        recurrence_of(rule, anchor),
        zone(timezone),
        policies_of(rule, leap),
        after=after,
        limit=limit + 1,
    )
    return [firing for firing in found if _has_begun(rule, firing)][:limit]


def _has_begun(rule: Rule, firing: Firing) -> bool:
    return not rule.anchor or rule.start_date is None or firing.slot.date() >= rule.start_date
