"""The app's entry."""

from importlib import import_module

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The domain."""

    name = "events"
    verbose_name = "Schedule"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        # Only now: they import the models, which must not be imported before every app is loaded.
        import_module("events.checks")
