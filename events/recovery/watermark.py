"""Until when somebody has swept; and the record of the spans in which nobody did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from events.models import Downtime, Watermark

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@transaction.atomic
def mark_swept(*, now: datetime, sweeper: str, longest_gap: timedelta) -> Downtime | None:
    """Move the watermark to `now`; the downtime that a longer gap since the last sweep was, recorded once."""
    mark, is_first = Watermark.objects.select_for_update().get_or_create(
        pk=Watermark.ONE, defaults={"swept_until": now}
    )
    before = mark.swept_until
    if is_first or now <= before:
        return None
    Watermark.objects.filter(pk=Watermark.ONE).update(swept_until=now)
    if now - before <= longest_gap:
        return None
    return Downtime.objects.create(started_at=before, ended_at=now, noticed_by=sweeper)
