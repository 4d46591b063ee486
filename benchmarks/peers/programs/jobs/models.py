"""What has to be done, and whether it was."""

# mypy: ignore-errors
from django.db import models


class Job(models.Model):
    """One job, due at an instant."""

    due_at = models.DateTimeField(db_index=True)
    status = models.CharField(max_length=10, default="new", db_index=True)
    done_at = models.DateTimeField(null=True)

    def __str__(self):
        return f"{self.status} job, due at {self.due_at}"
