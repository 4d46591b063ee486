"""When: zones, wall time, recurrence, misfires and backoff. Pure: time is given, never read from a clock."""

from events.timing.backoff import InvalidBackoff, delay
from events.timing.business_days import BusinessDays, Roll
from events.timing.calendars import calendar_dates
from events.timing.checking import check
from events.timing.completions import next_after_completion
from events.timing.draws import Span, day_window, draw, spans
from events.timing.ical_recurrence import Imported, read_ical
from events.timing.misfire import Lane, lane, lateness
from events.timing.recurrence import Firing, Policies, Recurrence
from events.timing.recurring import firings, next_firings
from events.timing.refusing import InvalidRecurrence
from events.timing.walltime import Fold, Gap, Leap, OutOfRange, Resolved, resolve
from events.timing.words import in_words
from events.timing.zones import (
    TZDATA_VERSION,
    UnknownZone,
    canonical_zone,
    canonical_zones,
    zone,
)

__all__ = [
    "TZDATA_VERSION",
    "BusinessDays",
    "Firing",
    "Fold",
    "Gap",
    "Imported",
    "InvalidBackoff",
    "InvalidRecurrence",
    "Lane",
    "Leap",
    "OutOfRange",
    "Policies",
    "Recurrence",
    "Resolved",
    "Roll",
    "Span",
    "UnknownZone",
    "calendar_dates",
    "canonical_zone",
    "canonical_zones",
    "check",
    "day_window",
    "delay",
    "draw",
    "firings",
    "in_words",
    "lane",
    "lateness",
    "next_after_completion",
    "next_firings",
    "read_ical",
    "resolve",
    "spans",
    "zone",
]
