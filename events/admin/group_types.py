"""Types of message groups: the operators', and those of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpResponseRedirect
from unfold.decorators import display

from events import operations, queries
from events.admin.acting import ActingAdmin, Deed, Verb
from events.admin.base import PunctualAdmin, origin_of
from events.admin.group_form import GroupTypeForm
from events.models import GroupType, RuleState
from events.templatetags import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from events.transitions import Origin


def _retire(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
    rows = GroupType.objects.filter(pk__in=ids).exclude(rule__state=RuleState.RETIRED)
    retired, cancelled = [], 0
    for row in rows.select_related("rule"):
        cancelled += operations.retire_group_type(row, why=values["why"], origin=origin)
        retired.append(row.pk)
    said = (
        f"{show.several(len(retired), 'group type')} retired; {show.several(cancelled, 'group')} cancelled."
    )
    return Deed(retired, [said])


RETIRE = Verb(
    "retire",
    "Retire",
    "It takes no more messages, and its groups that were not sent are cancelled. Flush them before if they are to go.",
    _retire,
    is_grave=True,
)


@admin.register(GroupType)
class GroupTypeAdmin(ActingAdmin, PunctualAdmin):
    """The operators' types, and those of accounts."""

    form = GroupTypeForm
    verbs = (RETIRE,)
    list_display = ("name", "account", "handler", "moves", "limits", "state_badge")
    list_select_related = ("rule__owner",)
    ordering = ("rule__name", "id")
    search_fields = ("rule__name",)
    change_form_template = "events/group_type.html"
    fieldsets = (
        (None, {"fields": ("name", "handler", "payload")}),
        (
            "Collecting",
            {"fields": ("moves", "max_wait", ("max_items", "max_bytes"), "entity_kind")},
        ),
        (
            "When it fails",
            {"fields": ("max_attempts", ("backoff_base", "backoff_cap"), "at_most_once", "when_unknown")},
        ),
        ("When it is late", {"fields": (("grace", "expires_after"), "overlap")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: GroupType | None = None) -> bool:
        """A retired type is history: to be read."""
        retired = obj is not None and obj.rule.state == RuleState.RETIRED
        return not retired and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: GroupType | None = None) -> Any:
        """For who may only look, the type's own columns."""
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": GroupTypeForm.Meta.fields})]
        return super().get_fieldsets(request, obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Types are retired: the page that asks for the reason."""
        return HttpResponseRedirect(f"{self._address(RETIRE)}?ids={object_id}")

    def is_possible(self, verb: Verb, row: GroupType) -> bool:  # noqa: ARG002
        """Whether there is anything to retire."""
        return row.rule.state != RuleState.RETIRED

    def log_act(self, request: HttpRequest, verb: Verb, ids: Sequence[int], why: str) -> None:
        """In Django's own log of changes."""
        for row in GroupType.objects.filter(pk__in=ids).select_related("rule"):
            self.log_change(request, row, f"{verb.label}: {why}")

    def save_model(self, request: HttpRequest, obj: GroupType, form: Any, change: bool) -> None:  # noqa: FBT001
        """Create or change it."""
        origin = origin_of(request)
        if change:
            operations.change_group_type(obj, origin=origin, expected_version=form.cleaned_data["version"])
        else:
            operations.create_group_type(obj, origin=origin)

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The form, with its verbs above."""
        row: GroupType | None = kwargs.get("obj")
        context |= {"show_delete": False}
        if row:
            context |= {"page": {"badge": show.badge(row.rule.state), "verbs": self.verbs_for(request, row)}}
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Name", ordering="rule__name")
    def name(self, row: GroupType) -> str:
        """As messages call it."""
        return row.rule.name

    @display(description="Account")
    def account(self, row: GroupType) -> str | SafeString:
        """Whose it is."""
        return str(row.rule.owner) if row.rule.owner else show.quiet("the operators'")

    @display(description="Handler")
    def handler(self, row: GroupType) -> str:
        """Who is told."""
        return row.rule.handler

    @display(description="At the latest")
    def limits(self, row: GroupType) -> str:
        """After how long, how many messages, how many bytes."""
        told = [f"{row.max_bytes:,} bytes"]
        if row.max_items is not None:
            told.insert(0, show.several(row.max_items, "message"))
        if row.max_wait is not None:
            told.insert(0, queries.length_in_words(row.max_wait))
        return ", ".join(told)

    @display(description="State")
    def state_badge(self, row: GroupType) -> SafeString:
        """Whether it takes messages, and sends them."""
        return show.badge(row.rule.state)
