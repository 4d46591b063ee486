"""What was dropped on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from events.models import Retention

if TYPE_CHECKING:
    from datetime import datetime


def rows_begin() -> datetime | None:
    """The instant before which rows that had ended were dropped; None if none ever were."""
    latest: datetime | None = Retention.objects.filter(what=Retention.What.ROWS).aggregate(
        latest=Max("before")
    )["latest"]
    return latest
