"""What recovery has to see to, told in one look: most often nothing. Reads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from events.lifecycle import Hold, State
from events.transitions.statements import IN_FLIGHT_SQL, run

if TYPE_CHECKING:
    from events.transitions.origin import Origin

HOLDS = ",\n       ".join(
    f"EXISTS (SELECT FROM events_occurrence WHERE hold = '{cause}') AS {cause}" for cause in Hold
)

LOOK = f"""
SELECT EXISTS (SELECT FROM events_chunkstart WHERE lease_expires_at <= %(now)s) AS is_chunk_lost,
       EXISTS (SELECT FROM events_occurrence
               WHERE state IN ({IN_FLIGHT_SQL}) AND lease_expires_at <= %(now)s) AS is_lease_over,
       EXISTS (SELECT FROM events_occurrence WHERE state = '{State.UNKNOWN}') AS is_any_unknown,
       {HOLDS}
"""


class Signs(NamedTuple):
    """Whether a chunk was lost with its worker, a lease has lapsed, a row is UNKNOWN; and which causes hold any row."""

    is_chunk_lost: bool
    is_lease_over: bool
    is_any_unknown: bool
    holds: frozenset[Hold]


def signs(*, origin: Origin) -> Signs:
    """What there is to see to now, of all entities."""
    found = run(LOOK, origin)[0]
    holds = frozenset(cause for cause in Hold if found[cause])
    return Signs(found["is_chunk_lost"], found["is_lease_over"], found["is_any_unknown"], holds)
