"""The rows: facts and invariants, no behaviour."""

from events.models.calendar import Calendar
from events.models.entity import Entity
from events.models.history import Attempt, Sweep, Transition
from events.models.occurrence import Occurrence
from events.models.operation import Breaker, BreakerState, Downtime, ProcessClock, Watermark
from events.models.rule import CatchUp, EveryFrom, OnMove, Overlap, Rule, RuleState, WhenUnknown

__all__ = [
    "Attempt",
    "Breaker",
    "BreakerState",
    "Calendar",
    "CatchUp",
    "Downtime",
    "Entity",
    "EveryFrom",
    "Occurrence",
    "OnMove",
    "Overlap",
    "ProcessClock",
    "Rule",
    "RuleState",
    "Sweep",
    "Transition",
    "Watermark",
    "WhenUnknown",
]
