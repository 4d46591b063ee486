"""The rows: facts and invariants, no behaviour."""

from events.models.entity import Entity
from events.models.history import Attempt, Sweep, Transition
from events.models.occurrence import Occurrence
from events.models.rule import Rule, RuleState

__all__ = [
    "Attempt",
    "Entity",
    "Occurrence",
    "Rule",
    "RuleState",
    "Sweep",
    "Transition",
]
