"""The account itself: registration, login, its zone, its keys."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from django.conf import settings
from ninja import Field, Router

from events import operations
from events.addresses import address_of
from events.api.callers import caller_of, origin_as, origin_of, owned, owned_or_missing
from events.api.given import Answered, Given
from events.api.problems import ApiError
from events.models import ApiKey

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

router = Router(tags=["account"])

LONGEST_PASSWORD = 1_000
ScopeName = Literal["read", "write"]
MAY_BE_WRONG, MAY_BE_CLOSED = {"x-problems": ["wrong-login"]}, {"x-problems": ["registration-closed"]}


class RegistrationClosed(ApiError):
    """Nobody makes an account here by the API. Ask the operators for one."""

    slug = "registration-closed"


class Key(Answered):
    """A key, without what it is."""

    id: int
    name: str
    prefix: str = Field(examples=["pk_3fZt9"])
    scope: str
    rate: int = Field(description="Calls a minute.")
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class MadeKey(Key):
    """A new key."""

    key: str = Field(description="The key itself, this one time.", examples=["pk_" + 43 * "x"])


class Keys(Answered):
    """All keys of the account, the newest first."""

    items: list[Key]


class Account(Answered):
    """The account."""

    username: str
    email: str
    timezone: str


class AccountAndKey(Account):
    """The account, and the key that asks."""

    key: Key


class KeyGiven(Given):
    """A key to be made."""

    name: str = Field(max_length=100, examples=["the back end's"])
    scope: ScopeName = "read"
    rate: int | None = Field(None, ge=1, description="Calls a minute; as many as the server allows.")


class AccountGiven(Given):
    """What is to change."""

    email: str | None = Field(None, max_length=254)
    timezone: str | None = Field(None, max_length=64, examples=["Europe/Berlin"])


class LoginGiven(Given):
    """Name and password, and the key that is wanted."""

    username: str = Field(max_length=150, examples=["alice"])
    password: str = Field(max_length=LONGEST_PASSWORD, examples=["a long walk by the river"])
    name: str = Field("login", max_length=100, description="What the key is for.")
    scope: ScopeName = "write"


class RegistrationGiven(Given):
    """A new account."""

    username: str = Field(max_length=150, examples=["alice"])
    password: str = Field(max_length=LONGEST_PASSWORD)
    email: str = Field("", max_length=254)
    timezone: str = Field(max_length=64, examples=["Europe/Berlin"])


@router.get("/account", response=AccountAndKey)
def show(request: HttpRequest) -> dict[str, Any]:
    """The account and the key that asks."""
    caller = caller_of(request)
    return {**_account(caller.user), "key": _key(caller.key)}


@router.patch("/account", response=Account)
def change(request: HttpRequest, given: AccountGiven) -> dict[str, Any]:
    """Another address, or another zone: what is planned for the account's own person follows."""
    user = operations.change_account(
        caller_of(request).user, email=given.email, timezone=given.timezone, origin=origin_of(request)
    )
    return _account(user)


@router.get("/account/keys", response=Keys)
def keys(request: HttpRequest) -> dict[str, Any]:
    """The account's keys, revoked ones too."""
    return {"items": [_key(key) for key in owned(ApiKey, caller_of(request)).order_by("-id")]}


@router.post("/account/keys", response={201: MadeKey})
def make_key(request: HttpRequest, given: KeyGiven) -> dict[str, Any]:
    """A new key, shown this one time."""
    return _made(caller_of(request).user, given.name, given.scope, given.rate, request)


@router.delete("/account/keys/{int:key_id}", response={204: None})
def revoke_key(request: HttpRequest, key_id: int) -> None:
    """Let nobody use a key any more."""
    key = owned_or_missing(ApiKey, caller_of(request), f"key {key_id}", pk=key_id)
    operations.revoke_key(key, origin=origin_of(request))


@router.post("/account/login", response={201: MadeKey}, auth=None, openapi_extra=MAY_BE_WRONG)
def log_in(request: HttpRequest, given: LoginGiven) -> dict[str, Any]:
    """A key for who knows name and password. Attempts are counted by address and by name."""
    user = operations.log_in(given.username, given.password, address=address_of(request))
    return _made(user, given.name, given.scope, None, request, make_room=True)


@router.post("/account/register", response={201: Account}, auth=None, openapi_extra=MAY_BE_CLOSED)
def register(request: HttpRequest, given: RegistrationGiven) -> dict[str, Any]:
    """A new account with its own person, where the operators allow that."""
    if not settings.PUNCTUAL_REGISTRATION_OPEN:
        raise RegistrationClosed
    operations.count_attempt(address=address_of(request))
    user = operations.register(
        given.username, given.password, email=given.email, timezone=given.timezone,
        origin=origin_as(request, given.username),
    )  # fmt: skip
    return _account(user)


def _made(
    user: User, name: str, scope: str, rate: int | None, request: HttpRequest, *, make_room: bool = False
) -> dict[str, Any]:
    fastest = settings.PUNCTUAL_API_PER_MINUTE
    key, text = operations.make_key(
        user, name=name, scope=scope, rate=rate or fastest, fastest=fastest, make_room=make_room,
        origin=origin_as(request, user.get_username()),
    )  # fmt: skip
    return {**_key(key), "key": text}


def _account(user: User) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "email": user.email,
        "timezone": operations.zone_of_account(user),
    }


def _key(key: ApiKey) -> dict[str, Any]:
    names = ("id", "name", "prefix", "scope", "created_at", "last_used_at", "revoked_at")
    return {name: getattr(key, name) for name in names} | {"rate": key.per_minute}
