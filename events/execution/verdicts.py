"""From a handler's answer to the row's next state. Pure: the same answer at the same moment leads to the same place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from events.execution.answers import LONGEST_WAIT
from events.handling import Completed, Decline, Kind, Postpone, Reject, Retry, Unsure
from events.lifecycle import Reason, State
from events.timing import delay
from events.transitions import Settlement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from events.handling import Outcome
    from events.transitions import Started

DETAIL_LIMIT = 4000
# One for all rows that have nothing to tell: whoever settles a set sends it once.
COMPLETED = Settlement(State.COMPLETED, Reason.COMPLETED, "completed")


def verdict(
    outcome: Outcome,
    row: Started,
    *,
    kind: Kind,
    now: datetime,
    random: Callable[[], float],
) -> Settlement:
    """Where the outcome of one started row leads. `random` draws from [0, 1) for the jitter."""
    match outcome:
        case Completed(result):
            return COMPLETED._replace(detail=dict(result)) if result else COMPLETED
        case Decline(why):
            return Settlement(State.SKIPPED, Reason.DECLINED, "declined", _because(why))
        case Reject(why):
            return Settlement(
                State.FAILED,
                Reason.REJECTED,
                "rejected",
                _because(why),
                counts_as_failure=True,
            )
        case Unsure(why) if kind is Kind.NON_IDEMPOTENT:
            return Settlement(
                State.UNKNOWN,
                Reason.OUTCOME_UNKNOWN,
                "unknown",
                _because(why),
                counts_as_failure=True,
            )
        case Unsure(why):
            return _again(row, why=why, after=None, now=now, random=random)
        case Retry(why, after):
            return _again(row, why=why, after=after, now=now, random=random)
        case Postpone(until, why):
            return _postponed(row, why=why, until=until)


def _again(
    row: Started,
    *,
    why: str,
    after: timedelta | None,
    now: datetime,
    random: Callable[[], float],
) -> Settlement:
    failures = row.failures + 1
    if failures >= row.rule.max_attempts:
        return _spent(Reason.ATTEMPTS_SPENT, why)
    wait = (
        delay(failures, base=row.rule.backoff_base, cap=row.rule.backoff_cap, random=random)
        if after is None
        else after
    )
    available_at = now + min(max(wait, timedelta(0)), LONGEST_WAIT)
    if _is_past_expiry(row, available_at):
        return _spent(Reason.DEADLINE_SPENT, why)
    return Settlement(
        State.RETRYING,
        Reason.ATTEMPT_FAILED,
        "failed",
        _because(why),
        available_at=available_at,
        counts_as_failure=True,
    )


def _postponed(row: Started, *, why: str, until: datetime) -> Settlement:
    if _is_past_expiry(row, until):
        return _spent(Reason.DEADLINE_SPENT, why)
    return Settlement(
        State.RETRYING,
        Reason.POSTPONED,
        "postponed",
        _because(why),
        available_at=until,
    )


def _spent(reason: Reason, why: str) -> Settlement:
    return Settlement(State.FAILED, reason, "failed", _because(why), counts_as_failure=True)


def _is_past_expiry(row: Started, available_at: datetime) -> bool:
    expires_after = row.rule.expires_after
    return expires_after is not None and available_at >= row.due_at + expires_after


def _because(why: str) -> Mapping[str, Any] | None:
    return {"why": why[:DETAIL_LIMIT]} if why else None
