"""Groups of messages: what collects, what went, and sending, dropping or cancelling by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, DropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from events import clock, operations
from events.admin.acting import ActingAdmin, Deed, ReasonForm, Verb
from events.admin.base import ExactSearchAdmin
from events.models import Group
from events.operations import NothingMoved
from events.queries import groups
from events.queries.groups import GroupState
from events.templatetags import show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from events.transitions import Origin

MOST_MESSAGES = 200
COLOURS = {
    GroupState.OPEN: "info", GroupState.DUE: "warning", GroupState.AT_WORK: "primary",
    GroupState.DISPATCHED: "success", GroupState.FAILED: "danger",
}  # fmt: skip


def _each(
    act: Callable[..., None], became: str, ids: Sequence[int], values: dict[str, Any], origin: Origin
) -> Deed:
    """The verb on each group by itself; if none could be moved, why not. Raises NothingMoved."""
    moved, refused = [], None
    given = {name: value for name, value in values.items() if name != "why"}
    for group in Group.objects.filter(pk__in=ids).order_by("pk"):
        try:
            act(group, **given, why=values["why"], origin=origin)
        except NothingMoved as error:
            refused = error
        else:
            moved.append(group.pk)
    if refused is not None and not moved:
        raise refused
    stayed = len(ids) - len(moved)
    left = [f"{show.several(stayed, 'group')} stayed as before: not in a state for that."] if stayed else []
    return Deed(moved, [f"{show.several(len(moved), 'group')} {became}.", *left])


class DropForm(ReasonForm):
    """Which message."""

    position = forms.IntegerField(
        label="Message number",
        min_value=1,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="It stays on this page, and is left out when the group is sent.",
    )
    field_order = ("position", "why")


FLUSH = Verb(
    "flush",
    "Flush",
    "It is sent at once, with what it has; the next message opens another.",
    partial(_each, operations.flush_group, "sent on their way"),
)
DROP = Verb(
    "drop",
    "Drop a message",
    "One message is left out, as long as no worker has the group at hand.",
    partial(_each, operations.drop_item, "changed"),
    form_class=DropForm,
)
CANCEL = Verb(
    "cancel",
    "Cancel",
    "Nothing of it is sent; its messages stay here to be read, and the next one opens another group.",
    partial(_each, operations.cancel_group, "cancelled"),
    is_grave=True,
)
POSSIBLE = {
    FLUSH.key: {GroupState.OPEN, GroupState.DUE, GroupState.AT_WORK},
    DROP.key: {GroupState.OPEN, GroupState.DUE},
    CANCEL.key: {GroupState.OPEN, GroupState.DUE, GroupState.AT_WORK},
}


class StandsFilter(DropdownFilter):
    """How a group stands."""

    title = "state"
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """In the order of a life."""
        return [(state.value, state.value) for state in GroupState]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> QuerySet[Group]:  # noqa: ARG002
        """The groups that stand so now."""
        chosen = self.value()
        if chosen not in set(GroupState):
            return queryset
        return groups.groups(queryset, state=GroupState(chosen), now=clock.now())


@admin.register(Group)
class GroupAdmin(ActingAdmin, ExactSearchAdmin):
    """Every group, the newest first."""

    verbs = (FLUSH, DROP, CANCEL)
    list_display = ("state_badge", "type", "key", "item_count", "due", "opened")
    list_display_links = ("state_badge",)
    list_select_related = ("type__rule", "occurrence")
    list_filter = (StandsFilter, ("type", AutocompleteSelectFilter))
    ordering = ("-id",)
    search_fields = ("key",)
    searched = "key"
    search_help_text = "The key, as messages have it."
    change_form_template = "events/group.html"

    def is_possible(self, verb: Verb, row: Group) -> bool:
        """Whether the verb may move a group that stands so."""
        return groups.group_state(row, now=clock.now()) in POSSIBLE[verb.key]

    def told_of(self, request: HttpRequest, row: Group) -> dict[str, Any]:
        """How it stands, and its messages."""
        state = groups.group_state(row, now=clock.now())
        found = groups.items_of(row)
        page = {
            "row": row,
            "badge": self.state_badge(row),
            "means": groups.MEANINGS[state],
            "messages": found[:MOST_MESSAGES],
            "unshown": max(row.item_count - MOST_MESSAGES, 0),
            "verbs": self.verbs_for(request, row),
        }
        return {**super().told_of(request, row), "page": page}

    @display(description="State")
    def state_badge(self, row: Group) -> SafeString:
        """The state, in its colour."""
        state = groups.group_state(row, now=clock.now())
        return show.coloured_word(state.value, COLOURS.get(state, "base"))

    @display(description="Due, UTC", ordering="occurrence__due_at")
    def due(self, row: Group) -> str | SafeString:
        """When it is dispatched."""
        return show.instant(row.occurrence.due_at)

    @display(description="Opened, UTC", ordering="opened_at")
    def opened(self, row: Group) -> str | SafeString:
        """When its first message came."""
        return show.instant(row.opened_at)
