"""Keys to the API: made, used within their rate, revoked. Only their digests are kept."""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models.functions import Coalesce

from events.errors import PunctualError
from events.models import ApiKey, Scope
from events.operations.errors import InvalidInput, Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

    from events.errors import InvalidField
    from events.transitions import Origin

PREFIX = "pk_"
SECRET_BYTES = 32  # 43 characters, as secrets.token_urlsafe writes them
WRITTEN = re.compile(r"pk_[A-Za-z0-9_-]{43}", re.ASCII)
SHOWN_PREFIX = 8
LONGEST_NAME = 100
# After a rest a key may be used for a sixth of a minute's calls at once.
BURST_OF_MINUTE = 6
MOST_KEYS = 100


class TooManyCalls(PunctualError):
    """Too many calls. Wait {seconds} s."""


class InvalidKey(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


USER = get_user_model()
KEY_FIELDS, USER_FIELDS = ApiKey._meta.concrete_fields, USER._meta.concrete_fields
RETURNED = [*(f"k.{field.column}" for field in KEY_FIELDS), *(f"u.{field.column}" for field in USER_FIELDS)]
# One call more, if its key's rate allows that: `spent_until` is when the calls so far would be spread evenly, and it
# may lie as far ahead as a burst is long. The row decides between two calls at once, and the database's clock is one
# for all of them. It waits for no disk: a crash of the database may forget the calls of its last second, and calls of
# one key do not queue for it.
USE = f"""
WITH present AS MATERIALIZED (
    SELECT clock_timestamp() AS now, set_config('synchronous_commit', 'off', true)
)
UPDATE {ApiKey._meta.db_table} k
SET spent_until = GREATEST(k.spent_until, t.now) + interval '1 minute' / k.per_minute, last_used_at = t.now
FROM present t, {USER._meta.db_table} u
WHERE k.digest = %(digest)s AND k.revoked_at IS NULL AND u.id = k.owner_id AND u.is_active
  AND GREATEST(k.spent_until, t.now) <= t.now + (k.burst - 1) * (interval '1 minute' / k.per_minute)
RETURNING {", ".join(RETURNED)}
"""  # noqa: S608 - names of tables and columns
WAIT = f"""
SELECT extract(epoch FROM k.spent_until - (k.burst - 1) * (interval '1 minute' / k.per_minute) - clock_timestamp())
FROM {ApiKey._meta.db_table} k JOIN {USER._meta.db_table} u ON u.id = k.owner_id
WHERE k.digest = %(digest)s AND k.revoked_at IS NULL AND u.is_active
"""  # noqa: S608


def use_key(given: str) -> ApiKey | None:
    """The key, with its owner, one call of its rate spent; None where nobody may use it. Raises TooManyCalls.

    To be called outside of transactions, for what it commits may be lost in a crash.
    """
    if not WRITTEN.fullmatch(given):
        return None
    digest = _digest(given)
    with connection.cursor() as cursor:
        cursor.execute(USE, {"digest": digest})
        found = cursor.fetchone()
        if found is None:
            cursor.execute(WAIT, {"digest": digest})
            waits = cursor.fetchone()
            if waits is None:
                return None
            raise TooManyCalls(seconds=max(1, math.ceil(waits[0])))
    key = ApiKey.from_db(DEFAULT_DB_ALIAS, [field.attname for field in KEY_FIELDS], found[: len(KEY_FIELDS)])
    key.owner = USER.from_db(
        DEFAULT_DB_ALIAS, [field.attname for field in USER_FIELDS], found[len(KEY_FIELDS) :]
    )
    return key


def make_key(
    owner: User,
    *,
    name: str,
    scope: str = Scope.READ,
    rate: int,
    fastest: int,
    make_room: bool = False,
    origin: Origin,
) -> tuple[ApiKey, str]:
    """A new key, and its text, which nobody can find out again.

    `rate` is calls a minute, `fastest` the most that a key may have. `make_room`: of too many, that which
    was not used for longest is revoked. Raises InvalidKey.
    """
    if make_room:
        _revoke_surplus(owner, origin)
    refusals = list(_wrong(owner, name, scope, rate, fastest))
    if refusals:
        raise InvalidKey("the key", refusals)
    text = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(
        owner=owner, name=name.strip(), prefix=text[:SHOWN_PREFIX], digest=_digest(text), scope=scope
    )
    key.created_at, key.per_minute, key.burst = origin.now, rate, max(1, rate // BURST_OF_MINUTE)
    key.save(force_insert=True)
    return key, text


def _revoke_surplus(owner: User, origin: Origin) -> None:
    live = ApiKey.objects.filter(owner=owner, revoked_at=None)
    kept = live.order_by(Coalesce("last_used_at", "created_at").desc(), "-id").values("pk")[: MOST_KEYS - 1]
    live.exclude(pk__in=kept).update(revoked_at=origin.now)


def revoke_key(key: ApiKey, *, origin: Origin) -> bool:
    """Let nobody use the key any more; False where it was revoked before."""
    return bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=origin.now))


def _wrong(owner: User, name: str, scope: str, rate: int, fastest: int) -> Iterator[InvalidField]:
    if not 0 < len(name.strip()) <= LONGEST_NAME or "\x00" in name:
        remedy = f"Say what the key is for, in 1 to {LONGEST_NAME} characters."
        yield Refusal(field="name", problem=f"{shown(name)} is no name for a key", remedy=remedy)
    if scope not in Scope.values:
        yield Refusal(field="scope", problem=f"{shown(scope)} is no scope", remedy="Use read or write.")
    if not 1 <= rate <= fastest:
        remedy = f"Give 1 to {fastest:,} calls a minute."
        yield Refusal(field="rate", problem=f"{rate} is out of range", remedy=remedy)
    if ApiKey.objects.filter(owner=owner, revoked_at=None).count() >= MOST_KEYS:
        problem = f"there are {MOST_KEYS} keys that are not revoked"
        yield Refusal(field="name", problem=problem, remedy="Revoke those that nobody uses.")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
