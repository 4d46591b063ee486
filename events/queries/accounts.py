"""What an account has, and nothing of anybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from events.models import ApiKey, Entity, Group, GroupType, Occurrence, Rule
from events.models.fields import LARGEST_ID

if TYPE_CHECKING:
    from django.db.models import QuerySet

Row = TypeVar("Row", bound=models.Model)

# By which of its columns a row belongs to an account.
OWNER: dict[type[models.Model], str] = {
    ApiKey: "owner",
    Entity: "owner",
    Rule: "owner",
    Occurrence: "rule__owner",
    GroupType: "rule__owner",
    Group: "type__rule__owner",
}


def owned(model: type[Row], owner_id: int) -> QuerySet[Row]:
    """The rows of a model that belong to an account."""
    column: dict[str, Any] = {OWNER[model]: owner_id}
    return model._default_manager.filter(**column)


def owned_one(model: type[Row], owner_id: int, **names: Any) -> Row | None:
    """The account's row of these names, or None: also where no number could be an id."""
    if any(isinstance(value, int) and not -LARGEST_ID < value <= LARGEST_ID for value in names.values()):
        return None
    return owned(model, owner_id).filter(**names).first()
