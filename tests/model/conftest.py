"""A world with the model's handlers installed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from events import handling
from tests.engine.world import World
from tests.model import handlers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings


@pytest.fixture
def world(db: None, settings: Settings) -> Iterator[World]:
    """At the end of the hour that comes twice in Berlin."""
    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, *handlers.PATHS]
    handling.installed.cache_clear()
    yield World(datetime(2027, 10, 31, 0, 59, 59, tzinfo=UTC))
    handling.installed.cache_clear()
