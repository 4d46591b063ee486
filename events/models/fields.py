"""Columns that Django has no field for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

    AnyField = models.Field[Any, Any]
else:
    AnyField = models.Field


# No row's id is larger.
LARGEST_ID = models.BigIntegerField.MAX_BIGINT


class WallTimeField(AnyField):
    """A nominal local date and time with no zone: `timestamp without time zone`, a naive datetime in Python.

    Django's DateTimeField always means an instant when USE_TZ is on; a slot is not an instant until a zone is applied.
    """

    description = "Local wall time"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # noqa: ARG002 - Django's signature
        return "timestamp"

    def get_prep_value(self, value: Any) -> Any:
        if value is not None and value.tzinfo is not None:
            raise ValueError(f"{self.name}: {value} carries a zone; a wall time has none")
        return super().get_prep_value(value)

    def value_to_string(self, obj: models.Model) -> str:
        value: datetime | None = self.value_from_object(obj)
        return value.isoformat() if value else ""
