"""What must not be lost because the database is away for a while."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, OperationalError, connection

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")

OUTAGE = (OperationalError, InterfaceError)
# Sooner than recovery looks: an answer in hand should be settled before its lease is judged.
PAUSE_SECONDS = 0.2
logger = logging.getLogger(__name__)


def persist(work: Callable[[], Value]) -> Value:
    """Do the work again until the database has taken it. Whoever waits in vain is ended by the task's time limit."""
    while True:
        try:
            return work()
        except OUTAGE as error:
            note_outage(error)
            time.sleep(PAUSE_SECONDS)


def note_outage(error: Exception) -> None:
    """Log it, and let the next query open a new connection."""
    logger.warning("the database did not take what a chunk came to: %s", str(error).strip() or type(error))
    connection.close()
