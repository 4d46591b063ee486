"""Who asks: the account behind a key, and what the key allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from ninja.security import HttpBearer

from events import clock, operations, queries
from events.api.problems import ApiError, Missing
from events.models import ApiKey, Scope
from events.transitions import Origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest

Row = TypeVar("Row", bound=models.Model)
View = TypeVar("View", bound="Callable[..., Any]")
READING = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, the key with which it asks, and the account's id: what it has carries that as `owner`."""

    user: User
    key: ApiKey
    owner_id: int


class ReadOnly(ApiError):
    """This key may only read. Use one with the scope write."""

    slug = "forbidden"


class Bearer(HttpBearer):
    """Authorization: Bearer pk_…"""

    def __call__(self, request: HttpRequest) -> Caller | None:
        """The caller, or None. What was sent is told to no log."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.authenticate(request, token.strip()) if scheme.lower() == "bearer" else None

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """The caller, or None where nobody has the key. Raises TooManyCalls."""
        known: Caller | None = getattr(request, "caller", None)
        if known is not None:
            return known
        key = operations.use_key(token)
        if key is None:
            return None
        caller = Caller(key.owner, key, key.owner_id)
        request.caller = caller  # type: ignore[attr-defined]
        return caller


def only_reads(view: View) -> View:
    """For an operation that writes nothing, though it is a POST."""
    view.only_reads = True  # type: ignore[attr-defined]
    return view


def reads(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Whether the call writes nothing."""
    return request.method in READING or getattr(view, "only_reads", False)


def check_scope(request: HttpRequest, view: Callable[..., Any], caller: Caller) -> None:
    """Raise ReadOnly where the caller's key does not allow the call. Whoever has a key may end it, at least."""
    ends_itself = request.method == "DELETE" and request.path_info.endswith(f"/account/keys/{caller.key.pk}")
    if caller.key.scope != Scope.WRITE and not reads(request, view) and not ends_itself:
        raise ReadOnly


def caller_of(request: HttpRequest) -> Caller:
    """Who asks; only for operations that need a key."""
    caller: Caller = request.caller  # type: ignore[attr-defined]
    return caller


def origin_of(request: HttpRequest) -> Origin:
    """The account as the actor of one decision, at the database's present instant; its correlation is the request."""
    return origin_as(request, caller_of(request).user.get_username())


def origin_as(request: HttpRequest, username: str) -> Origin:
    """The same where no key was needed."""
    return Origin(f"user:{username}", UUID(request.META["HTTP_X_REQUEST_ID"]), clock.now())


def owned(model: type[Row], caller: Caller) -> QuerySet[Row]:
    """The rows of a model that belong to the caller's account."""
    return queries.owned(model, caller.owner_id)


def owned_or_missing(model: type[Row], caller: Caller, what: str, **names: Any) -> Row:
    """The caller's row of these names; `what` names it for the sentence. Raises Missing."""
    row = queries.owned_one(model, caller.owner_id, **names)
    if row is None:
        raise Missing(what)
    return row
