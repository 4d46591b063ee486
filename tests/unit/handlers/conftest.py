"""A receiver in a process of its own, contexts to call handlers with, and a client that no test inherits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import pytest

from events.handling import EntityView, HandlerContext
from handlers.webhook import client as client_module
from handlers.webhook.handler import WebhookHandler
from tests.receiver import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

    from events.handling import Outcome
    from tests.receiver import Receiver

DUE = datetime(2027, 3, 14, 7, 30, tzinfo=UTC)
ALICE = EntityView("person", "alice", "Alice Nuñez", "America/New_York", {"birthday": "1992-02-29"})
CONTEXT = HandlerContext(
    occurrence_id=7,
    idempotency_key=uuid4(),
    correlation_id=uuid4(),
    attempt=1,
    rule_id=3,
    rule_name="birthday",
    entity=ALICE,
    slot=datetime(2027, 3, 14, 2, 30),
    timezone="America/New_York",
    due_at=DUE,
    deadline=DUE + timedelta(seconds=10),
    payload={},
)


class Call(Protocol):
    """Calls the webhook handler with a payload."""

    def __call__(self, url: str, *, within: float = 10, **changes: Any) -> tuple[HandlerContext, Outcome]: ...


def context(**changes: Any) -> HandlerContext:
    """A context with a key of its own."""
    return CONTEXT._replace(**{"idempotency_key": uuid4(), "correlation_id": uuid4(), **changes})


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with running(tmp_path_factory.mktemp("receiver") / "calls.jsonl") as receiver:
        yield receiver


@pytest.fixture
def loopback_allowed(settings: Settings) -> None:
    """Let webhooks go to this machine."""
    settings.PUNCTUAL_WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def fresh_client() -> Iterator[None]:
    """Begin without connections, and leave none behind."""
    client_module._clients.clear()
    yield
    client_module.client().close()
    client_module._clients.clear()


@pytest.fixture
def call(fresh_client: None) -> Call:
    """Make one attempt at a webhook; returns its context and its outcome."""

    def call(url: str, *, within: float = 10, **changes: Any) -> tuple[HandlerContext, Outcome]:
        payload = {"url": url, **changes.pop("payload", {})}
        attempt = context(payload=payload, **changes)
        handler = WebhookHandler()
        handler.timeout = timedelta(seconds=within)  # type: ignore[misc]  # this instance alone
        return attempt, handler.handle(attempt)

    return call


def calls_of(receiver: Receiver, attempt: HandlerContext) -> list[dict[str, Any]]:
    """What the receiver has of this key."""
    return [each for each in receiver.calls() if each["key"] == str(attempt.idempotency_key)]
