"""An account's entities: one at a time by its name, or many in sets, of which a bad one stops no other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import transaction

from events import planning
from events.models import Entity
from events.operations.entities import EntityFacts, InvalidEntity, Put, check_entity, put_entities
from events.operations.errors import Refusal, StaleVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.errors import InvalidField
    from events.transitions import Origin


class Became(StrEnum):
    """What became of an entity that was given."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of many; `entity_id` where it was not refused."""

    became: Became
    entity_id: int | None = None
    refusals: tuple[InvalidField, ...] = ()


def facts_of(entity: Entity) -> EntityFacts:
    """What is known of it."""
    return EntityFacts(
        entity.kind, entity.external_id, entity.timezone, entity.name, entity.attributes, entity.leap
    )


@transaction.atomic
def put_entity(facts: EntityFacts, *, owner: int, seen: int | None, origin: Origin) -> Entity:
    """Write an account's entity anew whose version was seen, or create it: None.

    One that was deleted is there no more: it may be created, and keeps its history. Raises InvalidEntity, StaleVersion.
    """
    named = Entity.objects.filter(owner=owner, kind=facts.kind, external_id=facts.external_id)
    buried = named.exclude(deleted_at=None).first() if seen is None else None
    version = buried.version if buried else seen
    put = put_entities([replace(facts, version=version)], owner=owner, origin=origin)
    if version is None and not put.created:
        problem = f"{facts.kind} {facts.external_id!r} exists now, and did not before"
        raise StaleVersion(
            "one of the entities",
            [Refusal(field="version", problem=problem, remedy="Load it, look, and repeat your change.")],
        )
    return named.get()


@transaction.atomic
def put_in_bulk(given: Sequence[EntityFacts], *, owner: int, origin: Origin) -> list[Result]:
    """Create or write anew an account's entities, whatever their versions; what became of each, in their order.

    No two of `given` may name the same entity. What is wrong is refused, and stops nothing.
    """
    kinds = {facts.kind for facts in given}
    planning.plan_before_edits(kinds, origin=origin)  # from here on no rule comes that needs other attributes
    anchors = {kind: planning.anchors_of(kind, owner=owner) for kind in kinds}
    checked = [_checked(facts, anchors[facts.kind]) for facts in given]
    sound = [facts for facts in checked if isinstance(facts, EntityFacts)]
    became = _became(sound, put_entities(sound, owner=owner, origin=origin), owner)
    return [
        became[facts.kind, facts.external_id] if isinstance(facts, EntityFacts) else facts
        for facts in checked
    ]


def _checked(facts: EntityFacts, anchors: set[str]) -> EntityFacts | Result:
    try:
        return check_entity(facts, anchors=anchors)
    except InvalidEntity as refused:
        return Result(Became.REFUSED, refusals=refused.refusals)


def _became(given: Sequence[EntityFacts], put: Put, owner: int) -> dict[tuple[str, str], Result]:
    """By name; what was not written stood so before."""
    same = [facts for facts in given if (facts.kind, facts.external_id) not in put.written]
    rows = Entity.objects.filter(
        owner=owner,
        kind__in={facts.kind for facts in same},
        external_id__in=[facts.external_id for facts in same],
    )
    known = rows.values_list("kind", "external_id", "pk") if same else ()
    became = {(kind, external_id): Result(Became.UNCHANGED, pk) for kind, external_id, pk in known}
    return became | {
        name: Result(Became.CREATED if written.is_new else Became.CHANGED, written.id)
        for name, written in put.written.items()
    }
