"""Rules: when, for whom, and what; with the next firings beside them, as they are and as they are being edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.decorators import display

from events import clock, operations, queries
from events.admin.acting import ActingAdmin, Deed, Verb
from events.admin.base import PunctualAdmin, origin_of
from events.admin.rule_form import RuleForm
from events.admin.rule_preview import coming_of_kept, preview
from events.models import GIVEN_ROLES, Rule, RuleState
from events.templatetags import show
from events.timing import canonical_zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString

    from events.transitions import Origin


def _pause(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:  # noqa: ARG001
    rules = Rule.objects.filter(pk__in=ids)
    paused = [rule for rule in rules if operations.pause_rule(rule, origin=origin)]
    return _said(ids, paused, "paused: nothing of it starts until it is resumed")


def _resume(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:  # noqa: ARG001
    rules = Rule.objects.filter(pk__in=ids)
    released = {rule: operations.resume_rule(rule, origin=origin) for rule in rules}
    resumed = [rule for rule, rows in released.items() if rows is not None]
    held = sum(rows or 0 for rows in released.values())
    return _said(ids, resumed, f"resumed; {show.several(held, 'held occurrence')} released")


def _retire(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
    rules = list(Rule.objects.filter(pk__in=ids).exclude(state=RuleState.RETIRED))
    cancelled = sum(operations.retire_rule(rule, why=values["why"], origin=origin) for rule in rules)
    return _said(ids, rules, f"retired; {show.several(cancelled, 'occurrence')} cancelled, the history stays")


def _said(ids: Sequence[int], moved: Sequence[Rule], what: str) -> Deed:
    stayed = len(ids) - len(moved)
    said = [f"{show.several(len(moved), 'rule')} {what}."] if moved else []
    left = [f"{show.several(stayed, 'rule')} stayed as before: not in a state for that."] if stayed else []
    return Deed([rule.pk for rule in moved], said + left)


PAUSE = Verb("pause", "Pause", "Nothing of it starts until it is resumed; what comes due is held.", _pause)
RESUME = Verb("resume", "Resume", "Starts again, and what was held is released.", _resume)
RETIRE = Verb(
    "retire",
    "Retire",
    "Ends for good: what was not sent is cancelled, the history stays.",
    _retire,
    is_grave=True,
)
FROM = {
    PAUSE.key: {RuleState.ACTIVE},
    RESUME.key: {RuleState.PAUSED},
    RETIRE.key: {RuleState.ACTIVE, RuleState.PAUSED},
}


# What most rules leave as it is: closed, unless the rule has something there.
RARE = ("collapse",)
SECTIONS: tuple[Any, ...] = (
    (None, {"fields": ("name",)}),
    (
        "When",
        {
            "description": "The first day and the time of day; without a repetition it fires once. With an anchor it "
            "starts from a date of each one's own, such as the birthday.",
            "fields": ("phrase", ("start_date", "local_time"), ("anchor", "anchor_offset_days")),
        },
    ),
    (
        "Repeated",
        {
            "description": "In one of these three ways, or in none.",
            "fields": ("rrule", "cron", ("every", "every_from")),
        },
    ),
    ("Pasted from a calendar program", {"classes": RARE, "fields": ("ical",)}),
    ("Single dates put in and left out", {"classes": RARE, "fields": (("rdates", "exdates"),)}),
    ("Closed days", {"classes": RARE, "fields": (("calendar", "roll"),)}),
    ("At random", {"classes": RARE, "fields": (("window", "draws", "spacing"),)}),
    ("Zone", {"fields": ("timezone",)}),
    (
        "Where the clock or the calendar is odd, or somebody moves",
        {"classes": RARE, "fields": (("gap", "fold"), ("leap", "on_move"))},
    ),
    ("For whom", {"fields": ("entity", ("audience_kind", "audience_filter"))}),
    ("What", {"fields": ("handler", "payload", "snapshot")}),
    (
        "When it fails",
        {"fields": (("max_attempts", "backoff_base", "backoff_cap"), "when_unknown", "at_most_once")},
    ),
    ("When it comes late", {"fields": (("grace", "expires_after"), ("catch_up", "overlap"))}),
)


@admin.register(Rule)
class RuleAdmin(ActingAdmin, PunctualAdmin):
    """What should happen when."""

    form = RuleForm
    verbs = (PAUSE, RESUME, RETIRE)
    list_display = ("name", "state_badge", "whom", "when", "handler", "next_time")
    list_filter = (("state", ChoicesCheckboxFilter), ("role", ChoicesCheckboxFilter))
    list_select_related = ("entity", "calendar")
    list_per_page = 25
    ordering = ("name",)
    search_fields = ("name",)
    autocomplete_fields = ("entity",)
    change_form_template = "events/rule.html"
    compressed_fields = False
    fieldsets = SECTIONS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rule]:
        """The rows, each with the earliest of its planned occurrences."""
        rows: QuerySet[Rule] = super().get_queryset(request)
        return rows.annotate(next_at=queries.next_at("rule"))

    def get_urls(self) -> list[URLPattern]:
        """Django's, and the preview of a rule that is being written."""
        view = self.admin_site.admin_view(self.preview_view)
        return [
            path("preview/", view, name="events_rule_preview_new"),
            path("<int:rule_id>/preview/", view, name="events_rule_preview"),
            *super().get_urls(),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:
        """The sections; of those that are closed, the ones that the rule makes use of are open."""
        return [
            (name, {**section, "classes": ()} if obj and _is_used(obj, section) else section)
            for name, section in super().get_fieldsets(request, obj)
        ]

    def has_change_permission(self, request: HttpRequest, obj: Rule | None = None) -> bool:
        """A retired rule is history, and one of triggers or groups has no recurrence to edit: to be read."""
        fixed = obj is not None and (obj.state == RuleState.RETIRED or obj.role in GIVEN_ROLES)
        return not fixed and super().has_change_permission(request, obj)

    def is_possible(self, verb: Verb, row: Rule) -> bool:
        """Whether the verb fits the rule's state."""
        return row.state in FROM[verb.key]

    def log_act(self, request: HttpRequest, verb: Verb, ids: Sequence[int], why: str) -> None:
        """In Django's own log of changes."""
        for rule in Rule.objects.filter(pk__in=ids):
            self.log_change(request, rule, f"{verb.label}: {why}")

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:  # noqa: FBT001
        """Create or change it, with its rows."""
        told: dict[str, Any] = {"horizon": settings.PUNCTUAL_HORIZON, "origin": origin_of(request)}
        if change:
            operations.change_rule(obj, expected_version=form.cleaned_data["version"], **told)
        else:
            operations.create_rule(obj, **told)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Rules are retired: the page that asks for the reason."""
        return HttpResponseRedirect(f"{self._address(RETIRE)}?ids={object_id}")

    def preview_view(self, request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
        """A fragment: what the form's present values would fire, or why nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = RuleForm(request.POST, instance=Rule.objects.filter(pk=rule_id or 0).first())
        return TemplateResponse(request, "events/firings.html", preview(form, now=clock.now()))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with the next firings beside it."""
        row: Rule | None = kwargs.get("obj")
        context |= {"zones": canonical_zones(), "show_delete": False}
        if row:
            context |= {"page": {"badge": show.badge(row.state), "verbs": self.verbs_for(request, row)}}
            if row.state != RuleState.RETIRED:
                context |= coming_of_kept(Rule.objects.get(pk=row.pk), now=clock.now())
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="State", ordering="state")
    def state_badge(self, row: Rule) -> SafeString:
        """The state, in its colour."""
        return show.badge(row.state)

    @display(description="For")
    def whom(self, row: Rule) -> str:
        """Its entity or audience."""
        return queries.whom_in_words(row)

    @display(description="When")
    def when(self, row: Rule) -> str:
        """Its time, in words."""
        return queries.when_in_brief(row)

    @display(description="Next, UTC")
    def next_time(self, row: Any) -> str | SafeString:
        """When the next of its planned occurrences fires."""
        if row.next_at or row.state == RuleState.RETIRED or not row.planned_until:
            return show.instant(row.next_at)
        return show.quiet(f"after {row.planned_until:%Y-%m-%d}")


def _is_used(rule: Rule, section: Any) -> bool:
    """Whether a column of the section is not as it is in a new rule."""
    names = flatten(section["fields"])
    columns = [field for field in Rule._meta.concrete_fields if field.name in names]
    return any(getattr(rule, column.attname) != column.get_default() for column in columns)
