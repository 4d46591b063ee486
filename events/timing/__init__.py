"""When: zones, wall time, recurrence, misfires and backoff. Pure: time is given, never read from a clock."""

from events.timing.backoff import InvalidBackoff, delay
from events.timing.business_days import BusinessDays, Roll
from events.timing.calendars import calendar_dates
from events.timing.checking import check
from events.timing.completions import next_after_completion
from events.timing.ical_recurrence import Imported, read_ical
from events.timing.instants import read_instant
from events.timing.iso_dates import read_dates, read_wall_time
from events.timing.misfire import Lane, lane, lateness
from events.timing.nearer_starts import Cycle, cycle_of
from events.timing.plain_firings import plain_firings
from events.timing.recurrence import Firing, Policies, Recurrence
from events.timing.recurring import firings, next_firings
from events.timing.refusing import InvalidRecurrence
from events.timing.rule_text import period_of
from events.timing.walltime import Fold, Gap, Leap, OutOfRange, Resolved, resolve
from events.timing.windows import check_window, closes_at
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
    "Cycle",
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
    "UnknownZone",
    "calendar_dates",
    "canonical_zone",
    "canonical_zones",
    "check",
    "check_window",
    "closes_at",
    "cycle_of",
    "delay",
    "firings",
    "in_words",
    "lane",
    "lateness",
    "next_after_completion",
    "next_firings",
    "period_of",
    "plain_firings",
    "read_dates",
    "read_ical",
    "read_instant",
    "read_wall_time",
    "resolve",
    "zone",
]
