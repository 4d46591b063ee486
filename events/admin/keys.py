"""Keys to the API: whose they are and when they were used, and an end to one that should not be used any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import F
from unfold.decorators import display

from events import operations
from events.admin.acting import ActingAdmin, Deed, Verb
from events.admin.base import ReadOnlyAdmin
from events.models import ApiKey
from events.templatetags import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from events.transitions import Origin


def _revoke(ids: Sequence[int], _: dict[str, Any], origin: Origin) -> Deed:
    keys = list(ApiKey.objects.filter(pk__in=ids))
    revoked = [key.pk for key in keys if operations.revoke_key(key, origin=origin)]
    said = [f"{show.several(len(revoked), 'key')} revoked."] if revoked else []
    left = [f"{show.several(len(ids) - len(revoked), 'key')} had been revoked before."]
    return Deed(revoked, said + (left if len(ids) > len(revoked) else []))


REVOKE = Verb(
    "revoke", "Revoke", "Whoever calls with it is refused from now on. Its owner can make another.", _revoke,
    is_grave=True,
)  # fmt: skip


@admin.register(ApiKey)
class KeyAdmin(ActingAdmin, ReadOnlyAdmin):
    """Made by their owners, and shown to nobody."""

    verbs = (REVOKE,)
    hidden = ("digest",)
    list_display = ("name", "owner", "begins", "scope", "rate", "made", "used", "standing")
    list_filter = ("scope",)
    list_select_related = ("owner",)
    ordering = (F("last_used_at").desc(nulls_last=True), "-id")
    search_fields = ("name", "owner__username", "prefix")
    change_form_template = "events/machine.html"

    def is_possible(self, verb: Verb, row: ApiKey) -> bool:  # noqa: ARG002 - there is one verb
        """A revoked one is not revoked again."""
        return row.revoked_at is None

    def log_act(self, request: HttpRequest, verb: Verb, ids: Sequence[int], why: str) -> None:
        """In Django's own log of changes."""
        for row in ApiKey.objects.filter(pk__in=ids):
            self.log_change(request, row, f"{verb.label}: {why}")

    def told_of(self, request: HttpRequest, row: ApiKey) -> dict[str, Any]:
        """How it stands, and what may be done."""
        page = {
            "badge": self.standing(row),
            "says": f"of {row.owner}: {row.get_scope_display()}",
            "more": "",
            "link": "",
            "link_says": "",
            "verbs": self.verbs_for(request, row),
        }
        return {**super().told_of(request, row), "page": page}

    @display(description="Begins", ordering="prefix")
    def begins(self, row: ApiKey) -> str:
        """By which its owner knows it again."""
        return f"{row.prefix}…"

    @display(description="Calls a minute", ordering="per_minute")
    def rate(self, row: ApiKey) -> str:
        """As many as it may make."""
        return f"{row.per_minute:,}"

    @display(description="Made, UTC", ordering="created_at")
    def made(self, row: ApiKey) -> str:
        """When it was made."""
        return show.instant(row.created_at)

    @display(description="Last used, UTC", ordering="last_used_at")
    def used(self, row: ApiKey) -> str:
        """When somebody called with it."""
        return show.instant(row.last_used_at)

    @display(description="", ordering="revoked_at")
    def standing(self, row: ApiKey) -> SafeString:
        """Whether it may be used."""
        return show.coloured_word(*(("revoked", "plain") if row.revoked_at else ("in use", "success")))
