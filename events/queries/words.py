"""What operators read in place of codes: one sentence or word for every state, reason and hold."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from events.lifecycle import Hold, Reason, State

if TYPE_CHECKING:
    from datetime import datetime

    from events.models import Occurrence, Rule

STATES: dict[State, str] = {
    State.SCHEDULED: "waits for its moment",
    State.PENDING: "claimed, on its way to a worker",
    State.PROCESSING: "a worker is at it",
    State.RETRYING: "waits for its next attempt",
    State.COMPLETED: "done",
    State.FAILED: "dead letter: every attempt failed, and a person must decide",
    State.UNKNOWN: "nobody knows whether it happened, and a person must decide",
    State.CANCELLED: "cancelled, it will not fire",
    State.SKIPPED: "skipped, there was nothing to do or it was too late",
}

REASONS: dict[Reason, str] = {
    Reason.PLANNED: "planned from its rule",
    Reason.BACKFILLED: "an operator had it written after its moment",
    Reason.GIVEN: "its moment was given with it",
    Reason.CLAIMED: "a sweep claimed it and handed it to the broker",
    Reason.STARTED: "a worker started an attempt",
    Reason.COMPLETED: "the handler said that it is done",
    Reason.ATTEMPT_FAILED: "the attempt failed; it will be tried again",
    Reason.ATTEMPTS_SPENT: "the attempt failed, and it was the last one allowed",
    Reason.DEADLINE_SPENT: "the attempt failed, and the next one would come after its expiry",
    Reason.REJECTED: "the handler said that it can never succeed",
    Reason.DECLINED: "the handler said that there is nothing to do",
    Reason.POSTPONED: "the handler asked to be called later",
    Reason.EXPIRED: "it was not started before its expiry",
    Reason.MISSED: "it was later than its grace, and its rule skips what was missed",
    Reason.COALESCED: "it was later than its grace, and its rule fires the latest one alone",
    Reason.OVERLAPPED: "the one before it was still at work, and its rule skips one that overlaps",
    Reason.ALREADY_SENT: "its date was moved, and the one of this year, month, week or day had been sent before",
    Reason.CLAIM_LAPSED: "no worker started it in time, so it was taken back",
    Reason.START_REFUSED: "a worker could not start it as it was, so it was given back",
    Reason.WORKER_STOPPING: "the worker was asked to stop and gave it back unstarted",
    Reason.BUDGET_SPENT: "the chunk took too long, and the worker gave it back unstarted",
    Reason.BROKER_AWAY: "the broker could not be reached, so it was taken back",
    Reason.WORKER_LOST: "the worker that ran it was lost",
    Reason.OUTCOME_UNKNOWN: "nobody can say whether the call happened",
    Reason.LATE_ANSWER: "a worker that had lost its claim answered; the answer changed nothing",
    Reason.HANDLER_MISSING: "held, because the rule's handler is not installed",
    Reason.HANDLER_FOUND: "released, because the rule's handler is installed again",
    Reason.RULE_PAUSED: "held, because its rule is paused",
    Reason.RULE_RESUMED: "released, because its rule was resumed",
    Reason.BREAKER_OPEN: "held, because the calls to its destination fail and are given a rest",
    Reason.BREAKER_PROBE: "released as the probe: its call decides whether the destination is well again",
    Reason.BREAKER_CLOSED: "released, because its destination is called again",
    Reason.OVERLAPPING: "held, because the one before it is still at work",
    Reason.OVERLAP_ENDED: "released, because the one before it has ended",
    Reason.RULE_RETIRED: "its rule was retired",
    Reason.ENTITY_DELETED: "its entity was deleted",
    Reason.SUPERSEDED: "an edit of its rule or entity, or new zone data, no longer wants it",
    Reason.MOVED: "an edit of its rule or entity, or new zone data, moved it",
    Reason.STILL_WANTED: "it was edited while it ran, and still holds",
    Reason.REINSTATED: "an edit of its rule or entity wants it again",
    Reason.FIRE_NOW: "an operator let it fire at once",
    Reason.SNOOZED: "it was put off: another one stands for it, at the moment that was asked for",
    Reason.CANCELLED: "an operator cancelled it",
    Reason.REPLAYED: "an operator gave it new attempts",
    Reason.RESOLVED: "an operator settled it",
    Reason.VERIFYING: "its handler asks the receiver whether the call happened",
    Reason.AMENDED: "an operator gave it a payload of its own",
    Reason.REFUSED: "an operator asked for what its state does not allow; nothing was changed",
}

HOLDS: dict[Hold, str] = {
    Hold.RULE_PAUSED: "Held: its rule is paused. Resume the rule.",
    Hold.EDITED: "Held for a moment: its rule or entity was edited while it ran, and the next sweep looks again.",
    Hold.HANDLER_MISSING: "Held: its rule's handler is not installed. Install it, or choose another.",
    Hold.BREAKER_OPEN: "Held: the calls to its destination fail. It goes when a probe succeeds, or a person closes the "
    "breaker.",
    Hold.OVERLAPPING: "Held: the one before it is still at work. It goes when that one has ended.",
}

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def reason_in_words(code: str) -> str:
    """What a reason code means; a code from another version of Punctual stands for itself."""
    return REASONS[Reason(code)] if code in set(Reason) else code.replace("_", " ")


def state_in_words(code: str) -> str:
    """What a state means for an operator."""
    return STATES[State(code)]


def hold_in_words(occurrence: Occurrence) -> str:
    """Why the occurrence is held and what would let it go, or "" where nothing holds it."""
    return HOLDS[Hold(occurrence.hold)] if occurrence.hold else ""


def length_in_words(length: timedelta, *, glue: str = " ") -> str:
    """A length of time in its two largest units; below ten seconds to the millisecond. `glue` ties number and unit."""
    if abs(length) < timedelta(seconds=10) and length.microseconds:
        return f"{length.total_seconds():.3f}{glue}s"
    rest, said = round(abs(length).total_seconds()), []
    for size, unit in UNITS:
        amount, rest = divmod(rest, size)
        if amount:
            said.append(f"{amount}{glue}{unit}")
    return ("−" if length < timedelta(0) else "") + (" ".join(said[:2]) or f"0{glue}s")


def moment_in_words(moment: datetime, *, now: datetime) -> str:
    """An instant in UTC to the second: the time alone where it is today, the date before it where it is not."""
    shown, today = moment.astimezone(UTC), now.astimezone(UTC).date()
    time_of_day = f"{shown:%H:%M:%S}".removesuffix(":00")
    return time_of_day if shown.date() == today else f"{shown:%Y-%m-%d} {time_of_day}"


def whom_in_words(rule: Rule) -> str:
    """For whom the rule fires."""
    if rule.entity is not None:
        return str(rule.entity)
    chosen = ", ".join(f"{name} = {value}" for name, value in rule.audience_filter.items())
    return f"every {rule.audience_kind}" + (f" with {chosen}" if chosen else "")
