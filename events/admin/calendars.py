"""Calendars: the closed days that rules keep free; with the days of the next twelve months beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.decorators import display

from events import clock, operations, queries
from events.admin.base import PunctualAdmin, origin_of
from events.admin.calendar_form import CalendarForm, closed, preview
from events.models import Calendar, Rule, RuleState
from events.templatetags import show

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

MOST_RULES_SHOWN = 20


@admin.register(Calendar)
class CalendarAdmin(PunctualAdmin):
    """Named sets of closed days."""

    form = CalendarForm
    list_display = ("name", "closed_days", "used_by")
    ordering = ("name",)
    search_fields = ("name",)
    change_form_template = "events/calendar.html"
    compressed_fields = False
    fieldsets = (
        (None, {"fields": ("name",)}),
        ("Closed in every week", {"fields": ("closed_weekdays",)}),
        ("Public holidays", {"fields": (("country", "subdivision"),)}),
        ("Days of its own", {"fields": ("ics", "ics_file")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Calendar]:
        """The rows, each with the number of rules that are alive and keep it free."""
        rows: QuerySet[Calendar] = super().get_queryset(request)
        return rows.annotate(rules=Count("rule", filter=~Q(rule__state=RuleState.RETIRED)))

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the preview of a calendar that is being written."""
        view = self.admin_site.admin_view(self.preview_view)
        return [
            path("preview/", view, name="events_calendar_preview_new"),
            path("<int:calendar_id>/preview/", view, name="events_calendar_preview"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:  # noqa: ARG002 - Django's signature
        """None: calendars are deleted one by one, where no rule names them."""
        return {}

    def save_model(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> None:  # noqa: FBT001
        """Create or change it, with the rows of its rules."""
        origin = origin_of(request)
        if not change:
            operations.create_calendar(obj, origin=origin)
            return
        version, horizon = form.cleaned_data["version"], settings.PUNCTUAL_HORIZON
        moved = operations.change_calendar(obj, horizon=horizon, origin=origin, expected_version=version)
        if moved:
            messages.info(request, f"{show.several(moved, 'occurrence')} of its rules followed.")

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Django's, or a sentence where a rule names it."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_delete_permission(request, row):
            return super().delete_view(request, object_id, extra_context)
        try:
            operations.check_unused(row)
            return super().delete_view(request, object_id, extra_context)
        except operations.CalendarInUse as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(reverse("admin:events_calendar_change", args=[row.pk]))

    def delete_model(self, request: HttpRequest, obj: Calendar) -> None:  # noqa: ARG002 - Django's signature
        """Delete it; raises CalendarInUse."""
        operations.delete_calendar(obj)

    def preview_view(self, request: HttpRequest, calendar_id: int | None = None) -> HttpResponse:
        """A fragment: what the form's present values would close, or what is wrong with them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = Calendar.objects.filter(pk=calendar_id or 0).first()
        form = CalendarForm(request.POST, request.FILES, instance=row)
        return TemplateResponse(request, "events/closed_days.html", preview(form, now=clock.now()))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with the closed days beside it and its rules above."""
        row: Calendar | None = kwargs.get("obj")
        if row:
            kept = Calendar.objects.get(pk=row.pk)  # the form has written into the row what is not saved
            rules = Rule.objects.filter(calendar=kept).order_by("name")
            history = reverse("admin:events_calendar_history", args=[kept.pk])
            context |= {
                "page": {
                    "row": kept,
                    "rules": rules[:MOST_RULES_SHOWN],
                    "unshown": max(rules.count() - MOST_RULES_SHOWN, 0),
                    "history": history,
                },
                **closed(kept, now=clock.now()),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Closed")
    def closed_days(self, row: Calendar) -> str:
        """What is closed, in words."""
        return queries.closed_in_words(row)

    @display(description="Used by", ordering="rules")
    def used_by(self, row: Any) -> str | SafeString:
        """By how many rules that are alive."""
        return show.several(row.rules, "rule") if row.rules else show.quiet("no rule")
