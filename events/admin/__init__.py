"""Operators' pages: each reads the clock, makes one domain call and says in words what came of it."""

from events.admin import (
    beat,
    breakers,
    calendars,
    entities,
    group_types,
    groups,
    history,
    keys,
    logins,
    machine,
    occurrences,
    results,
    rules,
    site,
)

__all__ = [
    "beat",
    "breakers",
    "calendars",
    "entities",
    "group_types",
    "groups",
    "history",
    "keys",
    "logins",
    "machine",
    "occurrences",
    "results",
    "rules",
    "site",
]
