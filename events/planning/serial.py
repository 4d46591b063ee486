"""Who may plan beside whom.

A rule that is planned while an entity of its audience is edited would write rows from the entity as it was, or miss
a new one. So whoever plans whole rules of a kind does so apart from all who edit entities of it, and they do it
together.

Planners of one pass may be beside each other, for they share out the rules and the people. Each of them has a seat:
a lock of its own. Whoever edits shares all seats; whoever plans alone has them all.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Any fixed number: the first half of the advisory lock's key, so that other users of such locks do not collide. Seats
# count down from it, since the number above it is another's.
LOCK_CLASS = 1_347_767_379
SEATS = 4
PASS_CLASS = LOCK_CLASS - SEATS


def _all_seats(lock: str) -> str:
    """All of them in one statement: PostgreSQL evaluates a list of columns from the left to the right."""
    return "SELECT " + ", ".join(f"{lock}({LOCK_CLASS - seat}, hashtext(%(kind)s))" for seat in range(SEATS))


# Each kind's seats are taken in this one order, so that two can never wait for each other.
ALL_ALONE, ALL_SHARED = _all_seats("pg_advisory_xact_lock"), _all_seats("pg_advisory_xact_lock_shared")


def alone(kind: str) -> None:
    """Until this transaction ends, nobody else plans or edits what concerns entities of this kind."""
    with connection.cursor() as cursor:
        cursor.execute(ALL_ALONE, {"kind": kind})


def seated(kind: str, seat: int | None) -> None:
    """Until this transaction ends, nobody edits what concerns entities of this kind, but in other seats others plan.

    Without a seat: alone. A seat is for one of the planners of a pass, who are given no two the same work.
    """
    if seat is None:
        alone(kind)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS - seat, kind])


def together(kinds: Iterable[str]) -> None:
    """Until this transaction ends, nobody plans whole rules for entities of these kinds."""
    with connection.cursor() as cursor:
        for kind in sorted(set(kinds)):  # one order for all, so that two can never wait for each other
            cursor.execute(ALL_SHARED, {"kind": kind})


@contextmanager
def only_pass() -> Iterator[bool]:
    """Whether no other pass has the seats: then nobody else gets them until the block ends, or the connection does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, 0)", [PASS_CLASS])
        [is_ours] = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [PASS_CLASS])
