"""What a receiver's answer means for the occurrence."""

from __future__ import annotations

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from events.handling import Completed, Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from events.handling import Outcome
    from handlers.webhook.client import Answer

TRY_AGAIN = frozenset({408, 425, 429})
LONGEST_WAIT = timedelta(hours=24)


def outcome(answer: Answer) -> Outcome:
    """Return Completed for 2xx; Retry for 408, 425, 429 and 5xx; Reject for all else."""
    if 200 <= answer.status < 300:
        return Completed({"status": answer.status, "ms": answer.milliseconds})
    said = f"The receiver answered {_words(answer.status)}"
    if answer.status in TRY_AGAIN or answer.status >= 500:
        return Retry(f"{said}.", after=retry_after(answer.headers))
    return Reject(f"{said}{_advice(answer.status)}")


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long the receiver asks us to wait, at most a day; None if it says nothing above zero.

    A date is measured from the answer's own Date header, so that no clock but the receiver's counts.
    Source: RFC 9110, section 10.2.3.
    """
    value = headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=int(value[:9]))
    else:
        until, said_at = _date(value), _date(headers.get("date", ""))
        wait = until - said_at if until and said_at else timedelta(0)
    return min(wait, LONGEST_WAIT) if wait > timedelta(0) else None


def _date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _words(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _advice(status: int) -> str:
    if status == HTTPStatus.GONE:
        return ": nobody is there any more. Change payload.url, or retire the rule."
    if 300 <= status < 400:
        return ", and redirects are not followed. Put the final address into payload.url."
    return " and would do so again. Correct the payload or the receiver, then replay."
