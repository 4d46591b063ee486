"""What operators do to circuit breakers, beside what the calls themselves do. Each act is told in the log, by whom."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from events import breakers, handling
from events.breakers import Destination
from events.errors import PunctualError
from events.handling.port import LONGEST_DESTINATION
from events.models import Breaker, BreakerState

if TYPE_CHECKING:
    from events.transitions import Origin

logger = logging.getLogger(__name__)

LONGEST_OPEN = timedelta(days=7)


class NothingToClose(PunctualError):
    """The breaker of {destination} for the handler {handler} is closed: its calls are made. {others}"""


class InvalidDestination(PunctualError):
    """A destination has 1 to {longest} characters, as its handler names it, such as example.com:443."""


class NotSoLong(PunctualError):
    """A breaker is opened by hand for a time ahead, and {longest} at most: what it holds back waits so long."""


def close_breaker(handler: str, destination: str, *, why: str, origin: Origin) -> None:
    """Have calls made again at once; the next sweep releases what it held. Raises NothingToClose."""
    if not breakers.close(Destination(handler, destination), now=origin.now):
        raise NothingToClose(handler=handler, destination=destination, others=_others())
    logger.warning("breaker of %s to %s closed by %s: %s", handler, destination, origin.actor, why)


def open_breaker(handler: str, destination: str, *, until: datetime, why: str, origin: Origin) -> None:
    """Have no call made, and no probe, before an instant. Raises UnknownHandler, InvalidDestination or NotSoLong."""
    handling.get(handler)
    if not 0 < len(destination) <= LONGEST_DESTINATION:
        raise InvalidDestination(longest=LONGEST_DESTINATION)
    if not origin.now < until <= origin.now + LONGEST_OPEN:
        raise NotSoLong(longest=f"{LONGEST_OPEN.days} days")
    told = f"opened by {origin.actor}: {why}"
    breakers.force_open(Destination(handler, destination), until=until, why=told, now=origin.now)
    logger.warning("breaker of %s to %s %s", handler, destination, told)


def _others() -> str:
    rows = Breaker.objects.exclude(state=BreakerState.CLOSED)[:3]
    return f"Not closed: {', '.join(str(row) for row in rows)}." if rows else "All are closed."
