"""The life of an occurrence: its nine states, the moves that are legal, and why a move is made.

This table is the only place where legality is written down: the database's guard trigger is generated from it.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an occurrence stands; stored as text, so that it reads the same in psql as in code."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    RETRYING = "RETRYING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


class Reason(StrEnum):
    """Why a move was made: the code that the log keeps and an operator reads."""

    PLANNED = "planned"
    BACKFILLED = "backfilled"
    GIVEN = "given"
    CLAIMED = "claimed"
    STARTED = "started"
    COMPLETED = "completed"
    ATTEMPT_FAILED = "attempt_failed"
    ATTEMPTS_SPENT = "attempts_spent"
    DEADLINE_SPENT = "deadline_spent"
    REJECTED = "rejected"
    DECLINED = "declined"
    POSTPONED = "postponed"
    EXPIRED = "expired"
    MISSED = "missed"
    COALESCED = "coalesced"
    OVERLAPPED = "overlapped"
    ALREADY_SENT = "already_sent"
    CLAIM_LAPSED = "claim_lapsed"
    START_REFUSED = "start_refused"
    WORKER_STOPPING = "worker_stopping"
    BUDGET_SPENT = "budget_spent"
    BROKER_AWAY = "broker_away"
    WORKER_LOST = "worker_lost"
    OUTCOME_UNKNOWN = "outcome_unknown"
    LATE_ANSWER = "late_answer"
    HANDLER_MISSING = "handler_missing"
    HANDLER_FOUND = "handler_found"
    RULE_PAUSED = "rule_paused"
    RULE_RESUMED = "rule_resumed"
    BREAKER_OPEN = "breaker_open"
    BREAKER_PROBE = "breaker_probe"
    BREAKER_CLOSED = "breaker_closed"
    OVERLAPPING = "overlapping"
    OVERLAP_ENDED = "overlap_ended"
    RULE_RETIRED = "rule_retired"
    ENTITY_DELETED = "entity_deleted"
    SUPERSEDED = "superseded"
    MOVED = "moved"
    REINSTATED = "reinstated"
    STILL_WANTED = "still_wanted"
    FIRE_NOW = "fire_now"
    SNOOZED = "snoozed"
    CANCELLED = "cancelled"
    REPLAYED = "replayed"
    RESOLVED = "resolved"
    VERIFYING = "verifying"
    AMENDED = "amended"
    REFUSED = "refused"


class Hold(StrEnum):
    """Why a claimable row is kept from being claimed, until the cause is gone."""

    RULE_PAUSED = "rule_paused"
    HANDLER_MISSING = "handler_missing"
    EDITED = "edited"
    BREAKER_OPEN = "breaker_open"
    OVERLAPPING = "overlapping"


# The outcome of an attempt whose worker was lost: nobody knows how it went.
LOST_ATTEMPT = "lost"
# The outcome of an attempt of which the handler itself could not say how it went.
UNKNOWN_ATTEMPT = "unknown"

S = State

LEGAL_MOVES: dict[State, frozenset[State]] = {
    S.SCHEDULED: frozenset({S.PENDING, S.CANCELLED, S.SKIPPED}),
    S.PENDING: frozenset({S.PROCESSING, S.SCHEDULED, S.RETRYING, S.CANCELLED, S.SKIPPED}),
    S.PROCESSING: frozenset({S.COMPLETED, S.RETRYING, S.FAILED, S.UNKNOWN, S.SKIPPED}),
    S.RETRYING: frozenset({S.PENDING, S.CANCELLED, S.SKIPPED}),
    S.FAILED: frozenset({S.RETRYING, S.COMPLETED, S.CANCELLED}),
    S.UNKNOWN: frozenset({S.RETRYING, S.COMPLETED, S.CANCELLED}),
    S.CANCELLED: frozenset({S.SCHEDULED}),
    S.COMPLETED: frozenset(),
    S.SKIPPED: frozenset(),
}

# Where a row goes that starts and ends in one transaction: it passes through PROCESSING unseen.
AT_ONCE = LEGAL_MOVES[S.PROCESSING] - {S.UNKNOWN}

# They never move again.
CLOSED = frozenset(state for state, ways in LEGAL_MOVES.items() if not ways)
CLAIMABLE = frozenset({S.SCHEDULED, S.RETRYING})
IN_FLIGHT = frozenset({S.PENDING, S.PROCESSING})
UNSENT = frozenset({S.SCHEDULED, S.PENDING, S.RETRYING})
# They wait for a person: failed for good, or of unknown outcome.
DEAD_LETTERS = frozenset({S.FAILED, S.UNKNOWN})
FINAL = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED, S.SKIPPED})


def is_legal(from_state: State, to_state: State) -> bool:
    """True where an occurrence may move from one state to the other."""
    return to_state in LEGAL_MOVES[from_state]
