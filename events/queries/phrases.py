"""What a phrase would fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.timing import Policies, closes_at, next_firings, zone

if TYPE_CHECKING:
    from datetime import datetime

    from events.phrases import Phrase
    from events.timing import Firing


def firings_of_phrase(phrase: Phrase, *, now: datetime, limit: int) -> list[dict[str, Any]]:
    """Return the next firings from `now` on; of random moments, when their windows open and close."""
    found = next_firings(phrase.recurrence, zone(phrase.timezone), Policies(), after=now, limit=limit)
    return [_told(phrase, one) for one in found]


def _told(phrase: Phrase, one: Firing) -> dict[str, Any]:
    tz, hidden = zone(phrase.timezone), phrase.window is not None
    return {
        "slot": one.slot.isoformat(),
        "due_at": None if hidden else one.due_at,
        "local": None if hidden else one.due_at.astimezone(tz),
        "timezone": phrase.timezone,
        "hidden": hidden,
        "opens": one.due_at if hidden else None,
        "closes": closes_at(one, phrase.window, phrase.recurrence, tz) if phrase.window else None,
        "note": one.note,
    }
