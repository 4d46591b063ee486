"""django-celery-beat's own pages, in the same clothes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django_celery_beat import admin as theirs
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


class TaskSelect(UnfoldAdminSelectWidget, theirs.TaskSelectWidget):
    """Their list of registered tasks."""


class PeriodicTaskForm(theirs.PeriodicTaskForm):
    """Their form, with our widgets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["regtask"].widget = TaskSelect()
        self.fields["task"].widget = UnfoldAdminTextInputWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(theirs.PeriodicTaskAdmin, ModelAdmin):
    """What beat ticks."""

    form = PeriodicTaskForm
    date_hierarchy = None


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(theirs.IntervalScheduleAdmin, ModelAdmin):
    """Every so often."""


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(theirs.CrontabScheduleAdmin, ModelAdmin):
    """By crontab."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(theirs.ClockedScheduleAdmin, ModelAdmin):
    """Once."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(theirs.SolarScheduleAdmin, ModelAdmin):
    """By the sun."""
