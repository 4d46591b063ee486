"""Operators' verbs: each is one transaction, names who did it, and re-plans what it touches before it commits."""

from events.operations.entities import (
    EntityFacts,
    InvalidEntity,
    Put,
    check_entity,
    delete_entities,
    put_entities,
)
from events.operations.errors import InvalidInput
from events.operations.occurrences import (
    NothingMoved,
    cancel,
    fire_now,
    replay,
    resolve,
)
from events.operations.rules import (
    InvalidRule,
    RetiredRule,
    backfill,
    change_rule,
    check_rule,
    create_rule,
    pause_rule,
    resume_rule,
    retire_rule,
)

__all__ = [
    "EntityFacts",
    "InvalidEntity",
    "InvalidInput",
    "InvalidRule",
    "NothingMoved",
    "Put",
    "RetiredRule",
    "backfill",
    "cancel",
    "change_rule",
    "check_entity",
    "check_rule",
    "create_rule",
    "delete_entities",
    "fire_now",
    "pause_rule",
    "put_entities",
    "replay",
    "resolve",
    "resume_rule",
    "retire_rule",
]
