"""Several connections at once on committed rows, by the database's own clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from events import clock
from tests.engine.conftest import bidden_handlers
from tests.engine.world import World
from tests.harness.database import CommittedDatabase

__all__ = ["bidden_handlers"]

Together = Callable[..., list[Any]]


@pytest.fixture
def world(committed_db: CommittedDatabase) -> World:
    """A world at the database's present second."""
    return World(clock.now().replace(microsecond=0))


@pytest.fixture
def together() -> Iterator[Together]:
    """Runs functions at the same time, each in a thread with a connection of its own; their results in order."""

    def own_connection(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        yield lambda *work: list(pool.map(own_connection, work))
