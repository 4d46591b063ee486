"""Deliveries as operators see them: to be read, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from unfold.admin import ModelAdmin

from handlers.log.models import Delivery

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(Delivery)
class DeliveryAdmin(ModelAdmin):
    """What the handler "log" delivered, newest first."""

    list_display = (
        "rule_name",
        "entity_kind",
        "entity_external_id",
        "slot",
        "timezone",
        "due_at",
        "recorded_at",
        "attempt",
    )
    search_fields = ("=idempotency_key", "rule_name", "entity_external_id")
    search_help_text = "A key, a rule's name, or an entity's external id."
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody: the handler alone writes deliveries."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002
        """Nobody: what happened is not removed by hand."""
        return False
