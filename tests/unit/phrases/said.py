"""Where and when the phrases of these tests are said."""

from __future__ import annotations

from datetime import UTC, datetime

from events.phrases import Phrase, read_phrase
from events.timing import Policies, next_firings, zone

# 09:50 in Berlin, a Sunday.
SUNDAY = datetime(2026, 11, 22, 8, 50, tzinfo=UTC)


def said(text: str, *, now: datetime = SUNDAY, timezone: str = "Europe/Berlin") -> Phrase:
    """What the phrase means."""
    return read_phrase(text, now=now, timezone=timezone)


def slots(phrase: Phrase, many: int, *, now: datetime = SUNDAY) -> list[str]:
    """The first slots, as local wall time."""
    found = next_firings(phrase.recurrence, zone(phrase.timezone), Policies(), after=now, limit=many)
    return [one.slot.isoformat(" ").removesuffix(":00") for one in found]


def due(phrase: Phrase, now: datetime = SUNDAY) -> str:
    """The first instant, in UTC."""
    first = phrase.first(now)
    return first.due_at.isoformat(" ").removesuffix("+00:00").removesuffix(":00") if first else "never"
