"""The Celery app: its queues, and what a worker does when it starts, stops, and between two tasks."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from celery.apps.worker import Worker
from kombu import Exchange, Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")

app = Celery("punctual")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
