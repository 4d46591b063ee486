"""Calendar: the closed days that rules keep free."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Calendar(models.Model):
    """A named set of closed days: weekdays, a country's holidays, and the events of an .ics text, put together."""

    name = models.CharField(max_length=100, unique=True)
    closed_weekdays = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="Weekdays that are always closed; 0 is Monday, 6 Sunday.",
    )
    country = models.CharField(
        max_length=3, blank=True, help_text="Whose public holidays are closed: ISO 3166, such as DE."
    )
    subdivision = models.CharField(
        max_length=40, blank=True, help_text="A part of the country with holidays of its own, such as BY."
    )
    ics = models.TextField(blank=True, help_text="iCalendar text whose events are closed days.")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(subdivision="") | Q(country__gt=""),
                name="calendar_subdivision_of_a_country",
                violation_error_message="Name the country as well.",
            ),
            models.CheckConstraint(
                condition=Q(closed_weekdays__contained_by=[0, 1, 2, 3, 4, 5, 6]),
                name="calendar_weekdays_known",
                violation_error_message="Weekdays go from 0 (Monday) to 6 (Sunday).",
            ),
        ]

    def __str__(self) -> str:
        return self.name
