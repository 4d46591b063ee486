"""How fast a backlog is claimed, by all sweeps together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from events.models import Watermark

if TYPE_CHECKING:
    from datetime import datetime

# What was not used up is saved for so long at most.
BURST = timedelta(seconds=1)


@transaction.atomic
def take_allowance(most: int, *, per_second: int, now: datetime) -> int:
    """How many late rows may be claimed now, at most `most`; whoever claims fewer gives the rest back.

    Source: the generic cell rate algorithm (ITU-T I.371), with a burst of one second.
    """
    mark, _ = Watermark.objects.select_for_update().get_or_create(
        pk=Watermark.ONE, defaults={"swept_until": now}
    )
    begin = max(mark.catch_up_at, now - BURST)
    allowed = min(most, int((now - begin) / timedelta(seconds=1) * per_second))
    if allowed <= 0:
        return 0
    Watermark.objects.filter(pk=Watermark.ONE).update(catch_up_at=begin + _time_of(allowed, per_second))
    return allowed


def give_allowance_back(unused: int, *, per_second: int) -> None:
    """Let others claim what this one did not."""
    if unused > 0:
        Watermark.objects.filter(pk=Watermark.ONE).update(
            catch_up_at=F("catch_up_at") - _time_of(unused, per_second)
        )


def _time_of(rows: int, per_second: int) -> timedelta:
    return timedelta(seconds=rows / per_second)
