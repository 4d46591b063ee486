"""Whose clock is how far from the database's, as the processes themselves have measured it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from events.models import ProcessClock
from events.queries.words import length_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

# Timeouts and logs suffer from more. What is due is decided by the database's clock, whatever the others say.
LARGEST_SKEW = timedelta(seconds=1)
# Who works measures every minute; who has not for this long has ended, or has nothing to do.
LATELY = timedelta(minutes=10)


def measured_lately(*, now: datetime) -> QuerySet[ProcessClock]:
    """The clocks of the processes that are at work."""
    return ProcessClock.objects.filter(measured_at__gte=now - LATELY)


def wrong_clocks(*, now: datetime) -> list[ProcessClock]:
    """Those of them that are off by more than LARGEST_SKEW, the worst first."""
    wrong = [clock for clock in measured_lately(now=now) if is_wrong(clock.skew)]
    return sorted(wrong, key=lambda clock: abs(clock.skew), reverse=True)


def is_wrong(skew: timedelta) -> bool:
    """Whether a clock is further from the database's than it may be."""
    return abs(skew) > LARGEST_SKEW


def skew_in_words(skew: timedelta) -> str:
    """How far, and in which direction; "in step" below a millisecond."""
    if abs(skew) < timedelta(milliseconds=1):
        return "in step"
    return f"{length_in_words(abs(skew))} {'ahead' if skew > timedelta(0) else 'behind'}"


def in_words(wrong: Sequence[ProcessClock]) -> str:
    """Whose clock is wrong, each by how much."""
    told = ", ".join(f"{clock} is {skew_in_words(clock.skew)}" for clock in wrong)
    return f"Wrong clocks, compared with the database's: {told}."
