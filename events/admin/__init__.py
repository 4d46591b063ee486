"""Operators' pages: each reads the clock, makes one domain call and says in words what came of it."""

from events.admin import beat, entities, history, logins, occurrences, results, rules, site

__all__ = ["beat", "entities", "history", "logins", "occurrences", "results", "rules", "site"]
