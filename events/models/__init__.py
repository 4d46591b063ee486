"""The rows: facts and invariants, no behaviour."""

from events.models.account import ApiKey, KeptAnswer, Scope
from events.models.calendar import Calendar
from events.models.chunk_start import ChunkStart
from events.models.entity import Entity
from events.models.group import Group, GroupItem, GroupType, Moves
from events.models.history import Attempt, LoggedMove, OneAttempt, Retention, Sweep, Transition
from events.models.occurrence import Occurrence
from events.models.operation import Breaker, BreakerState, Downtime, ProcessClock, Watermark
from events.models.rule import (
    GIVEN_ROLES,
    CatchUp,
    EveryFrom,
    OnMove,
    Overlap,
    Rule,
    RuleRole,
    RuleState,
    WhenUnknown,
)

__all__ = [
    "GIVEN_ROLES",
    "ApiKey",
    "Attempt",
    "Breaker",
    "BreakerState",
    "Calendar",
    "CatchUp",
    "ChunkStart",
    "Downtime",
    "Entity",
    "EveryFrom",
    "Group",
    "GroupItem",
    "GroupType",
    "KeptAnswer",
    "LoggedMove",
    "Moves",
    "Occurrence",
    "OnMove",
    "OneAttempt",
    "Overlap",
    "ProcessClock",
    "Retention",
    "Rule",
    "RuleRole",
    "RuleState",
    "Scope",
    "Sweep",
    "Transition",
    "Watermark",
    "WhenUnknown",
]
