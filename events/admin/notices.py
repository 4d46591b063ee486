"""What stands above the numbers of the first page: sentences about the machine itself, each with its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

from events.queries import breakers, clocks, downtimes
from events.templatetags.show import several

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MOST_BREAKERS = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence, and where to read more. `worry`: somebody should look."""

    says: str
    link: str
    worry: bool = True


def notices(now: datetime) -> Iterator[Notice]:
    """What an operator should know first, the worst first."""
    wrong = clocks.wrong_clocks(now=now)
    if wrong:
        says = f"{clocks.in_words(wrong)} Run NTP there."
        yield Notice(says, reverse("admin:events_processclock_changelist"))
    yield from _breakers(now)
    catching_up = downtimes.waiting_in_words(downtimes.waiting(now=now), now=now)
    if catching_up:
        link = reverse("admin:events_occurrence_changelist", query={"lateness": "late"})
        yield Notice(catching_up, link)
    told = downtimes.latest(now=now)
    if told:
        link = reverse("admin:events_downtime_change", args=[told.downtime.pk])
        yield Notice(told.says, link, worry=not told.aftermath.is_over)


def _breakers(now: datetime) -> Iterator[Notice]:
    watched = breakers.not_closed()
    for each in watched[:MOST_BREAKERS]:
        link = reverse("admin:events_breaker_change", args=[each.breaker.pk])
        yield Notice(f"Breaker: {breakers.in_words(each, now=now)}.", link)
    more = len(watched) - MOST_BREAKERS
    if more > 0:
        yield Notice(
            f"{several(more, 'more breaker')} not closed.", reverse("admin:events_breaker_changelist")
        )
