"""The one door: the only writer of an occurrence's state.

One verb per move, each a single guarded statement over a set of rows that also appends their rows to the log.
Every verb returns what moved; what did not satisfy the guard is left as it was. Rows are locked in the order of their
ids, so that two verbs at once wait for each other and never both.
"""

from events.transitions import chunk_runs
from events.transitions.amendments import DeadLetter, amend, dead_letters
from events.transitions.claims import claim, recall, renew, skip
from events.transitions.doubts import ask_about_unknown, resolve_by_policy
from events.transitions.errors import IllegalMove, UnknownReason
from events.transitions.forecasts import Change, Shift, foresee
from events.transitions.given import (
    Given,
    GivenMove,
    GivenRow,
    give,
    move_all_given,
    move_given,
    tell_given,
)
from events.transitions.holds import (
    hold,
    release,
    release_closed_breakers,
    release_overlapping,
    release_probes,
)
from events.transitions.lapses import Lapses, return_lapsed_claims, settle_lost_attempts
from events.transitions.origin import Origin
from events.transitions.runs import RuleFacts, Settlement, Started, fence, note_late, settle, start
from events.transitions.schedules import (
    Desired,
    cancel_superseded,
    move_rescheduled,
    rename_zones,
    schedule,
    stamp,
)
from events.transitions.siblings import Period, at_work, latest_due, others_of_period
from events.transitions.signs import Signs, signs
from events.transitions.snoozes import snooze
from events.transitions.statements import wake_for
from events.transitions.verbs import (
    cancel,
    cancel_all,
    fire_now,
    refuse,
    replay,
    resolve,
)

__all__ = [
    "Change",
    "DeadLetter",
    "Desired",
    "Given",
    "GivenMove",
    "GivenRow",
    "IllegalMove",
    "Lapses",
    "Origin",
    "Period",
    "RuleFacts",
    "Settlement",
    "Shift",
    "Signs",
    "Started",
    "UnknownReason",
    "amend",
    "ask_about_unknown",
    "at_work",
    "cancel",
    "cancel_all",
    "cancel_superseded",
    "chunk_runs",
    "claim",
    "dead_letters",
    "fence",
    "fire_now",
    "foresee",
    "give",
    "hold",
    "latest_due",
    "move_all_given",
    "move_given",
    "move_rescheduled",
    "note_late",
    "others_of_period",
    "recall",
    "refuse",
    "release",
    "release_closed_breakers",
    "release_overlapping",
    "release_probes",
    "rename_zones",
    "renew",
    "replay",
    "resolve",
    "resolve_by_policy",
    "return_lapsed_claims",
    "schedule",
    "settle",
    "settle_lost_attempts",
    "signs",
    "skip",
    "snooze",
    "stamp",
    "start",
    "tell_given",
    "wake_for",
]
