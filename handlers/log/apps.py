"""The app's entry."""

from django.apps import AppConfig


class LogHandlerConfig(AppConfig):
    """The deliveries of the handler "log"."""

    name = "handlers.log"
    label = "log_handler"
    verbose_name = "Log handler"
    default_auto_field = "django.db.models.BigAutoField"
