"""A world whose time stands at a nasty hour until the test moves it, and handlers that do as they are bidden."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from events import handling
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings


@pytest.fixture
def world(db: None) -> World:
    """Just before midnight UTC on the last day of a February without a 29th."""
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))


@pytest.fixture(autouse=True)
def bidden_handlers(settings: Settings) -> Iterator[None]:
    """The test handlers, installed beside ours, without a memory of other tests."""
    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, *handlers.PATHS]
    handling.installed.cache_clear()
    yield
    handling.installed.cache_clear()
    handlers.forget()
