"""Operators' pages: each reads the clock, makes one domain call and says in words what came of it."""

from events.admin import beat, breakers, entities, history, logins, machine, occurrences, results, rules, site

__all__ = [
    "beat",
    "breakers",
    "entities",
    "history",
    "logins",
    "machine",
    "occurrences",
    "results",
    "rules",
    "site",
]
