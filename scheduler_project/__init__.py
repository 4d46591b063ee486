"""The deployment: settings, the Celery app, urls, and the local process runner."""

from scheduler_project.celery import app as celery_app

__all__ = ["celery_app"]
