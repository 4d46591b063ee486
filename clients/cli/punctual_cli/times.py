"""Instants, as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY = "%a %d %b %Y"


def read_instant(text: str) -> datetime:
    """Return the instant of an ISO text of the API, aware."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """Return "Mon 23 Nov 2026 09:00", the wall time in the zone; seconds only where there are some."""
    local = instant.astimezone(zone)
    return f"{local:{DAY}} {_clock(local)}"


def moment_and_zone(instant: datetime, zone: ZoneInfo) -> str:
    """Return "Mon 23 Nov 2026 09:00 Europe/Berlin (08:00 UTC)"; the UTC day is said where it is another."""
    local, utc = instant.astimezone(zone), instant.astimezone(UTC)
    said = f"{moment(instant, zone)} {zone.key}"
    if zone.key == "UTC":
        return said
    day = "" if local.date() == utc.date() else f"{utc:%a %d %b} "
    return f"{said} ({day}{_clock(utc)} UTC)"


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
