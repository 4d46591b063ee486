"""Occurrence: one slot of one rule for one entity. Its state is written by events.transitions alone."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from events.lifecycle import AT_ONCE, CLAIMABLE, DEAD_LETTERS, FINAL, IN_FLIGHT, LEGAL_MOVES, Hold, State
from events.models.entity import Entity
from events.models.fields import WallTimeField
from events.models.rule import Rule

LEGAL_PAIRS = ", ".join(
    sorted(
        f"'{origin.value}>{target.value}'" for origin, targets in LEGAL_MOVES.items() for target in targets
    )
)
AT_ONCE_PAIRS = ", ".join(sorted(f"'{State.PENDING}>{target.value}'" for target in AT_ONCE))


class Occurrence(models.Model):
    """One due moment: what was promised (slot, zone, due_at), where it stands, and who holds it now."""

    rule = models.ForeignKey(Rule, on_delete=models.PROTECT, db_index=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="occurrences")
    slot = WallTimeField(help_text="Nominal local wall time, before the zone is applied.")
    fold = models.PositiveSmallIntegerField(default=0, help_text="1: the second of two equal wall times.")
    timezone = models.CharField(max_length=64)
    tzdata_version = models.CharField(max_length=16)
    note = models.CharField(max_length=200, blank=True, help_text="Which policy touched the slot, and how.")
    due_at = models.DateTimeField(help_text="The promised instant. Retries and holds never change it.")
    snapshot = models.JSONField(
        null=True,
        blank=True,
        help_text="Payload and attributes as planned, if the rule asks.",
    )
    payload = models.JSONField(
        null=True,
        blank=True,
        help_text="This one's own payload, put in place of its rule's by a person.",
    )
    given = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Its moment was given by itself, and comes from no recurrence: edits of its rule leave it.",
    )
    idempotency_key = models.UUIDField(db_default=RandomUUID())

    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value.lower()) for state in State],
        default=State.SCHEDULED.value,
    )
    reason = models.CharField(max_length=30, blank=True, help_text="Why the last move was made.")
    hold = models.CharField(
        max_length=20,
        blank=True,
        choices=[(hold.value, hold.value) for hold in Hold],
        help_text="What keeps it waiting.",
    )
    destination = models.CharField(
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="Whose circuit breaker keeps it waiting, or did last.",
    )
    available_at = models.DateTimeField(help_text="The earliest next claim; moved by retries and operators.")
    attempt = models.PositiveIntegerField(default=0, help_text="The number of its latest attempt.")
    failures = models.PositiveIntegerField(default=0, help_text="How many attempts count against the limit.")
    claim_token = models.UUIDField(
        null=True, help_text="The fence: only who knows it may move a claimed row."
    )
    lease_expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, help_text="When the latest attempt started.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "entity", "slot", "fold"],
                name="occurrence_once_per_slot",
            ),
            models.CheckConstraint(condition=Q(state__in=list(State)), name="occurrence_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=sorted(FINAL), finished_at__isnull=False)
                | (~Q(state__in=sorted(FINAL)) & Q(finished_at=None)),
                name="occurrence_final_is_finished",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=sorted(IN_FLIGHT),
                    claim_token__isnull=False,
                    lease_expires_at__isnull=False,
                )
                | (~Q(state__in=sorted(IN_FLIGHT)) & Q(claim_token=None, lease_expires_at=None)),
                name="occurrence_in_flight_is_leased",
            ),
            models.CheckConstraint(
                condition=Q(failures__lte=F("attempt")) & Q(fold__lte=1),
                name="occurrence_counts_in_range",
            ),
            models.CheckConstraint(
                condition=Q(hold="") | Q(hold__in=list(Hold), state__in=sorted(CLAIMABLE)),
                name="occurrence_only_claimable_is_held",
            ),
        ]
        indexes: ClassVar = [
            # dispatch: what is due, oldest first; and the next moment to wake up for
            models.Index(
                fields=["available_at", "id"],
                condition=Q(state__in=sorted(CLAIMABLE), hold=""),
                name="occurrence_due",
            ),
            # recovery: leases that lapsed; dispatch: how much is in flight
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(state__in=sorted(IN_FLIGHT)),
                name="occurrence_leased",
            ),
            # operators: the rows that wait for a person
            models.Index(
                fields=["-id"], condition=Q(state__in=sorted(DEAD_LETTERS)), name="occurrence_dead_letters"
            ),
            # recovery: the rows whose call may have happened, for their policy or their handler's own verification
            models.Index(fields=["rule"], condition=Q(state=State.UNKNOWN.value), name="occurrence_unknown"),
            # recovery: rows to release when a handler is installed again
            models.Index(fields=["hold"], condition=~Q(hold=""), name="occurrence_held"),
            # lists of a time span; a summary of blocks, because every further full index is paid for at every move
            BrinIndex(fields=["due_at"], autosummarize=True, name="occurrence_due_span"),
        ]
        triggers: ClassVar = [
            # The condition is evaluated without calling the function, so that legal moves cost nothing more.
            # What starts and ends in one transaction passes through PROCESSING unseen, but not without its attempt.
            pgtrigger.Trigger(
                name="legal_moves_only",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),  # type: ignore[no-untyped-call]
                condition=pgtrigger.Condition(
                    f"OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN ({LEGAL_PAIRS})"
                    f" AND NOT (NEW.attempt = OLD.attempt + 1 AND (OLD.state || '>' || NEW.state) IN ({AT_ONCE_PAIRS}))"
                ),
                func=(
                    "RAISE EXCEPTION 'illegal move of occurrence %: % to %', OLD.id, OLD.state, NEW.state"
                    " USING ERRCODE = 'check_violation';"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} for {self.entity} at {self.slot:%Y-%m-%d %H:%M}"
