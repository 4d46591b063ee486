"""Rule: when, for whom, and what."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from events.models.calendar import Calendar
from events.models.entity import Entity
from events.timing import Fold, Gap, Leap, Roll


class RuleState(models.TextChoices):
    """Whether a rule's occurrences may fire."""

    ACTIVE = "active", "active"
    PAUSED = "paused", "paused"
    RETIRED = "retired", "retired"


class RuleRole(models.TextChoices):
    """What a rule is to those who use it."""

    RULE = "rule", "rule: its moments come from its recurrence"
    REMINDER = "reminder", "reminder: a rule of one person, about a thought"
    TRIGGERS = "triggers", "triggers: each of its moments is given with an event"
    GROUPS = "groups", "groups: each of its moments is the end of a group of messages"


# Their occurrences are given one by one: there is nothing to plan.
GIVEN_ROLES = (RuleRole.TRIGGERS.value, RuleRole.GROUPS.value)


class EveryFrom(models.TextChoices):
    """From what an interval counts."""

    START = "start", "start: counted from the first one, however long each takes"
    COMPLETION = "completion", "completion: counted from the end of the one before"


class OnMove(models.TextChoices):
    """What becomes of what is planned for an entity whose zone or date changes."""

    FOLLOW = "follow", "follow: what is planned moves along"
    KEEP = "keep", "keep: what is planned stays, and what comes after it follows"


class CatchUp(models.TextChoices):
    """What becomes of occurrences that nobody fired within their grace."""

    ALL = "all", "all: fire each of them, late"
    LATEST = "latest", "latest: fire the last one for each entity, skip those before it"
    SKIP = "skip", "skip: fire none of them"


class Overlap(models.TextChoices):
    """What becomes of an occurrence that is due while an earlier one, of the same rule and entity, still runs."""

    ALLOW = "allow", "allow: both run"
    SKIP = "skip", "skip: this one is skipped"
    QUEUE = "queue", "queue: this one waits"


class WhenUnknown(models.TextChoices):
    """What becomes of an occurrence of which nobody knows whether its call happened."""

    ASK = "ask", "ask: a person decides"
    COMPLETE = "complete", "complete: taken as done"
    CANCEL = "cancel", "cancel: given up"


class Rule(models.Model):
    """What should happen when, for one entity or for an audience.

    DTSTART is `start_date` at `local_time`, in the zone of each entity (or in the fixed `timezone`). With `anchor`
    the date comes from that attribute of the entity instead. It is repeated by `rrule`, by `cron`, or `every` so
    often; by none of them: once. With a `window` each of these moments opens one, in which it fires at random.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text="Whose account it is in. Empty: the operators'.",
    )
    role = models.CharField(
        max_length=8,
        choices=RuleRole.choices,
        default=RuleRole.RULE,
        db_default=RuleRole.RULE.value,
        editable=False,
    )
    name = models.CharField(max_length=200)
    state = models.CharField(
        max_length=8,
        choices=RuleState.choices,
        default=RuleState.ACTIVE,
        editable=False,
    )

    entity = models.ForeignKey(
        Entity,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="For this entity alone.",
    )
    audience_kind = models.CharField(
        max_length=50, blank=True, help_text="Or for all entities of this kind …"
    )
    audience_filter = models.JSONField(
        default=dict,
        blank=True,
        help_text='… that have these attributes, such as {"team": "blue"}.',
    )

    start_date = models.DateField(
        null=True,
        blank=True,
        help_text="The first day, local. With an anchor: nothing fires before it.",
    )
    local_time = models.TimeField(
        null=True, blank=True, help_text="The time of day, local. A cron expression has its own."
    )
    rrule = models.CharField(
        max_length=2000,
        blank=True,
        help_text="RFC 5545, such as FREQ=MONTHLY;BYDAY=1MO; several: one on a line. Empty: once.",
    )
    cron = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Or a cron expression in local time, such as 30 9 * * MON-FRI.",
    )
    every = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="Or an ISO 8601 duration, such as PT30M, P1D or P2W.",
    )
    every_from = models.CharField(
        max_length=10,
        choices=EveryFrom.choices,
        default=EveryFrom.START,
        db_default=EveryFrom.START.value,
        help_text="From what that duration counts.",
    )
    rdates = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        db_default=[],
        help_text="Put in besides: dates or local times in ISO 8601, such as 2030-12-24 or 2030-12-24T18:00.",
    )
    exdates = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        db_default=[],
        help_text="Left out: dates or local times in ISO 8601. A date leaves out the whole day.",
    )
    calendar = models.ForeignKey(
        Calendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Whose closed days are kept free.",
    )
    roll = models.CharField(
        max_length=8,
        choices=[(choice.value, choice.value) for choice in Roll],
        default=Roll.SKIP.value,
        db_default=Roll.SKIP.value,
        help_text="What falls on a closed day is skipped, or moves to the previous or the next open one.",
    )
    anchor = models.CharField(
        max_length=100,
        blank=True,
        help_text="The entity's date attribute to start from, such as birthday.",
    )
    anchor_offset_days = models.SmallIntegerField(
        default=0, help_text="Days after the anchored date; negative: before it."
    )
    window = models.DurationField(
        null=True,
        blank=True,
        help_text="Fire at random within so long after each moment: 8:00:00 from 09:00 on is until 17:00.",
    )
    draws = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="How many times within each window."
    )
    spacing = models.DurationField(
        default=timedelta(0), db_default=timedelta(0), help_text="At least so far from one another."
    )
    timezone = models.CharField(
        max_length=64,
        blank=True,
        help_text="A fixed IANA zone. Empty: each entity's own.",
    )
    on_move = models.CharField(
        max_length=8,
        choices=OnMove.choices,
        default=OnMove.FOLLOW,
        db_default=OnMove.FOLLOW.value,
        help_text="What becomes of what is planned for an entity whose zone or date changes.",
    )
    gap = models.CharField(
        max_length=16,
        choices=[(choice.value, choice.value) for choice in Gap],
        default=Gap.SHIFT.value,
        help_text="When the clocks go forward over the local time.",
    )
    fold = models.CharField(
        max_length=8,
        choices=[(choice.value, choice.value) for choice in Fold],
        default=Fold.FIRST.value,
        help_text="When the clocks go back and the local time comes twice.",
    )
    leap = models.CharField(
        max_length=8,
        blank=True,
        choices=[(choice.value, choice.value) for choice in Leap],
        help_text="When the day does not exist in a year or month. Empty: backward if anchored, else omit.",
    )

    handler = models.CharField(max_length=100)
    payload = models.JSONField(default=dict, blank=True)
    snapshot = models.BooleanField(
        default=False,
        help_text="Keep payload and attributes as they were when planned; otherwise the latest are used.",
    )
    max_attempts = models.PositiveSmallIntegerField(default=5)
    backoff_base = models.DurationField(default=timedelta(seconds=10))
    backoff_cap = models.DurationField(default=timedelta(hours=1))
    grace = models.DurationField(
        default=timedelta(minutes=5),
        help_text="Later than this is late, and goes through the catch-up lane.",
    )
    expires_after = models.DurationField(
        null=True,
        blank=True,
        help_text="Never start later than this after the due moment.",
    )

    catch_up = models.CharField(
        max_length=8,
        choices=CatchUp.choices,
        default=CatchUp.ALL,
        db_default=CatchUp.ALL.value,
        help_text="What becomes of those that are later than the grace when somebody looks, as after an outage.",
    )
    overlap = models.CharField(
        max_length=8,
        choices=Overlap.choices,
        default=Overlap.ALLOW,
        db_default=Overlap.ALLOW.value,
        help_text="What becomes of one that is due while the entity's previous one is still at work.",
    )
    at_most_once = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Never call twice, even if the handler says that its receiver knows repetitions by their key.",
    )
    when_unknown = models.CharField(
        max_length=8,
        choices=WhenUnknown.choices,
        default=WhenUnknown.ASK,
        db_default=WhenUnknown.ASK.value,
        help_text="What becomes of one of which nobody knows whether its call happened, not even the handler.",
    )

    planned_until = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Every slot due before this instant has its row.",
    )
    draw_seed = models.UUIDField(
        db_default=RandomUUID(),
        editable=False,
        help_text="What random moments are drawn with: the same seed gives the same ones again.",
    )
    timed_since = models.DateTimeField(
        db_default=Now(),
        editable=False,
        help_text="Since when its moments are what they are: when it was made, or they were last edited.",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                nulls_distinct=False,
                name="rule_once_per_account",
                violation_error_message="There is a rule of this name.",
            ),
            models.CheckConstraint(condition=Q(role__in=RuleRole.values), name="rule_role_known"),
            models.CheckConstraint(
                condition=Q(entity=None, audience_kind__gt="") | Q(entity__isnull=False, audience_kind=""),
                name="rule_entity_or_audience",
                violation_error_message="Choose one: an entity, or the kind of an audience.",
            ),
            models.CheckConstraint(
                condition=Q(start_date__isnull=False) | Q(anchor__gt="") | Q(role__in=GIVEN_ROLES),
                name="rule_starts_somewhere",
                violation_error_message="Give a start date, or an anchor.",
            ),
            models.CheckConstraint(condition=Q(state__in=RuleState.values), name="rule_state_known"),
            models.CheckConstraint(condition=Q(gap__in=list(Gap)), name="rule_gap_known"),
            models.CheckConstraint(condition=Q(fold__in=list(Fold)), name="rule_fold_known"),
            models.CheckConstraint(condition=Q(leap__in=["", *Leap]), name="rule_leap_known"),
            models.CheckConstraint(
                condition=Q(every_from__in=EveryFrom.values), name="rule_every_from_known"
            ),
            models.CheckConstraint(condition=Q(on_move__in=OnMove.values), name="rule_on_move_known"),
            models.CheckConstraint(condition=Q(roll__in=list(Roll)), name="rule_roll_known"),
            models.CheckConstraint(
                condition=Q(max_attempts__gte=1),
                name="rule_tries_at_least_once",
                violation_error_message="Give one attempt at least.",
            ),
            models.CheckConstraint(
                condition=Q(backoff_base__gt=timedelta(0)) & Q(backoff_cap__gte=F("backoff_base")),
                name="rule_backoff_grows",
                violation_error_message="The backoff's base must be above zero and not above its cap.",
            ),
            models.CheckConstraint(
                condition=Q(grace__gte=timedelta(0))
                & (Q(expires_after=None) | Q(expires_after__gt=timedelta(0))),
                name="rule_times_positive",
                violation_error_message="The grace must not be negative, and an expiry must be above zero.",
            ),
            models.CheckConstraint(condition=Q(catch_up__in=CatchUp.values), name="rule_catch_up_known"),
            models.CheckConstraint(condition=Q(overlap__in=Overlap.values), name="rule_overlap_known"),
            models.CheckConstraint(
                condition=Q(when_unknown__in=WhenUnknown.values), name="rule_when_unknown_known"
            ),
        ]
        indexes: ClassVar = [
            # planning: rules whose horizon must be moved; entity edits: the rules of an audience
            models.Index(
                fields=["planned_until"],
                condition=~Q(state="retired"),
                name="rule_to_plan",
            ),
            models.Index(
                fields=["audience_kind"],
                condition=~Q(state="retired"),
                name="rule_audience",
            ),
            # planning: the few rules whose next moment is known when the one before has ended
            models.Index(
                fields=["id"],
                condition=Q(every_from="completion") & ~Q(state="retired"),
                name="rule_after_completion",
            ),
        ]

    def __str__(self) -> str:
        return self.name
