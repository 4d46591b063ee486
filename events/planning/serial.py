"""Who may plan beside whom.

A rule that is planned while an entity of its audience is edited would write rows from the entity as it was, or miss
a new one. So whoever plans whole rules of a kind does so alone; whoever edits entities of it does so together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable

# Any fixed number: the first half of the advisory lock's key, so that other users of such locks do not collide.
LOCK_CLASS = 1_347_767_379


def alone(kind: str) -> None:
    """Until this transaction ends, nobody else plans or edits what concerns entities of this kind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS, kind])


def together(kinds: Iterable[str]) -> None:
    """Until this transaction ends, nobody plans whole rules for entities of these kinds."""
    with connection.cursor() as cursor:
        for kind in sorted(set(kinds)):  # one order for all, so that two can never wait for each other
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s, hashtext(%s))",
                [LOCK_CLASS, kind],
            )
