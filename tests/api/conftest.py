"""Alice has an account and a key; Bob has one, too; Charlie must see nothing of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client

from events import clock, operations
from events.models import Scope
from events.transitions import Origin
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from pytest_django import Settings

__all__ = ["bidden_handlers"]

ROOT = "/api/v1"
PASSWORD = "everything at its time"


@dataclass
class Account:
    """An account with a key, and what it says to the API through Django's own test client."""

    user: User
    key: str

    def call(self, method: str, path: str, body: Any = None, **headers: Any) -> Any:
        """The answer; a body that is no bytes is sent as JSON. Headers are named with underscores."""
        sent = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        sent.setdefault("Authorization", f"Bearer {self.key}")
        given: dict[str, Any] = {"headers": sent}
        if body is not None:
            media_type = sent.pop("Content-Type", "application/json")
            data = body if isinstance(body, bytes) else orjson.dumps(body)
            given |= {"data": data, "content_type": media_type}
        return Client(raise_request_exception=False).generic(method, f"{ROOT}{path}", **given)

    def get(self, path: str, **headers: Any) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        """POST."""
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: Any) -> Any:
        """PUT."""
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: Any) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: Any) -> Any:
        """DELETE."""
        return self.call("DELETE", path, **headers)


def account(name: str, *, scope: str = Scope.WRITE, rate: int = 60_000) -> Account:
    """A new account with one key, which may call as often as any."""
    user = User.objects.create_user(name, password=PASSWORD)
    origin = Origin(f"user:{name}", uuid4(), clock.now())
    _, text = operations.make_key(user, name="tests", scope=scope, rate=rate, fastest=rate, origin=origin)
    return Account(user, text)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """What makes passwords safe makes tests slow."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def world(db: None) -> World:
    """A world at the database's present second."""
    return World(clock.now().replace(microsecond=0))


@pytest.fixture
def alice(db: None) -> Account:
    """She owns things."""
    return account("alice")


@pytest.fixture
def charlie(db: None) -> Account:
    """He owns nothing, and must see nothing."""
    return account("charlie")
