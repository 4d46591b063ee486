"""How the machine itself stands: destinations that fail, spans in which nobody swept, clocks that are wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q


class BreakerState(models.TextChoices):
    """Whether calls to a destination are made."""

    CLOSED = "closed", "closed: calls are made"
    OPEN = "open", "open: none is made"
    HALF_OPEN = "half_open", "half open: one probe is on its way"


class Breaker(models.Model):
    """The circuit breaker of one destination. No row: closed, and nothing has failed lately."""

    handler = models.CharField(max_length=100)
    destination = models.CharField(max_length=255, help_text="As the handler names it, such as a host.")
    state = models.CharField(max_length=9, choices=BreakerState.choices, default=BreakerState.CLOSED)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, since the last success.")
    last_failure = models.CharField(max_length=500, blank=True)
    opened_at = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True, help_text="The earliest next probe.")
    probe = models.BigIntegerField(null=True, help_text="The occurrence that is the latest probe.")
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("handler", "destination")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["handler", "destination"], name="breaker_once_per_destination"),
            models.CheckConstraint(condition=Q(state__in=BreakerState.values), name="breaker_state_known"),
            models.CheckConstraint(
                condition=Q(state="closed", opened_at=None, probe_at=None)
                | (~Q(state="closed") & Q(opened_at__isnull=False, probe_at__isnull=False)),
                name="breaker_open_has_a_probe_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} to {self.destination}"


class Watermark(models.Model):
    """One row: until when somebody has swept, and how far the throttle of the catch-up lane has let rows through."""

    ONE = 1
    LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

    swept_until = models.DateTimeField(help_text="The latest moment at which a sweep looked for what is due.")
    catch_up_at = models.DateTimeField(
        default=LONG_AGO,
        help_text="When the next late row may be claimed, if the catch-up lane is throttled.",
    )

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="watermark_is_one_row")]

    def __str__(self) -> str:
        return f"swept until {self.swept_until:%Y-%m-%d %H:%M:%S}"


class Downtime(models.Model):
    """A span in which nobody swept: what was due in it was late."""

    started_at = models.DateTimeField(help_text="The last sweep before it.")
    ended_at = models.DateTimeField(help_text="The first sweep after it.")
    noticed_by = models.CharField(max_length=200)

    class Meta:
        ordering = ("-ended_at",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ended_at__gt=models.F("started_at")), name="downtime_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"nothing swept from {self.started_at:%Y-%m-%d %H:%M:%S} to {self.ended_at:%H:%M:%S}"


class ProcessClock(models.Model):
    """How far one process's clock is from the database's. It decides nothing; it warns of a machine that is wrong."""

    process = models.CharField(max_length=200, primary_key=True, help_text="host:pid")
    role = models.CharField(max_length=50, help_text="worker, sweeper, beat, web or command")
    skew = models.DurationField(help_text="Its clock minus the database's: positive where it is ahead.")
    measured_at = models.DateTimeField(help_text="By the database's clock.")

    class Meta:
        ordering = ("process",)
        indexes: ClassVar = [
            # doctor and the admin: who was here lately
            models.Index(fields=["measured_at"], name="process_clock_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.process}"
