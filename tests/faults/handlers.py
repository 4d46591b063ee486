"""Handlers of the three kinds whose effects can be counted, and that die of one entity if their payload says so."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import connection

from events.handling import Completed, Handler, Kind, Unsure
from handlers.webhook.handler import WebhookHandler

if TYPE_CHECKING:
    from events.handling import HandlerContext, Outcome

EFFECT, CALL, HOOK = "faults-effect", "faults-call", "faults-webhook"


def die_of_poison(context: HandlerContext) -> None:
    """End this process without warning if the payload names this entity as poison."""
    if context.entity.external_id == context.payload.get("data", {}).get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)


class EffectHandler(Handler):
    """Transactional: a row in a table that refuses no duplicate, so that one would be seen."""

    name = EFFECT
    kind = Kind.TRANSACTIONAL
    timeout = timedelta(seconds=8)

    def handle(self, context: HandlerContext) -> Outcome:
        """Insert the effect, slowly if the payload says so."""
        die_of_poison(context)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO faults_effect (key, occurrence_id, at) SELECT %s, %s, clock_timestamp()"
                " FROM pg_sleep(%s)",
                [context.idempotency_key, context.occurrence_id, context.payload.get("ms", 0) / 1000],
            )
        return Completed()


class CallHandler(Handler):
    """Non-idempotent: a plain POST, about whose fate nothing is known unless it is answered with 200."""

    name = CALL
    kind = Kind.NON_IDEMPOTENT
    concurrency = 8
    timeout = timedelta(seconds=5)

    def handle(self, context: HandlerContext) -> Outcome:
        """POST the key."""
        die_of_poison(context)
        url = urlsplit(context.payload["url"])
        connection = HTTPConnection(url.netloc, timeout=self.timeout.total_seconds())
        target = f"{url.path}?{url.query}"
        try:
            connection.request("POST", target, headers={"Idempotency-Key": str(context.idempotency_key)})
            status = connection.getresponse().status
        except (OSError, HTTPException) as problem:
            return Unsure(f"no answer: {problem}")
        finally:
            connection.close()
        return Completed() if status == 200 else Unsure(f"it answered {status}")


class HookHandler(WebhookHandler):
    """Idempotent: the real webhook, but for the poison."""

    name = HOOK

    def handle(self, context: HandlerContext) -> Outcome:
        """Die of poison, or call the webhook."""
        die_of_poison(context)
        return super().handle(context)
