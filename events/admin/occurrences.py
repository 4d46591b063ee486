"""Occurrences: what is due, what became of it, and what operators may do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import DateTimeField, Q, Value
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.decorators import display

from events import clock, queries
from events.admin import base
from events.admin.acting import ActingAdmin, Verb
from events.admin.base import PunctualChangeList, ReadOnlyAdmin, plan_of
from events.admin.filters import HoldFilter, LatenessFilter, RangeFilter, StateFilter, WhyFilter, ZoneFilter
from events.admin.occurrence_verbs import FIRE_NOW, MOVABLE, VERBS
from events.models import Entity, Occurrence
from events.templatetags import show
from events.timing import zone

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


class OccurrenceChangeList(PunctualChangeList):
    """By the due moment, where sorting the found rows is cheap; elsewhere the latest written first."""

    by_number = False

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Occurrence]:
        """The rows in order; an order that the user chose stands."""
        rows: QuerySet[Occurrence] = super().get_queryset(request, *args, **kwargs)
        self.by_number = (
            ORDER_VAR not in self.params and plan_of(rows[: self.list_per_page])["Total Cost"] > base.CHEAP
        )
        return rows.order_by("-id") if self.by_number else rows

    def get_ordering_field_columns(self) -> dict[int, Literal["desc", "asc"]]:
        """No column is marked as sorted where the rows are in the order in which they were written."""
        return {} if self.by_number else super().get_ordering_field_columns()


@admin.register(Occurrence)
class OccurrenceAdmin(ActingAdmin, ReadOnlyAdmin):
    """Every due moment, the newest first."""

    verbs = VERBS
    changelist = OccurrenceChangeList
    # All that a filter finds may be chosen, as far as a verb takes so many.
    list_disable_select_all = False
    list_display = (
        "state_badge", "rule_link", "entity_link", "local", "due", "lateness", "attempt", "note_or_hold",
    )  # fmt: skip
    list_display_links = ("state_badge",)
    list_select_related = ("rule", "entity")
    ordering = ("-due_at", "-id")
    list_filter = (
        StateFilter,
        ("rule", AutocompleteSelectFilter),
        ZoneFilter,
        LatenessFilter,
        HoldFilter,
        WhyFilter,
        ("due_at", RangeFilter),
    )
    search_fields = ("id",)
    search_help_text = (
        "A number, an idempotency key, or an entity's external id or the beginning of its name."
    )
    change_form_template = "events/occurrence.html"
    hidden = ("rule", "entity", "slot", "note", "due_at", "state", "hold", "payload")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Occurrence]:
        """The rows, each knowing the instant at which it was read."""
        rows: QuerySet[Occurrence] = super().get_queryset(request)
        return rows.annotate(read_at=Value(clock.now(), DateTimeField()))

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        queryset: QuerySet[Occurrence],
        search_term: str,
    ) -> tuple[QuerySet[Occurrence], bool]:
        """By what has an index; never by a pattern over millions of rows."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if term.isascii() and term.isdigit() and len(term) < 19:
            return queryset.filter(Q(pk=int(term)) | Q(entity__in=_entities(term))), False
        try:
            return queryset.filter(idempotency_key=UUID(term)), False
        except ValueError:
            return queryset.filter(entity__in=_entities(term)), False

    def is_possible(self, verb: Verb, row: Occurrence) -> bool:
        """Whether the verb may move a row in that state."""
        return row.state in MOVABLE[verb.key] and not (verb is FIRE_NOW and row.hold)

    def told_of(self, request: HttpRequest, row: Occurrence) -> dict[str, Any]:
        """The occurrence and its story."""
        return {**super().told_of(request, row), "page": self._page(request, row)}

    def _page(self, request: HttpRequest, row: Occurrence) -> dict[str, Any]:
        now = clock.now()
        return {
            "row": row,
            "badge": show.badge(row.state),
            "means": queries.state_in_words(row.state),
            "hold": queries.hold_in_words(row),
            "local": row.due_at.astimezone(zone(row.timezone)),
            "delay": show.duration(queries.delay_of(row, now=now)),
            "lateness": queries.lateness_of(row, now=now),
            "story": queries.story(row),
            "told": queries.payload_of(row),
            "verbs": self.verbs_for(request, row),
        }

    @display(description="State", ordering="state")
    def state_badge(self, row: Occurrence) -> SafeString:
        """The state, in its colour."""
        return show.badge(row.state)

    @display(description="Rule")
    def rule_link(self, row: Occurrence) -> SafeString:
        """To the rule."""
        return show.link_to(row.rule)

    @display(description="For")
    def entity_link(self, row: Occurrence) -> SafeString:
        """To the entity."""
        return show.link_to(row.entity)

    @display(description="Slot, local")
    def local(self, row: Occurrence) -> SafeString:
        """The nominal wall time, and where."""
        return show.two_lines(f"{row.slot:%Y-%m-%d %H:%M:%S}", row.timezone)

    @display(description="Due, UTC", ordering="due_at")
    def due(self, row: Occurrence) -> str:
        """The promised instant."""
        return show.instant(row.due_at)

    @display(description="Lateness")
    def lateness(self, row: Any) -> SafeString:
        """How long after the promised instant it started, or has been waiting."""
        bucket = queries.lateness_of(row, now=row.read_at)
        if bucket is None:
            return show.NOTHING
        if bucket is queries.Lateness.AHEAD:
            return show.quiet(f"in {show.duration(row.due_at - row.read_at)}")
        return show.coloured(show.duration(queries.delay_of(row, now=row.read_at)), bucket)

    @display(description="Note")
    def note_or_hold(self, row: Occurrence) -> str:
        """What holds it, or which policy touched its slot."""
        return queries.hold_in_words(row) or row.note


def _entities(term: str) -> QuerySet[Entity, Any]:
    return Entity.objects.filter(Q(external_id=term) | Q(name__istartswith=term)).values("pk")
