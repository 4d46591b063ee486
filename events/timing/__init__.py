"""When: zones, wall time, recurrence, misfires and backoff. Pure: time is given, never read from a clock."""

from events.timing.backoff import InvalidBackoff, delay
from events.timing.misfire import Lane, lane, lateness
from events.timing.recurrence import (
    Firing,
    Policies,
    Recurrence,
    check,
    firings,
    next_firings,
)
from events.timing.rule_text import InvalidRecurrence
from events.timing.walltime import Fold, Gap, Leap, OutOfRange, Resolved, resolve
from events.timing.zones import (
    TZDATA_VERSION,
    UnknownZone,
    canonical_zone,
    canonical_zones,
    zone,
)

__all__ = [
    "TZDATA_VERSION",
    "Firing",
    "Fold",
    "Gap",
    "InvalidBackoff",
    "InvalidRecurrence",
    "Lane",
    "Leap",
    "OutOfRange",
    "Policies",
    "Recurrence",
    "Resolved",
    "UnknownZone",
    "canonical_zone",
    "canonical_zones",
    "check",
    "delay",
    "firings",
    "lane",
    "lateness",
    "next_firings",
    "resolve",
    "zone",
]
