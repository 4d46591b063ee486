"""A world whose time stands at a nasty hour until the test moves it."""

from datetime import UTC, datetime

import pytest

from tests.engine.world import World


@pytest.fixture
def world(db: None) -> World:
    """Just before midnight UTC on the last day of a February without a 29th."""
    return World(datetime(2027, 2, 28, 23, 59, 30, tzinfo=UTC))
