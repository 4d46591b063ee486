"""The fixtures of the engines' tests: `world` is one transaction's, `real_world` is committed."""

from __future__ import annotations

import pytest

from events import clock
from tests.concurrency.conftest import together
from tests.engine.conftest import bidden_handlers, world
from tests.engine.world import World
from tests.harness.database import CommittedDatabase

__all__ = ["bidden_handlers", "together", "world"]


@pytest.fixture
def real_world(committed_db: CommittedDatabase) -> World:
    """A world at the database's present second, on committed rows."""
    return World(clock.now().replace(microsecond=0))
