"""Answers to POSTs with an idempotency key: the first call does it, and every other one is told what it did."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from events.errors import PunctualError
from events.models import KeptAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

KEPT = timedelta(hours=24)
PRUNED_EVERY = timedelta(hours=1)
NONCE_BYTES = 16
TABLE = KeptAnswer._meta.db_table


class OtherRequest(PunctualError):
    """This idempotency key was used for another request. Use a new key for each, and the same for its repeats."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


# An answer that is past its time stands in nobody's way: its row begins anew.
BEGIN = f"""
INSERT INTO {TABLE} AS k (owner_id, key, asked, status, headers, body, created_at)
VALUES (%(owner)s, %(key)s, %(asked)s, NULL, '{{}}', '', %(now)s)
ON CONFLICT (owner_id, key) DO UPDATE
SET asked = EXCLUDED.asked, status = NULL, headers = '{{}}', body = '', created_at = EXCLUDED.created_at
WHERE k.created_at < %(forgotten)s
RETURNING k.id
"""  # noqa: S608 - the name of a table
# So that old answers go at most once an hour: whoever finds that none was made for so long asks no further.
PRUNE = f"""
DELETE FROM {TABLE} WHERE created_at < %(forgotten)s AND EXISTS (
    SELECT 1 FROM {TABLE} WHERE created_at < %(long_forgotten)s
)
"""  # noqa: S608


def begin(owner_id: int, key: str, asked: bytes, *, now: datetime) -> Answer | None:
    """None for who comes first, and is to `keep` an answer in this transaction; the kept one for everybody else.

    Who comes while the first is at work waits for the end of its transaction. Raises OtherRequest.
    """
    facts: dict[str, Any] = {
        "owner": owner_id,
        "key": key,
        "asked": asked,
        "now": now,
        "forgotten": now - KEPT,
    }
    while True:
        with connection.cursor() as cursor:
            cursor.execute(BEGIN, facts)
            if cursor.fetchone() is not None:
                return None
        kept = KeptAnswer.objects.filter(owner=owner_id, key=key).first()
        if kept is not None:  # else it was pruned between the two statements
            break
    if bytes(kept.asked) != asked:
        raise OtherRequest
    headers = dict(kept.headers)
    nonce = bytes.fromhex(headers.pop("nonce"))
    return Answer(kept.status or 0, headers, _veiled(bytes(kept.body), nonce))


def keep(owner_id: int, key: str, answer: Answer) -> None:
    """Write the answer into the row that `begin` made in this transaction."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    KeptAnswer.objects.filter(owner=owner_id, key=key).update(
        status=answer.status,
        headers={**answer.headers, "nonce": nonce.hex()},
        body=_veiled(answer.body, nonce),
    )


def prune_answers(*, now: datetime) -> int:
    """Forget answers past their time, if some are past it by an hour; how many."""
    facts = {"forgotten": now - KEPT, "long_forgotten": now - KEPT - PRUNED_EVERY}
    with connection.cursor() as cursor:
        cursor.execute(PRUNE, facts)
        return int(cursor.rowcount)


def _veiled(body: bytes, nonce: bytes) -> bytes:
    """The body with a key stream laid over it, or taken off: it may hold a new key, which nothing else keeps."""
    stream = hashlib.shake_256(settings.SECRET_KEY.encode() + nonce).digest(len(body))
    return (int.from_bytes(body) ^ int.from_bytes(stream)).to_bytes(len(body))
