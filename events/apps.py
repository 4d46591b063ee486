"""The app's entry."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The domain."""

    name = "events"
    verbose_name = "Schedule"
    default_auto_field = "django.db.models.BigAutoField"
