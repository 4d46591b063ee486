"""Dead letters as operators look for them, and what their handlers would be told."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import CharField, OuterRef, Subquery, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from events import grouping
from events.lifecycle import DEAD_LETTERS, State
from events.models import Attempt, RuleRole
from events.queries.occurrences import dead_letters

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from django.db.models import QuerySet

    from events.models import Occurrence, Rule


class Source(StrEnum):
    """Where an occurrence's payload comes from."""

    OWN = "its own, given by a person"
    SNAPSHOT = "as its rule had it when it was planned"
    GROUP = "what its group has collected"
    RULE = "its rule's"


class Told(NamedTuple):
    """What the handler would be told, and by what right."""

    payload: Any
    source: Source


def payload_of(occurrence: Occurrence) -> Told:
    """The payload that its next attempt would have."""
    if occurrence.payload is not None:
        return Told(occurrence.payload, Source.OWN)
    if occurrence.snapshot is not None:
        return Told(occurrence.snapshot["payload"], Source.SNAPSHOT)
    if occurrence.rule.role == RuleRole.GROUPS:
        for contents in grouping.contents_of([occurrence.pk]).values():
            return Told(contents.payload, Source.GROUP)
    return Told(occurrence.rule.payload, Source.RULE)


def find_dead_letters(
    *,
    states: Collection[State] = DEAD_LETTERS,
    rule: Rule | None = None,
    handler: str = "",
    why: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Occurrence]:
    """The dead letters that fit all that is given; each has `why`, what its last attempt said, as text.

    `why` is text that the last attempt's detail contains, whatever its case; due from `since` on, and before `until`.
    """
    last = Attempt.objects.filter(occurrence=OuterRef("pk"), number=OuterRef("attempt"))
    detail = Cast("detail", TextField())
    said = Coalesce(KeyTextTransform("why", "detail"), detail, output_field=TextField())
    exact: dict[str, Any] = {
        "rule": rule, "rule__handler": handler, "due_at__gte": since, "due_at__lt": until,
    }  # fmt: skip
    found = dead_letters().filter(
        state__in=sorted(states), **{name: value for name, value in exact.items() if value}
    )
    if why:
        found = found.annotate(detail=Subquery(last.values_list(detail))).filter(
            detail__icontains=_as_in_json(why)
        )
    return found.annotate(why=Subquery(last.values_list(said), output_field=CharField()))


def _as_in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
