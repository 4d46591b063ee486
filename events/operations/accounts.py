"""Accounts: they come, log in, and live in a time zone. An account is a user; its own person is an entity of it."""

from __future__ import annotations

import hashlib
import hmac
import math
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import authenticate, password_validation
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from events.errors import InvalidField, PunctualError
from events.models import Entity
from events.operations.entities import EntityFacts, put_entities
from events.operations.errors import InvalidInput, Refusal, wrong_columns
from events.operations.keys import TooManyCalls
from events.timing import canonical_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.transitions import Origin

PERSON = "person"
USUAL_ZONE = "UTC"
# Who comes to the end of a burst waits so long for each further attempt.
ATTEMPTS = {"address": (60, 5), "name": (10, 30)}
# What a new user is not asked for.
GIVEN_BY_NOBODY = {
    "id", "password", "last_login", "is_superuser", "first_name", "last_name", "is_staff", "is_active", "date_joined",
}  # fmt: skip


class InvalidAccount(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


class WrongLogin(PunctualError):
    """There is no account of this name and password. Check both; names are told apart by their capitals."""


@transaction.atomic
def register(username: str, password: str, *, email: str, timezone: str, origin: Origin) -> User:
    """A new account with its own person, in that zone. Raises InvalidAccount."""
    user = User(username=User.normalize_username(username), email=email)
    refusals = [*wrong_columns(user, GIVEN_BY_NOBODY), *_weak(password, user), *_unknown_zone(timezone)]
    if refusals:
        raise InvalidAccount("the account", refusals)
    user.set_password(password)
    user.date_joined = origin.now
    user.save(force_insert=True)
    own_person(user, timezone=timezone, origin=origin)
    return user


def log_in(username: str, password: str, *, address: str) -> User:
    """The user of this name and password. Raises WrongLogin, and TooManyCalls after many attempts."""
    count_attempt(address=address, name=username)
    user = authenticate(username=username, password=password)
    if not isinstance(user, User):
        raise WrongLogin
    return user


@transaction.atomic
def own_person(user: User, *, timezone: str | None = None, origin: Origin) -> Entity:
    """The entity that stands for the account itself, made or brought back where it is not there.

    Its zone is the account's: `timezone`, or the one that it has, or UTC. Raises InvalidEntity.
    """
    named = Entity.objects.filter(owner=user, kind=PERSON, external_id=user.get_username())
    known = named.first()
    if known is not None and known.deleted_at is None and timezone in {None, known.timezone}:
        return known
    zone = timezone or (known.timezone if known else USUAL_ZONE)
    facts = EntityFacts(PERSON, user.get_username(), zone, name=known.name if known else user.get_username())
    if known is not None:
        facts = EntityFacts(
            PERSON, known.external_id, zone, known.name, known.attributes, known.leap, known.version
        )
    put_entities([facts], owner=user.pk, origin=origin)
    return named.get()


@transaction.atomic
def change_account(
    user: User, *, email: str | None = None, timezone: str | None = None, origin: Origin
) -> User:
    """Give the account another address or zone; None leaves it. What is planned for its own person follows.

    Raises InvalidAccount.
    """
    if email is not None:
        user.email = email
    refusals = [*wrong_columns(user, GIVEN_BY_NOBODY | {"username"})]
    refusals += _unknown_zone(timezone) if timezone is not None else ()
    if refusals:
        raise InvalidAccount("the change", refusals)
    if email is not None:
        user.save(update_fields=["email"])
    if timezone is not None:
        own_person(user, timezone=canonical_zone(timezone), origin=origin)
    return user


def zone_of_account(user: User) -> str:
    """The zone of the account's own person, or UTC where it has none yet."""
    own = Entity.objects.filter(owner=user, kind=PERSON, external_id=user.get_username())
    return own.values_list("timezone", flat=True).first() or USUAL_ZONE


# One attempt more. What counts them is remembered in the table of sessions, which all processes share and which has
# an end for each row: the instant at which the attempts so far would be spread evenly. No session has such a key.
ATTEMPT = f"""
WITH present AS MATERIALIZED (SELECT clock_timestamp() AS now)
INSERT INTO {Session._meta.db_table} AS s (session_key, session_data, expire_date)
SELECT %(key)s, '', now + %(step)s * interval '1 second' FROM present
ON CONFLICT (session_key) DO UPDATE
SET expire_date = GREATEST(s.expire_date, (SELECT now FROM present)) + %(step)s * interval '1 second'
WHERE s.expire_date <= (SELECT now FROM present) + (%(burst)s - 1) * %(step)s * interval '1 second'
RETURNING 1
"""  # noqa: S608 - the name of a table
# Those whose end is over count for nothing any more.
FORGET_ATTEMPTS = f"""
DELETE FROM {Session._meta.db_table} WHERE session_key IN (
    SELECT session_key FROM {Session._meta.db_table}
    WHERE expire_date < clock_timestamp() AND session_data = '' LIMIT 100 FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608
NEXT_ATTEMPT = f"""
SELECT extract(epoch FROM expire_date - clock_timestamp()) - (%(burst)s - 1) * %(step)s
FROM {Session._meta.db_table} WHERE session_key = %(key)s
"""  # noqa: S608


def count_attempt(**whose: str) -> None:
    """Count an attempt to come in, from an address and under a name. Raises TooManyCalls."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET_ATTEMPTS)
    for what, value in whose.items():
        burst, step = ATTEMPTS[what]
        facts: dict[str, str | int] = {"key": _key_of(what, value), "burst": burst, "step": step}
        with connection.cursor() as cursor:
            cursor.execute(ATTEMPT, facts)
            if cursor.fetchone() is None:
                cursor.execute(NEXT_ATTEMPT, facts)
                (wait,) = cursor.fetchone() or (step,)
                raise TooManyCalls(seconds=max(1, math.ceil(wait)))


def _key_of(what: str, value: str) -> str:
    told = hmac.new(settings.SECRET_KEY.encode(), f"{what} {value}".encode(), hashlib.sha256)
    return told.hexdigest()[:40]


def _weak(password: str, user: User) -> Iterator[InvalidField]:
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        for message in error.messages:
            problem = message.rstrip(".").replace("This password", "it").replace("The password", "it")
            yield Refusal(field="password", problem=problem, remedy="Choose a longer and stranger one.")


def _unknown_zone(timezone: str) -> Sequence[InvalidField]:
    try:
        canonical_zone(timezone)
    except InvalidField as refusal:
        return [refusal]
    return []
