"""The machine itself, to be read: what workers are at, spans in which nobody swept, and the clocks of processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse
from unfold.decorators import display

from events import clock
from events.admin.base import ReadOnlyAdmin
from events.models import ChunkStart, Downtime, ProcessClock
from events.queries import clocks, downtimes
from events.templatetags import show

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(ChunkStart)
class ChunkStartAdmin(ReadOnlyAdmin):
    """The chunks of transactional handlers that workers are at, the longest first. Their occurrences are PENDING."""

    list_display = ("started", "worker", "rows", "lease")
    list_display_links = ("started",)

    @display(description="Since, UTC")
    def started(self, row: ChunkStart) -> str:
        """When its worker took it up."""
        return show.instant(row.started_at)

    @display(description="Occurrences")
    def rows(self, row: ChunkStart) -> str:
        """How many."""
        return f"{len(row.occurrences):,}"

    @display(description="Given up, UTC")
    def lease(self, row: ChunkStart) -> str:
        """When recovery takes it for lost, unless its worker is still at it."""
        return show.instant(row.lease_expires_at)


@admin.register(Downtime)
class DowntimeAdmin(ReadOnlyAdmin):
    """Each with what became of all that came due in it."""

    list_display = ("started", "ended", "lasted", "aftermath")
    list_display_links = ("started",)
    list_per_page = 20
    ordering = ("-ended_at",)
    change_form_template = "events/machine.html"

    def told_of(self, request: HttpRequest, row: Downtime) -> dict[str, Any]:
        """The downtime in a sentence, and the way to its occurrences."""
        return {**super().told_of(request, row), "page": _page(row)}

    @display(description="From, UTC")
    def started(self, row: Downtime) -> str:
        """The last sweep before it."""
        return show.instant(row.started_at)

    @display(description="To, UTC")
    def ended(self, row: Downtime) -> str:
        """The first sweep after it."""
        return show.instant(row.ended_at)

    @display(description="Lasted")
    def lasted(self, row: Downtime) -> str:
        """How long nobody swept."""
        return show.duration(row.ended_at - row.started_at)

    @display(description="What became of what came due")
    def aftermath(self, row: Downtime) -> str:
        """Counted now."""
        return downtimes.what_became(downtimes.aftermath_of(row)).capitalize()


def _page(row: Downtime) -> dict[str, Any]:
    told = downtimes.told(row, now=clock.now())
    over, still = ("caught up", "success"), ("catching up", "warning")
    return {
        "badge": show.coloured_word(*(over if told.aftermath.is_over else still)),
        "says": told.says,
        "link": _occurrences_due(row.started_at, row.ended_at),
        "link_says": "What came due in it",
    }


def _occurrences_due(start: datetime, end: datetime) -> str:
    """The list of occurrences, narrowed by its own filter, which knows seconds."""
    bounds = {
        f"due_at_{side}_{part}": f"{moment:{pattern}}"
        for side, moment in (("from", start), ("to", end))
        for part, pattern in ((0, "%Y-%m-%d"), (1, "%H:%M:%S"))
    }
    return reverse("admin:events_occurrence_changelist", query=bounds)


@admin.register(ProcessClock)
class ProcessClockAdmin(ReadOnlyAdmin):
    """How far each process's clock is from the database's, which alone decides what is due."""

    list_display = ("process", "role", "off_by", "measured")
    ordering = ("-measured_at",)

    @display(description="Beside the database's clock")
    def off_by(self, row: ProcessClock) -> SafeString:
        """How far, and in which direction."""
        colour = "danger" if clocks.is_wrong(row.skew) else "success"
        return show.coloured_word(clocks.skew_in_words(row.skew), colour)

    @display(description="Measured, UTC", ordering="measured_at")
    def measured(self, row: ProcessClock) -> str:
        """When, by the database's clock."""
        return show.instant(row.measured_at)
