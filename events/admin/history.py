"""What happened, to be read: attempts, the log of transitions, and sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Func, IntegerField, Q
from django.utils.safestring import SafeString
from unfold.decorators import display

from events import queries
from events.admin.base import ExactSearchAdmin, ReadOnlyAdmin
from events.admin.filters import OutcomeFilter, RangeFilter, ReasonFilter
from events.models import Attempt, Sweep, Transition
from events.models.history import BLOCK
from events.templatetags import show

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class HistoryAdmin(ExactSearchAdmin):
    """Searched by what has an index: an occurrence's number, or a task's id."""

    list_select_related = ("occurrence__rule", "occurrence__entity")
    search_fields = ("occurrence",)

    def exactly(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Those of that occurrence, or that task."""
        if term.isascii() and term.isdigit() and len(term) < 19:
            return self.by_occurrence(queryset, int(term))
        return self.by_text(queryset, term)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the number of those that stand together; which ones is read on their page alone."""
        many = Func("occurrences", function="cardinality", output_field=IntegerField())
        rows: QuerySet[Any] = super().get_queryset(request).annotate(many=many)
        return rows.defer("occurrences")

    def by_occurrence(self, queryset: QuerySet[Any], number: int) -> QuerySet[Any]:
        """What concerns the occurrence of that number, alone and together with others."""
        together = Q(blocks__contains=[number // BLOCK], occurrences__contains=[number])
        return queryset.filter(Q(occurrence=number) | together)

    def by_text(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:  # noqa: ARG002 - for subclasses
        """What a text finds: nothing, unless there is an index."""
        return queryset.none()

    @display(description="Occurrence")
    def who(self, row: Any) -> str | SafeString:
        """To its page; of many, how many they are."""
        if row.many is not None:
            return f"{row.many:,} together"
        return show.link_to(row.occurrence) if row.occurrence else f"{row.occurrence_id}, deleted"


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    """Every try, the latest first: those that ended together stand in one line."""

    list_display = ("started", "who", "number", "outcome_badge", "took", "worker", "task_link")
    list_filter = (OutcomeFilter, ("started_at", RangeFilter))
    search_help_text = "An occurrence's number, or a task's id."
    ordering = ("-id",)

    def by_text(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        """A task's id."""
        return queryset.filter(task_id=term)

    @display(description="Started, UTC")
    def started(self, row: Attempt) -> str:
        """When."""
        return show.instant(row.started_at)

    @display(description="Outcome")
    def outcome_badge(self, row: Attempt) -> SafeString:
        """What came of it."""
        return show.outcome(row.outcome)

    @display(description="Took")
    def took(self, row: Attempt) -> str:
        """How long it ran."""
        return show.duration(row.finished_at - row.started_at if row.finished_at else None)

    @display(description="Task")
    def task_link(self, row: Attempt) -> SafeString:
        """To its chunk's result."""
        return show.task_link(row.task_id)


@admin.register(Transition)
class TransitionAdmin(HistoryAdmin):
    """The log, the latest first: what moved together stands in one line."""

    list_display = ("at_utc", "who", "move", "why", "actor", "attempt")
    list_filter = (ReasonFilter,)
    search_help_text = "An occurrence's number."
    ordering = ("-id",)

    @display(description="At, UTC")
    def at_utc(self, row: Transition) -> str:
        """By the database's clock."""
        return show.instant(row.at)

    @display(description="Move")
    def move(self, row: Transition) -> SafeString:
        """From where to where."""
        return show.move(row.from_state, row.to_state)

    @display(description="Why")
    def why(self, row: Transition) -> str:
        """The reason, in words."""
        return queries.reason_in_words(row.reason)


@admin.register(Sweep)
class SweepAdmin(ReadOnlyAdmin):
    """Proof that somebody looked."""

    list_display = ("started", "seen", "sweeper", "passes", "claimed", "recovered")
    ordering = ("-seen_at",)

    @display(description="Started, UTC")
    def started(self, row: Sweep) -> str:
        """When it took its tick."""
        return show.instant(row.started_at)

    @display(description="Last seen, UTC")
    def seen(self, row: Sweep) -> str:
        """The end of its latest pass."""
        return show.instant(row.seen_at)
