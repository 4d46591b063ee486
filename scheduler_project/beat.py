"""Beat's scheduler: django-celery-beat's, kept alive through an outage of the database.

Its own dies when the database is away while it reads its entries again.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from celery import platforms
from celery.beat import SchedulingError
from django.db import DatabaseError, InterfaceError, connection
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from kombu.common import ignore_errors

from events import skew

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


class Entry(ModelEntry):
    """What ran in the future by its row ran by a clock that was wrong: it counts as having run just now."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last_run_at: datetime = min(self.last_run_at, self._default_now())


class OutageProofScheduler(DatabaseScheduler):
    """No tick while the database is away; the next tick after its return sends what is due by then."""

    Entry = Entry
    _away = False

    def setup_schedule(self) -> None:
        """Read the entries, as soon as the database is there."""
        # Celery's own handler writes the schedule in the middle of whatever was interrupted, perhaps a query that
        # holds the connection's lock, and then waits for ever. The end of beat's loop writes it anyway.
        platforms.signals.update(SIGTERM=_leave, SIGINT=_leave)
        while not self._database_answers():
            time.sleep(RETRY_SECONDS)
        super().setup_schedule()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; the seconds until the next look."""
        if not self._database_answers():
            return RETRY_SECONDS
        try:
            skew.measure_now_and_then("beat")
            return float(super().tick(*args, **kwargs))
        except (DatabaseError, InterfaceError) as error:
            self._note_absence(error)
            return RETRY_SECONDS
        except (SystemExit, KeyboardInterrupt):
            # a signal, perhaps in the middle of a query: the last sync needs a fresh connection
            connection.close()
            raise

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Send one entry; what could not be sent is lost, and the next goes over a new connection."""
        try:
            return super().apply_async(*args, **kwargs)
        except SchedulingError:
            self.__dict__.pop("producer", None)
            broken = self.__dict__.pop("connection", None)
            if broken is not None:
                ignore_errors(broken, broken.release)
            raise

    def sync(self) -> None:
        """Write what ran when; kept for the next time if the database is away."""
        if self._database_answers():
            super().sync()

    def _database_answers(self) -> bool:
        try:
            # asks a kept connection for a sign of life, and closes a dead one
            connection.health_check_done = False  # type: ignore[attr-defined]
            connection.close_if_health_check_failed()
            connection.ensure_connection()
        except (DatabaseError, InterfaceError) as error:
            self._note_absence(error)
            return False
        if self._away:
            self._away = False
            logger.warning("the database is back: beat carries on")
        return True

    def _note_absence(self, error: Exception) -> None:
        connection.close()
        if not self._away:
            self._away = True
            reason = str(error).strip().splitlines()
            logger.warning(
                "the database is away: beat waits for it (%s)", reason[0] if reason else type(error)
            )


def _leave(*_: object) -> None:
    raise SystemExit
