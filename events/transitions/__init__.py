"""The one door: the only writer of an occurrence's state.

One verb per move, each a single guarded statement over a set of rows that also appends their rows to the log.
Every verb returns what moved; what did not satisfy the guard is left as it was. Rows are locked in the order of their
ids, so that two verbs at once wait for each other and never both.
"""

from events.transitions.claims import claim, hold, recall, renew, skip
from events.transitions.lapses import Lapses, return_lapsed_claims, settle_lost_attempts
from events.transitions.origin import Origin
from events.transitions.runs import RuleFacts, Settlement, Started, fence, settle, start
from events.transitions.schedules import (
    Desired,
    cancel_superseded,
    move_rescheduled,
    schedule,
)
from events.transitions.verbs import (
    cancel,
    cancel_all,
    fire_now,
    release,
    replay,
    resolve,
)

__all__ = [
    "Desired",
    "Lapses",
    "Origin",
    "RuleFacts",
    "Settlement",
    "Started",
    "cancel",
    "cancel_all",
    "cancel_superseded",
    "claim",
    "fence",
    "fire_now",
    "hold",
    "move_rescheduled",
    "recall",
    "release",
    "renew",
    "replay",
    "resolve",
    "return_lapsed_claims",
    "schedule",
    "settle",
    "settle_lost_attempts",
    "skip",
    "start",
]
