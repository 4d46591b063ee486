"""Until when somebody has swept; and the record of the spans in which nobody did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

from events.models import Downtime, Watermark

if TYPE_CHECKING:
    from datetime import datetime, timedelta

# The inner query waits for a sweep that is moving the mark, and then sees where to: one gap is noticed by one sweep.
MOVE = """
UPDATE events_watermark w SET swept_until = %(now)s
FROM (SELECT id, swept_until FROM events_watermark WHERE id = %(one)s FOR UPDATE) AS before
WHERE w.id = before.id AND before.swept_until < %(now)s
RETURNING before.swept_until
"""


def mark_swept(*, now: datetime, sweeper: str, longest_gap: timedelta) -> Downtime | None:
    """Move the watermark to `now`; the downtime that a longer gap since the last sweep was, recorded once."""
    with connection.cursor() as cursor:
        cursor.execute(MOVE, {"now": now, "one": Watermark.ONE})
        moved = cursor.fetchone()
    if moved is None:  # the very first sweep, or one whose moment another has passed
        Watermark.objects.get_or_create(pk=Watermark.ONE, defaults={"swept_until": now})
        return None
    (before,) = moved
    if now - before <= longest_gap:
        return None
    return Downtime.objects.create(started_at=before, ended_at=now, noticed_by=sweeper)
