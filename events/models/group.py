"""Groups: messages that are collected under a key, and dispatched once, together."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from events.models.occurrence import Occurrence
from events.models.rule import Rule


class Moves(models.TextChoices):
    """What a later message may do to the moment at which its group is dispatched."""

    LATEST = "latest", "latest: it moves later, never earlier"
    EARLIEST = "earliest", "earliest: it moves earlier, never later"
    LAST = "last", "last: the last message says when"
    KEEP = "keep", "keep: the first message says when"


class GroupType(models.Model):
    """How groups of one type are collected; its rule (of role groups, and of the same name) says who handles them."""

    rule = models.OneToOneField(Rule, on_delete=models.PROTECT, related_name="group_type")
    entity_kind = models.CharField(
        max_length=50, default="group", help_text="Of what kind the entity is that a group's key names."
    )
    moves = models.CharField(max_length=8, choices=Moves.choices, default=Moves.LAST)
    max_wait = models.DurationField(
        null=True,
        blank=True,
        help_text="A group is dispatched so long after its first message at the latest.",
    )
    max_items = models.PositiveIntegerField(
        null=True, blank=True, help_text="With so many messages it is dispatched at once."
    )
    max_bytes = models.PositiveIntegerField(
        default=1_048_576, help_text="With so many bytes of messages it is dispatched at once."
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("rule__name",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(moves__in=Moves.values), name="group_type_moves_known"),
            models.CheckConstraint(
                condition=(Q(max_items=None) | Q(max_items__gte=1)) & Q(max_bytes__gte=1),
                name="group_type_limits_positive",
                violation_error_message="Limits are one or more.",
            ),
        ]

    def __str__(self) -> str:
        return self.rule.name


class Group(models.Model):
    """Messages under one key. Its occurrence says when it is dispatched, and how that went.

    It takes messages until it is sealed: by its moment, by a limit, or by a person. No two groups of one type and key
    are open at once.
    """

    type = models.ForeignKey(GroupType, on_delete=models.PROTECT, related_name="groups")
    key = models.CharField(max_length=200)
    occurrence = models.OneToOneField(Occurrence, on_delete=models.PROTECT, related_name="group")
    item_count = models.PositiveIntegerField(
        default=0, help_text="How many messages it took, dropped ones too."
    )
    item_bytes = models.PositiveBigIntegerField(default=0)
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True, help_text="Since when it takes no more messages.")

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["type", "key"], condition=Q(sealed_at=None), name="group_open_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(sealed_at=None) | Q(sealed_at__gte=F("opened_at")),
                name="group_sealed_after_opened",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class GroupItem(models.Model):
    """One message that a group took: its parts as they came, and its place."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="items", db_index=False)
    position = models.PositiveIntegerField(help_text="From 1, in the order in which they were taken.")
    key = models.CharField(
        max_length=255,
        blank=True,
        help_text="The sender's own: a second message with it is the first one again.",
    )
    content = models.JSONField()
    size = models.PositiveIntegerField(help_text="Bytes of its JSON.")
    taken_at = models.DateTimeField()
    dropped_at = models.DateTimeField(null=True, help_text="Since when a person wants it left out.")

    class Meta:
        ordering = ("group", "position")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["group", "position"], name="group_item_once_per_position"),
            models.UniqueConstraint(
                fields=["group", "key"], condition=Q(key__gt=""), name="group_item_once_per_key"
            ),
        ]
        indexes: ClassVar = [
            # a message that says its key: whether it was taken lately, by whichever group of its own key
            models.Index(fields=["key", "group"], condition=Q(key__gt=""), name="group_item_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of {self.group}"
