"""Delivery: the effect of the handler "log"."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now  # noqa: TID251 - the database writes it, as a default


class Delivery(models.Model):
    """One occurrence that was delivered. It commits together with the occurrence's COMPLETED, or not at all.

    It keeps values and no foreign keys, as a receiver outside would: it outlives what it was for.
    """

    # The receiver's half of "exactly once": a second effect under one key would not be a row but an error.
    idempotency_key = models.UUIDField(unique=True, help_text="The same for all attempts at one occurrence.")
    occurrence_id = models.BigIntegerField()
    rule_name = models.CharField(max_length=200)
    entity_kind = models.CharField(max_length=50)
    entity_external_id = models.CharField(max_length=200)
    slot = models.CharField(max_length=32, help_text="The nominal local wall time, ISO 8601, without a zone.")
    timezone = models.CharField(max_length=64, help_text="The zone in which the slot was resolved.")
    due_at = models.DateTimeField(help_text="The instant that was promised.")
    payload = models.JSONField(default=dict)
    attempt = models.PositiveIntegerField(help_text="The try that succeeded.")
    recorded_at = models.DateTimeField(db_default=Now(), help_text="By the database's clock.")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.rule_name} for {self.entity_kind} {self.entity_external_id} at {self.slot}"
