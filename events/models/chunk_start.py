"""That a worker has taken up a chunk whose rows start and end in one transaction."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ChunkStart(models.Model):
    """A chunk at work: committed before its handler is called, and gone with what its rows came to.

    So what stands here past its lease, and is locked by nobody, was lost with its worker. It stands for the attempts of
    all of its rows, which are written when they end. See docs/adr/0022-start-and-settle-together.md.
    """

    claim_token = models.UUIDField()
    first = models.BigIntegerField(
        help_text="The least of its occurrences: with the token, the chunk's identity."
    )
    occurrences = ArrayField(models.BigIntegerField())
    task_id = models.CharField(max_length=64, blank=True)
    worker = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    lease_expires_at = models.DateTimeField()

    class Meta:
        ordering = ("id",)
        verbose_name = "chunk at work"
        verbose_name_plural = "chunks at work"
        constraints: ClassVar = [
            # a second copy of the message starts nothing
            models.UniqueConstraint(fields=["claim_token", "first"], name="chunk_start_once"),
        ]

    def __str__(self) -> str:
        return f"{len(self.occurrences)} occurrences taken up by {self.worker}"
