"""WebhookHandler: one POST per occurrence, with a key by which the receiver knows repetitions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from events.handling import Handler, HandlerContext, InvalidPayload, Kind, Reject, Retry
from handlers import __version__
from handlers.webhook.answers import outcome
from handlers.webhook.body import default_body
from handlers.webhook.client import Unreachable, client
from handlers.webhook.payload import parse
from handlers.webhook.targets import TargetRefused, allowed_networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.handling import Outcome
    from handlers.webhook.client import Answer


class WebhookHandler(Handler):
    """Calls payload.url. README.md tells the payload, the body, the outcomes, and what is refused."""

    name = "webhook"
    kind = Kind.IDEMPOTENT
    concurrency = 16
    timeout = timedelta(seconds=10)

    def __init__(self) -> None:
        allowed_networks()  # so that nonsense in the setting is loud at start, not at nine o'clock

    def validate(self, payload: Mapping[str, Any]) -> None:
        """Raise InvalidPayload, naming the field, if a webhook with this payload could never succeed."""
        parse(payload)

    def destination(self, payload: Mapping[str, Any]) -> str:
        """The host and port that the call reaches."""
        return parse(payload).url.netloc.decode("ascii")

    def handle(self, context: HandlerContext) -> Outcome:
        """POST once. What is refused on our side before sending is rejected; no answer means to try again."""
        try:
            return outcome(self._post(context))
        except (InvalidPayload, TargetRefused) as refusal:
            return Reject(str(refusal))
        except Unreachable as problem:
            return Retry(str(problem))

    def _post(self, context: HandlerContext) -> Answer:
        call = parse(context.payload)
        body = default_body(context, call.data) if call.body is None else call.body
        headers = {
            **call.headers,
            "Content-Type": "application/json",
            "Idempotency-Key": str(context.idempotency_key),
            "X-Correlation-ID": str(context.correlation_id),
            "User-Agent": f"Punctual/{__version__}",
        }
        return client().post(call.url, headers, body, self.timeout.total_seconds())
