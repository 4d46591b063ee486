"""The results of Celery's tasks, to be read: each chunk's with the attempts that it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django_celery_results.models import GroupResult, TaskResult
from unfold.decorators import display

from events.admin.base import ExactSearchAdmin
from events.admin.filters import RangeFilter, TaskStatusFilter
from events.models import OneAttempt
from events.templatetags import show

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

MOST_SHOWN = 100

for model in (TaskResult, GroupResult):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(TaskResult)
class TaskResultAdmin(ExactSearchAdmin):
    """One result for each chunk."""

    list_display = ("done", "task_name", "status_badge", "result", "worker", "task_id")
    list_filter = (TaskStatusFilter, ("date_done", RangeFilter))
    search_fields = ("=task_id",)
    searched = "task_id"
    search_help_text = "A task's id."
    ordering = ("-date_done",)
    change_form_template = "events/task_result.html"

    def told_of(self, request: HttpRequest, row: TaskResult) -> dict[str, Any]:
        """The result, and the attempts that its task ran."""
        ran = OneAttempt.objects.filter(task_id=row.task_id) if row.task_id else OneAttempt.objects.none()
        shown = ran.select_related("occurrence__rule", "occurrence__entity")[:MOST_SHOWN]
        return {**super().told_of(request, row), "attempts": shown, "most_shown": MOST_SHOWN}

    @display(description="Done, UTC")
    def done(self, row: TaskResult) -> str:
        """When it was written."""
        return show.instant(row.date_done)

    @display(description="Status", ordering="status")
    def status_badge(self, row: TaskResult) -> SafeString:
        """Celery's word, in its colour."""
        return show.task_status(row.status)
