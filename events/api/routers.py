"""All routers of the API, in the order in which its documentation shows them."""

from __future__ import annotations

from events.api import (
    account,
    bulk,
    entities,
    group_types,
    groups,
    occurrences,
    preview,
    reminders,
    rules,
    triggers,
)

ROUTERS = [
    account.router,
    entities.router,
    bulk.router,
    rules.router,
    occurrences.router,
    triggers.router,
    reminders.router,
    groups.router,
    group_types.router,
    preview.router,
]
