"""Alice owns, Charlie may look and nothing else; and a world at the database's present, which pages read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from events import clock
from events.handling import Reject
from events.models import Occurrence
from tests.engine import handlers
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World

__all__ = ["bidden_handlers"]


@pytest.fixture
def world(db: None) -> World:
    """A world at the database's present second."""
    return World(clock.now().replace(microsecond=0))


@pytest.fixture
def alice(db: None) -> Client:
    """The owner, logged in."""
    return logged_in(User.objects.create_superuser("alice"))


@pytest.fixture
def charlie(db: None) -> Client:
    """Staff who may see everything and change nothing, logged in."""
    user = User.objects.create_user("charlie", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return logged_in(user)


@pytest.fixture
def scheduled(world: World) -> Occurrence:
    """It waits for tomorrow."""
    return world.due(name="Tomorrow", start_date=(world.now + timedelta(days=1)).date())[0]


@pytest.fixture
def dead_letter(world: World) -> Occurrence:
    """Its handler said that it can never succeed."""
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    occurrence = world.due(name="Doomed", handler="idempotent")[0]
    world.tick()
    return Occurrence.objects.get(pk=occurrence.pk, state="FAILED")


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def messages_of(page: object) -> list[str]:
    """What the page tells its reader, above all else."""
    return [str(message) for message in page.context["messages"]]  # type: ignore[attr-defined]
