"""Entity: whom or what a schedule concerns."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from events.timing import Leap


class Entity(models.Model):
    """A person or thing that lives in its own time zone and has attributes such as a birthday."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text="Whose account it is in. Empty: the operators'.",
    )
    kind = models.CharField(max_length=50, help_text="What it is: person, room, contract …")
    external_id = models.CharField(max_length=200, help_text="Its name in the system that it comes from.")
    name = models.CharField(max_length=200, blank=True)
    timezone = models.CharField(max_length=64, help_text="IANA name, such as Europe/Berlin.")
    attributes = models.JSONField(
        default=dict,
        blank=True,
        help_text='Facts that rules read, such as {"birthday": "1990-05-17"}.',
    )
    leap = models.CharField(
        max_length=8,
        blank=True,
        choices=[(choice.value, choice.value) for choice in Leap],
        help_text="What a missing 29 February means for this entity; empty follows each rule.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("kind", "external_id")
        verbose_name_plural = "entities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "kind", "external_id"],
                nulls_distinct=False,
                name="entity_once_per_account",
                violation_error_message="An entity of this kind and external id already exists.",
            ),
            models.CheckConstraint(
                condition=Q(leap__in=["", *Leap]),
                name="entity_leap_known",
                violation_error_message="Unknown policy.",
            ),
        ]
        indexes: ClassVar = [
            # planning: the distinct zones of an audience, and its members of one zone
            models.Index(
                fields=["kind", "timezone"],
                condition=Q(deleted_at=None),
                name="entity_audience",
            ),
            # planning: audiences by attribute filter (attributes @> filter)
            GinIndex(
                fields=["attributes"],
                opclasses=["jsonb_path_ops"],
                name="entity_attributes",
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.external_id}"
