"""Intervals that count from the last completion: one step, for whoever knows when that was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from events.timing.durations import rule_of_duration
from events.timing.recurrence import Firing, Policies, Recurrence
from events.timing.recurring import next_firings


def next_after_completion(
    every: str, completed_at: datetime, tz: ZoneInfo, policies: Policies
) -> Firing | None:
    """Return the firing one ISO 8601 duration after a completion (aware), or None where the calendar ends.

    Hours and less are added in elapsed time, days and more to the zone's wall time of the completion. A step that
    the policies skip is followed by the next one. Raises InvalidRecurrence (field "every").
    """
    done = completed_at.astimezone(UTC)
    start = (
        done if rule_of_duration(every).freq.is_elapsed else done.astimezone(tz).replace(tzinfo=None, fold=0)
    )
    repeated = Recurrence(start, every=every, exdates=(start,))
    after = done + timedelta(microseconds=1)
    return next(iter(next_firings(repeated, tz, policies, after=after, limit=1)), None)
