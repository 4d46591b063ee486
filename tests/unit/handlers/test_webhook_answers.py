"""The waits that receivers ask for, and answers that no library of ours can produce."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.handling import Reject, Retry
from handlers.webhook.answers import outcome, retry_after
from handlers.webhook.client import Answer

SATURDAY = "Sat, 13 Mar 2027 23:59:30 GMT"
SUNDAY = "Sun, 14 Mar 2027 00:00:30 GMT"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, timedelta(seconds=7)),
        ({"retry-after": "86400"}, timedelta(hours=24)),
        ({"retry-after": "86401"}, timedelta(hours=24)),
        ({"retry-after": "9" * 5000}, timedelta(hours=24)),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "2.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": SUNDAY, "date": SATURDAY}, timedelta(minutes=1)),
        ({"retry-after": SUNDAY.replace("GMT", "-0000"), "date": SATURDAY}, timedelta(minutes=1)),
        ({"retry-after": "Mon, 14 Mar 2033 00:00:30 GMT", "date": SATURDAY}, timedelta(hours=24)),
        ({"retry-after": SATURDAY, "date": SUNDAY}, None),
        ({"retry-after": SUNDAY}, None),
        ({"retry-after": SUNDAY, "date": "yesterday"}, None),
        ({"retry-after": "Sun, 99 Mar 2027 00:00:30 GMT", "date": SATURDAY}, None),
        ({"retry-after": f"Sun, 14 Mar 2027 00:00:30 +{'9' * 30}", "date": SATURDAY}, None),
    ],
)
def test_a_wait_is_read_from_either_form_and_nonsense_is_no_wait(
    headers: dict[str, str], wait: timedelta | None
) -> None:
    assert retry_after(headers) == wait


def test_a_status_that_nobody_has_named_is_told_by_its_number() -> None:
    assert outcome(Answer(599, {}, 1)) == Retry("The receiver answered 599.")


def test_a_switch_of_protocols_that_nobody_asked_for_is_rejected() -> None:
    assert isinstance(outcome(Answer(101, {}, 1)), Reject)
