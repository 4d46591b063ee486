"""The circuit breakers: which destinations are given a rest, and closing or opening one by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.urls import reverse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from events import clock, operations
from events.admin.acting import ActingAdmin, Deed, ReasonForm, Verb
from events.admin.base import PunctualChangeList, ReadOnlyAdmin
from events.lifecycle import Hold
from events.models import Breaker, BreakerState
from events.queries import breakers
from events.templatetags import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from events.transitions import Origin

USUAL_MINUTES = 60
COLOURS = {BreakerState.CLOSED: "success", BreakerState.OPEN: "danger", BreakerState.HALF_OPEN: "warning"}


class OpenForm(ReasonForm):
    """For how long."""

    minutes = forms.IntegerField(
        label="Minutes",
        min_value=1,
        max_value=operations.LONGEST_OPEN // timedelta(minutes=1),
        initial=USUAL_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="No call is made, and no probe, for so long.",
    )
    field_order = ("minutes", "why")


def _close(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
    rows = list(Breaker.objects.filter(pk__in=ids).exclude(state=BreakerState.CLOSED))
    for row in rows:
        operations.close_breaker(row.handler, row.destination, why=values["why"], origin=origin)
    return _said(
        rows,
        "closed: calls are made, and the next sweep releases what was held",
        unmoved=len(ids) - len(rows),
    )


def _open(ids: Sequence[int], values: dict[str, Any], origin: Origin) -> Deed:
    rows = list(Breaker.objects.filter(pk__in=ids))
    until = origin.now + timedelta(minutes=values["minutes"])
    for row in rows:
        operations.open_breaker(row.handler, row.destination, until=until, why=values["why"], origin=origin)
    return _said(
        rows, f"opened: no call is made before {until:%Y-%m-%d %H:%M:%S} UTC", unmoved=len(ids) - len(rows)
    )


def _said(rows: Sequence[Breaker], what: str, *, unmoved: int) -> Deed:
    said = [f"{show.several(len(rows), 'breaker')} {what}."] if rows else []
    left = [f"{show.several(unmoved, 'breaker')} stayed as before."] if unmoved else []
    return Deed([row.pk for row in rows], said + left)


CLOSE = Verb(
    "close", "Close breaker", "Calls are made again at once, whatever the next probe would say.", _close
)
OPEN = Verb(
    "open",
    "Open breaker",
    "No call is made to the destination for a while, and its occurrences wait. Then one is sent as a probe.",
    _open,
    form_class=OpenForm,
    is_grave=True,
)


class BreakerChangeList(PunctualChangeList):
    """Counts the rows that breakers hold once for the page."""

    def get_results(self, request: HttpRequest) -> None:
        """One page, each breaker with its number of rows."""
        super().get_results(request)
        holding = breakers.held_by_destination()
        for row in self.result_list:
            row.holds = holding.get((row.handler, row.destination), 0)


@admin.register(Breaker)
class BreakerAdmin(ActingAdmin, ReadOnlyAdmin):
    """One for each destination that ever failed."""

    verbs = (CLOSE, OPEN)
    changelist = BreakerChangeList
    list_display = (
        "named", "state_badge", "since", "failures", "last_failure", "next_probe", "holds",
    )  # fmt: skip
    ordering = (F("opened_at").desc(nulls_last=True), "handler", "destination")
    search_fields = ("destination",)
    change_form_template = "events/machine.html"

    def is_possible(self, verb: Verb, row: Breaker) -> bool:
        """Whether there is anything to close."""
        return verb is OPEN or row.state != BreakerState.CLOSED

    def log_act(self, request: HttpRequest, verb: Verb, ids: Sequence[int], why: str) -> None:
        """In Django's own log of changes."""
        for row in Breaker.objects.filter(pk__in=ids):
            self.log_change(request, row, f"{verb.label}: {why}")

    def told_of(self, request: HttpRequest, row: Breaker) -> dict[str, Any]:
        """How it stands, in words, and what may be done."""
        return {**super().told_of(request, row), "page": self._page(request, row)}

    def _page(self, request: HttpRequest, row: Breaker) -> dict[str, Any]:
        (watched,) = breakers.watched([row])
        holds = watched.holds
        return {
            "badge": self.state_badge(row),
            # the badge says the word before the colon
            "says": breakers.state_in_words(row, now=clock.now()).partition(": ")[2],
            "more": breakers.why_in_words(row),
            "link": reverse("admin:events_occurrence_changelist", query={"held": Hold.BREAKER_OPEN.value}),
            "link_says": f"{show.several(holds, 'occurrence')} held by it" if holds else "",
            "verbs": self.verbs_for(request, row),
        }

    @display(description="Handler and destination", ordering="destination")
    def named(self, row: Breaker) -> str:
        """Whose calls, and to whom."""
        return str(row)

    @display(description="State", ordering="state")
    def state_badge(self, row: Breaker) -> SafeString:
        """Its state, in its colour."""
        return show.coloured_word(row.state.replace("_", " "), COLOURS[BreakerState(row.state)])

    @display(description="Since, UTC", ordering="opened_at")
    def since(self, row: Breaker) -> str:
        """When it opened, or last changed."""
        return show.instant(row.opened_at or row.changed_at)

    @display(description="Next probe, UTC")
    def next_probe(self, row: Breaker) -> str:
        """When it lets one call through, at the earliest."""
        return show.instant(row.probe_at)

    @display(description="Holds")
    def holds(self, row: Any) -> str:
        """How many occurrences wait for it to close."""
        return f"{row.holds:,}"
