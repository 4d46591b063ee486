"""What the tests of the calendar share: times as text, in and out."""

from datetime import UTC, datetime

from events.timing import Policies, Recurrence, next_firings, zone

NEW_YORK = "America/New_York"
WEEKEND = frozenset({5, 6})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return at(text).replace(tzinfo=UTC)


def due(
    recurrence: Recurrence,
    limit: int = 10,
    *,
    name: str = "UTC",
    after: str = "1900-01-01",
    policies: Policies | None = None,
) -> list[str]:
    """The first firings at or after an instant, as text in UTC."""
    found = next_firings(recurrence, zone(name), policies or Policies(), after=utc(after), limit=limit)
    return [f"{one.due_at:%Y-%m-%d %H:%M:%S}".removesuffix(":00").removesuffix(" 00:00") for one in found]
