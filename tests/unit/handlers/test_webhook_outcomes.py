"""What the receiver sees of a webhook, and what its answer makes of the occurrence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from events.handling import Completed, Kind, Reject, Retry
from handlers import __version__
from handlers.webhook.handler import WebhookHandler
from tests.harness.rabbitmq import free_ports
from tests.unit.handlers.conftest import calls_of

if TYPE_CHECKING:
    from tests.receiver import Receiver
    from tests.unit.handlers.conftest import Call

pytestmark = pytest.mark.usefixtures("loopback_allowed")


def test_it_declares_itself_idempotent_concurrent_and_bounded() -> None:
    assert (WebhookHandler.name, WebhookHandler.kind) == ("webhook", Kind.IDEMPOTENT)
    assert (WebhookHandler.concurrency, WebhookHandler.timeout) == (16, timedelta(seconds=10))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_answer_completes_and_keeps_status_and_duration(
    receiver: Receiver, call: Call, status: int
) -> None:
    attempt, outcome = call(receiver.url(f"/status/{status}"))
    assert isinstance(outcome, Completed)
    assert outcome.result["status"] == status
    assert set(outcome.result) == {"status", "ms"}
    assert outcome.result["ms"] >= 0
    assert len(calls_of(receiver, attempt)) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507])
def test_a_passing_trouble_is_tried_again_by_the_rules_backoff(
    receiver: Receiver, call: Call, status: int
) -> None:
    _, outcome = call(receiver.url(f"/status/{status}"))
    assert isinstance(outcome, Retry)
    assert outcome.after is None
    assert f"answered {status} " in outcome.reason


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "replay"), (401, "replay"), (404, "Correct"), (410, "retire the rule"), (422, "Correct"),
     (301, "redirects are not followed"), (304, "final address")],
)  # fmt: skip
def test_a_lasting_refusal_is_rejected_with_advice(
    receiver: Receiver, call: Call, status: int, advice: str
) -> None:
    _, outcome = call(receiver.url(f"/status/{status}"))
    assert isinstance(outcome, Reject)
    assert f"answered {status} " in outcome.why
    assert advice in outcome.why


def test_a_redirect_is_not_followed(receiver: Receiver, call: Call) -> None:
    elsewhere = f"/elsewhere/{uuid4()}"
    _, outcome = call(receiver.url(f"/redirect?to={receiver.url(elsewhere)}"))
    assert isinstance(outcome, Reject)
    assert elsewhere not in [each["path"] for each in receiver.calls()]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_that_the_receiver_asks_for_is_kept(receiver: Receiver, call: Call, form: str) -> None:
    _, outcome = call(receiver.url(f"/retry-after/120?form={form}"))
    assert outcome == Retry("The receiver answered 503 Service Unavailable.", after=timedelta(seconds=120))


def test_nobody_listening_is_tried_again(call: Call) -> None:
    [port] = free_ports(1)
    _, outcome = call(f"http://127.0.0.1:{port}/")
    assert isinstance(outcome, Retry)
    assert outcome.reason.startswith("127.0.0.1 gave no answer: ")
    assert "refused" in outcome.reason


@pytest.mark.parametrize("path", ["/reset", "/garbage"])
def test_a_call_that_arrived_but_had_no_answer_is_tried_again(
    receiver: Receiver, call: Call, path: str
) -> None:
    attempt, outcome = call(receiver.url(path))
    assert isinstance(outcome, Retry)
    assert len(calls_of(receiver, attempt)) == 1


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_an_answer_that_does_not_end_in_time_is_tried_again(
    receiver: Receiver, call: Call, path: str
) -> None:
    attempt, outcome = call(receiver.url(path), within=0.4)
    assert outcome == Retry("127.0.0.1 gave no answer: it took longer than 0.4 s.")
    assert len(calls_of(receiver, attempt)) == 1


def test_a_payload_that_became_invalid_is_rejected_and_names_its_field(call: Call) -> None:
    _, outcome = call("ftp://example.com/")
    assert isinstance(outcome, Reject)
    assert outcome.why.startswith("payload.url: the scheme 'ftp'")


def test_all_attempts_carry_the_same_key_and_say_who_calls(receiver: Receiver, call: Call) -> None:
    key = uuid4()
    for number in (1, 2):
        attempt, _ = call(receiver.url(), idempotency_key=key, attempt=number)
    first, second = calls_of(receiver, attempt)
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"] == str(key)
    assert second["headers"]["x-correlation-id"] == str(attempt.correlation_id)
    assert second["headers"]["user-agent"] == f"Punctual/{__version__}"
    assert second["headers"]["content-type"] == "application/json"
    assert second["headers"]["host"] == f"127.0.0.1:{receiver.port}"


def test_the_default_body_tells_the_occurrence(receiver: Receiver, call: Call) -> None:
    attempt, _ = call(receiver.url(), payload={"data": {"text": "Grüße"}}, attempt=2)
    [received] = calls_of(receiver, attempt)
    assert received["body"] == {
        "rule": "birthday",
        "entity": {
            "kind": "person",
            "external_id": "alice",
            "name": "Alice Nuñez",
            "timezone": "America/New_York",
            "attributes": {"birthday": "1992-02-29"},
        },
        "slot": "2027-03-14T02:30:00",
        "timezone": "America/New_York",
        "due_at": "2027-03-14T07:30:00Z",
        "local_time": "2027-03-14T03:30:00-04:00",
        "attempt": 2,
        "data": {"text": "Grüße"},
    }


@pytest.mark.parametrize("body", [{"text": "Zoë"}, [1, 2], "text", None, 0])
def test_a_body_of_the_rules_own_replaces_the_default(receiver: Receiver, call: Call, body: object) -> None:
    attempt, _ = call(receiver.url(), payload={"body": body})
    [received] = calls_of(receiver, attempt)
    assert received["body"] == body


def test_headers_of_the_rule_are_sent(receiver: Receiver, call: Call) -> None:
    attempt, _ = call(receiver.url(), payload={"headers": {"Authorization": "Bearer abc", "X-Team": "blue"}})
    [received] = calls_of(receiver, attempt)
    assert (received["headers"]["authorization"], received["headers"]["x-team"]) == ("Bearer abc", "blue")
