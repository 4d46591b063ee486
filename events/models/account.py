"""Accounts' keys to the API, and the answers that it gives again."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Scope(models.TextChoices):
    """What a key may do."""

    READ = "read", "read: look at everything of the account"
    WRITE = "write", "write: change it, too"


class ApiKey(models.Model):
    """A key to the API. Who has it acts for its account; it is shown once, and only its digest is kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100, help_text="What it is for, such as: the back end's.")
    prefix = models.CharField(max_length=12, help_text="How it begins, so that its owner knows it again.")
    digest = models.BinaryField(max_length=32, unique=True, help_text="SHA-256 of the key.")
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.READ)
    per_minute = models.PositiveIntegerField(default=600, help_text="So many calls a minute, evenly spread.")
    burst = models.PositiveIntegerField(default=100, help_text="So many calls at once, after a rest.")
    spent_until = models.DateTimeField(
        null=True, help_text="The instant at which the calls made so far would be spread evenly (GCRA)."
    )
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "API key"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="api_key_scope_known"),
            models.CheckConstraint(
                condition=Q(per_minute__gte=1) & Q(burst__gte=1), name="api_key_rate_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class KeptAnswer(models.Model):
    """What was answered to a POST with an idempotency key: the same POST gets the same answer again."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.CharField(max_length=255)
    asked = models.BinaryField(max_length=32, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while the answer is being made.")
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "key"], name="kept_answer_once_per_key"),
        ]
        indexes: ClassVar = [
            # retention: what is old enough to be forgotten
            models.Index(fields=["created_at"], name="kept_answer_age"),
        ]

    def __str__(self) -> str:
        return self.key
