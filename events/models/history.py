"""What happened: attempts, the append-only log of transitions, the sweeps that ran, and what was dropped of it all."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from events.models.occurrence import Occurrence

# So many ids are a block. Those that move together are mostly neighbours, so that an index has little to note of them.
BLOCK = 1024
M = TypeVar("M", bound=models.Model)
REFUSE = "RAISE EXCEPTION 'the log of transitions is append-only';"


def of_one_or_many(name: str) -> models.CheckConstraint:
    """A row tells of one occurrence, or of several and of the blocks that they are found by."""
    return models.CheckConstraint(
        condition=Q(occurrence=None, occurrences__isnull=False, blocks__isnull=False)
        | Q(occurrence__isnull=False, occurrences=None, blocks=None),
        name=name,
    )


def by_blocks(name: str) -> GinIndex:
    """The rows that tell of several, by the blocks of these."""
    return GinIndex(fields=["blocks"], condition=Q(blocks__isnull=False), fastupdate=False, name=name)


class Attempt(models.Model):
    """The nth try of an occurrence: committed before the handler is called, completed when its outcome is settled.

    Where many began and ended in one transaction, alike and for good, one row tells of all of them. What one occurrence
    tried is read as OneAttempt. See docs/adr/0025-attempts-together.md.
    """

    # No constraint in the database: the statement that starts the row writes its attempt, which so cannot dangle.
    occurrence = models.ForeignKey(
        Occurrence, on_delete=models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    occurrences = ArrayField(
        models.BigIntegerField(), null=True, help_text="Those that ended together, in place of one alone."
    )
    blocks = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="In which blocks of ids they are: what they are found by.",
    )
    number = models.PositiveIntegerField()
    handler_kind = models.CharField(max_length=16, help_text="Decides what a lost worker means.")
    task_id = models.CharField(max_length=64, blank=True, help_text="The chunk's task, and its result's key.")
    worker = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(null=True, help_text="The result, or what went wrong.")

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["occurrence", "number"], name="attempt_numbered_once"),
            of_one_or_many("attempt_of_one_or_many"),
            models.CheckConstraint(
                condition=Q(outcome="", finished_at=None) | (~Q(outcome="") & Q(finished_at__isnull=False)),
                name="attempt_outcome_is_finished",
            ),
        ]
        indexes: ClassVar = [
            # the admin: from a task's result to its attempts
            models.Index(fields=["task_id"], name="attempt_of_task"),
            by_blocks("attempt_together"),
        ]

    def __str__(self) -> str:
        whose = f"occurrence {self.occurrence_id}" if self.occurrences is None else "many occurrences"
        return f"attempt {self.number} of {whose}"


class OneByOne(models.QuerySet[M]):
    """The lines of a view, in which whoever stands together in a row of its table stands one by one."""

    def of(self, *occurrences: int) -> OneByOne[M]:
        """Those of these occurrences, by their ids, found through the table's indexes."""
        blocks = {number // BLOCK for number in occurrences}
        by_index = Q(alone__in=occurrences) | Q(blocks__overlap=sorted(blocks))
        return self.filter(by_index, occurrence__in=occurrences)


class OneAttempt(models.Model):
    """One attempt of one occurrence: a view, in which those that ended together stand one by one.

    Nothing but `task_id`, `alone` and `blocks` is found by an index: see OneByOne.of. For an occurrence that may move
    again all of its attempts are rows of their own, and Attempt's index finds them as well.
    """

    pk = models.CompositePrimaryKey("occurrence_id", "number")
    occurrence = models.ForeignKey(
        Occurrence, on_delete=models.DO_NOTHING, db_constraint=False, related_name="attempts"
    )
    number = models.PositiveIntegerField()
    handler_kind = models.CharField(max_length=16)
    task_id = models.CharField(max_length=64, blank=True)
    worker = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(null=True)
    alone = models.BigIntegerField(null=True)
    blocks = ArrayField(models.BigIntegerField(), null=True)

    objects = OneByOne["OneAttempt"].as_manager()

    class Meta:
        managed = False
        db_table = "events_one_attempt"
        default_permissions = ()
        ordering = ("occurrence_id", "number")

    def __str__(self) -> str:
        return f"attempt {self.number} of occurrence {self.occurrence_id}"


class Transition(models.Model):
    """A row of the log: one move of one occurrence, or the same move of all that one statement made together.

    Never changed and never deleted: the database refuses it. What an occurrence has done is read as its moves:
    see LoggedMove. What people asked for is always written for one alone, and so is found by its occurrence.

    Its table is one of months, by `at`; see docs/adr/0019-log-by-month.md. Whole months are dropped, by `retain` alone.
    The id is unique within its month by an index, and everywhere by its sequence.
    """

    # No constraint in the database: the log outlives the rows that it tells of.
    occurrence = models.ForeignKey(
        Occurrence,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    occurrences = ArrayField(
        models.BigIntegerField(), null=True, help_text="Those that moved together, in place of one alone."
    )
    blocks = ArrayField(
        models.BigIntegerField(),
        null=True,
        help_text="In which blocks of ids they are: what they are found by.",
    )
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10)
    reason = models.CharField(max_length=30)
    actor = models.CharField(max_length=200, help_text="engine:…, worker:… or user:…")
    attempt = models.PositiveIntegerField(default=0)
    claim_token = models.UUIDField(null=True)
    correlation_id = models.UUIDField(null=True)
    at = models.DateTimeField(help_text="By the database's clock.")
    detail = models.JSONField(null=True)

    class Meta:
        ordering = ("id",)
        constraints: ClassVar = [
            of_one_or_many("transition_of_one_or_many"),
        ]
        indexes: ClassVar = [
            # the story of one occurrence, in order; and what it did together with others
            models.Index(fields=["occurrence", "id"], name="transition_story"),
            by_blocks("transition_together"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=REFUSE,
            ),
            pgtrigger.Trigger(
                name="never_truncated",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func=REFUSE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state} ({self.reason})"


class LoggedMove(models.Model):
    """One move of one occurrence, as the log tells it: a view, in which whoever moved together stands one by one.

    In the order of their numbers, which are the ids of the log's rows, the moves of an occurrence are its story.
    Nothing but `number`, `alone` and `blocks` is found by an index: see OneByOne.of.
    """

    pk = models.CompositePrimaryKey("number", "occurrence_id")
    number = models.BigIntegerField()
    occurrence = models.ForeignKey(
        Occurrence, on_delete=models.DO_NOTHING, db_constraint=False, related_name="moves"
    )
    from_state = models.CharField(max_length=10, blank=True)
    to_state = models.CharField(max_length=10)
    reason = models.CharField(max_length=30)
    actor = models.CharField(max_length=200)
    attempt = models.PositiveIntegerField()
    claim_token = models.UUIDField(null=True)
    correlation_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    detail = models.JSONField(null=True)
    alone = models.BigIntegerField(null=True)
    blocks = ArrayField(models.BigIntegerField(), null=True)

    objects = OneByOne["LoggedMove"].as_manager()

    class Meta:
        managed = False
        db_table = "events_move"
        default_permissions = ()
        ordering = ("number", "occurrence_id")

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} to {self.to_state} ({self.reason})"


class Sweep(models.Model):
    """One tick's sweep: proof that somebody looked. Liveness is a young `seen_at`, not a living process."""

    sweeper = models.CharField(max_length=200, help_text="host:pid")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="The end of its latest pass.")
    passes = models.PositiveIntegerField(default=0)
    claimed = models.PositiveIntegerField(default=0)
    recovered = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        indexes: ClassVar = [
            # doctor and the admin: the latest look
            models.Index(fields=["-seen_at"], name="sweep_latest"),
        ]

    def __str__(self) -> str:
        return f"sweep of {self.started_at:%Y-%m-%d %H:%M:%S} by {self.sweeper}"


class Retention(models.Model):
    """What was dropped on purpose, so that nobody takes it for lost."""

    class What(models.TextChoices):
        """Of what."""

        LOG = "log", "log: the moves made before an instant"
        ROWS = "rows", "rows: occurrences that ended before an instant, and their attempts"

    what = models.CharField(max_length=4, choices=What.choices)
    before = models.DateTimeField(help_text="What is older was dropped.")
    dropped = models.BigIntegerField(help_text="How many moves, or how many occurrences.")
    dropped_at = models.DateTimeField()
    actor = models.CharField(max_length=200)

    class Meta:
        ordering = ("-id",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(what__in=["log", "rows"]), name="retention_what_known"),
        ]

    def __str__(self) -> str:
        return f"{self.what} before {self.before:%Y-%m-%d %H:%M}"
