"""A rule's time in other words than its columns': a phrase, or iCalendar text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.operations.declared.given import refuse
from events.operations.icalendar import columns_of_ical
from events.operations.phrased import columns_of_phrase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# What each says itself, or leaves no room for; `timezone` may stand beside it.
EXCLUDED = {
    "phrase": (
        "start_date", "local_time", "rrule", "cron", "every", "every_from", "anchor", "anchor_offset_days", "window",
        "draws", "spacing", "ics",
    ),
    "ics": (
        "start_date", "local_time", "rrule", "cron", "every", "every_from", "anchor", "rdates", "exdates",
    ),
}  # fmt: skip


def check_alone(values: Mapping[str, Any]) -> None:
    """Raise Refusal where a key stands beside a shorthand that says it already."""
    for shorthand, excluded in EXCLUDED.items():
        for name in excluded:
            if shorthand in values and name in values:
                refuse(name, f"{shorthand} says it, or has no room for it", "Leave one of the two out.")


def with_ics(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with what iCalendar text says. Raises InvalidField."""
    said = columns_of_ical(values["ics"])
    beside = values.get("timezone", "")
    if said["timezone"] and beside and said["timezone"] != beside:
        refuse("timezone", f"the text of ics names {said['timezone']} itself", "Leave it out.")
    return {**values, **said, "timezone": said["timezone"] or beside}


def with_phrase(values: Mapping[str, Any], *, now: datetime, home: str) -> dict[str, Any]:
    """The values with what a phrase says that is said at `now`; see `columns_of_phrase`. Raises InvalidField."""
    timezone = values.get("timezone", "")
    return {**values, **columns_of_phrase(values["phrase"], now=now, timezone=timezone, home=home)}
