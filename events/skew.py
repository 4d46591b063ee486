"""How far this process's own clock is from the database's: measured now and then, and kept for operators to see.

It decides nothing: what is due is asked of the database's clock alone.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import connection

from events import clock
from events.models import ProcessClock
from events.queries.clocks import is_wrong, skew_in_words

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 60.0
# A wrong clock is told of again when it has moved by more than this, or is right again.
NEWS = timedelta(seconds=1)

RECORD = """
INSERT INTO events_processclock (process, role, skew, measured_at)
VALUES (%s, %s, %s, clock_timestamp())
ON CONFLICT (process) DO UPDATE
SET role = EXCLUDED.role, skew = EXCLUDED.skew, measured_at = EXCLUDED.measured_at
"""


@dataclass
class _Memory:
    """What a process knows of its own measurements. `next_at` is monotonic; `told` is the skew last warned of."""

    pid: int
    next_at: float = 0.0
    told: timedelta = timedelta(0)


_memory = _Memory(os.getpid())


def this_process() -> str:
    """host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def measure(role: str, *, process: str) -> timedelta:
    """This process's clock minus the database's, which is kept under the process's name, as of now.

    `role` is worker, sweeper, beat, web or command. Raises django.db.Error while the database is away.
    """
    skew = clock.skew()
    facts: list[Any] = [process, role, skew]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, facts)
    return skew


def measure_now_and_then(role: str) -> None:
    """Measure, once a minute at most, and warn in the log of a clock that is wrong. Never raises for the database."""
    memory = _memory_of_this_process()
    if time.monotonic() < memory.next_at:
        return
    memory.next_at = time.monotonic() + SECONDS_BETWEEN
    try:
        skew = measure(role, process=this_process())
    except DatabaseError:
        # Whoever needs the database next says that it is away, and should find no dead connection.
        connection.close_if_unusable_or_obsolete()
    else:
        _tell(skew, memory)


def forget(*, before: datetime) -> int:
    """Delete what was last measured before an instant; how many processes that concerns."""
    return ProcessClock.objects.filter(measured_at__lt=before).delete()[0]


def _memory_of_this_process() -> _Memory:
    """A forked child begins anew."""
    global _memory
    if _memory.pid != os.getpid():
        _memory = _Memory(os.getpid())
    return _memory


def _tell(skew: timedelta, memory: _Memory) -> None:
    if is_wrong(skew) and abs(skew - memory.told) > NEWS:
        memory.told = skew
        logger.warning(
            "this process's clock is %s, compared with the database's: run NTP on both", skew_in_words(skew)
        )
    elif memory.told and not is_wrong(skew):
        memory.told = timedelta(0)
        logger.warning("this process's clock agrees with the database's again")
