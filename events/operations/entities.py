"""Entities come, change and go; their rows follow in the same transaction."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F

from events import planning, transitions
from events.errors import InvalidField
from events.lifecycle import Reason
from events.models import Entity
from events.operations.errors import InvalidInput, Refusal, StaleVersion, stale, storable
from events.timing import Leap, canonical_zone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from events.transitions import Origin

DATE_LIKE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
NAME_LIMIT = 200
KIND_LIMIT = 50
ATTRIBUTES_LIMIT = 16_384


class InvalidEntity(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What is known of an entity, as given; `check_entity` says whether it can be kept.

    `version` is the one that whoever gives the facts has seen; None asks for none.
    """

    kind: str
    external_id: str
    timezone: str
    name: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    leap: str = ""
    version: int | None = None


class Written(NamedTuple):
    """An entity that was written: its id, and whether it is new."""

    id: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Put:
    """How many entities were new and how many were changed, and how many of their rows were written or moved.

    `written` are those entities, by kind and external id.
    """

    created: int
    changed: int
    planned: int
    written: Mapping[tuple[str, str], Written] = field(default_factory=dict, compare=False, repr=False)


def check_entity(facts: EntityFacts, *, anchors: Collection[str] = ()) -> EntityFacts:
    """The facts with the zone's canonical name; raises InvalidEntity with every field that is wrong.

    `anchors` are the attributes that must be dates, because a rule starts from them.
    """
    refusals = [*_wrong_texts(facts), *_wrong_attributes(facts, anchors)]
    timezone = facts.timezone
    try:
        timezone = canonical_zone(facts.timezone)
    except InvalidField as refusal:
        refusals.append(refusal)
    if refusals:
        raise InvalidEntity(f"entity {facts.external_id!r}", refusals)
    return replace(facts, timezone=timezone)


def _wrong_texts(facts: EntityFacts) -> Iterator[InvalidField]:
    for name, value, limit in (
        ("kind", facts.kind, KIND_LIMIT),
        ("external_id", facts.external_id, NAME_LIMIT),
        ("name", facts.name, NAME_LIMIT),
    ):
        if not value.strip() and name != "name":
            yield Refusal(field=name, problem="it is empty", remedy="Give every entity one.")
        if len(value) > limit:
            yield Refusal(
                field=name,
                problem=f"it has {len(value)} characters",
                remedy=f"Use {limit} at most.",
            )
        if "\x00" in value:
            yield Refusal(field=name, problem="it holds a NUL character", remedy="Take it out.")
    if facts.leap not in {"", *Leap}:
        yield Refusal(
            field="leap",
            problem=f"{facts.leap!r} is not a policy",
            remedy=f"Use one of {', '.join(Leap)}, or none.",
        )


def _wrong_attributes(facts: EntityFacts, anchors: Collection[str]) -> Iterator[InvalidField]:
    if not isinstance(facts.attributes, dict) or not storable(facts.attributes):
        yield Refusal(
            field="attributes",
            problem="they are not a JSON object that PostgreSQL can keep",
            remedy='Write them as {"birthday": "2004-02-29"}, without NUL characters.',
        )
        return
    if len(json.dumps(facts.attributes)) > ATTRIBUTES_LIMIT:
        yield Refusal(
            field="attributes",
            problem=f"they exceed {ATTRIBUTES_LIMIT} bytes of JSON",
            remedy="Keep what rules need.",
        )
    for name, value in facts.attributes.items():
        if name in anchors and not (isinstance(value, str) and _is_date(value)):
            yield Refusal(
                field=name,
                problem=f"{value!r} is not a date, and a rule is anchored on {name!r}",
                remedy="Write it as YYYY-MM-DD, such as 2004-02-29.",
            )
        elif isinstance(value, str) and DATE_LIKE.fullmatch(value.strip()) and not _is_date(value):
            yield Refusal(
                field=name,
                problem=f"{value!r} is not a date that exists",
                remedy="Write it as YYYY-MM-DD, such as 2004-02-29.",
            )


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# Rows that stand as they were given are neither rewritten nor returned.
PUT = """
INSERT INTO events_entity AS e (owner_id, kind, external_id, timezone, name, attributes, leap, version, created_at,
                                updated_at)
SELECT %(owner)s::int, kind, external_id, timezone, name, attributes, leap, 1, %(now)s, %(now)s
FROM unnest(%(kinds)s::text[], %(external_ids)s::text[], %(timezones)s::text[], %(names)s::text[],
            %(attributes)s::jsonb[], %(leaps)s::text[]) AS f(kind, external_id, timezone, name, attributes, leap)
ORDER BY kind, external_id  -- one order for all imports, so that two never wait for each other
ON CONFLICT (owner_id, kind, external_id) DO UPDATE
SET timezone = EXCLUDED.timezone, name = EXCLUDED.name, attributes = EXCLUDED.attributes, leap = EXCLUDED.leap,
    version = e.version + 1, updated_at = %(now)s, deleted_at = NULL
WHERE (e.timezone, e.name, e.attributes, e.leap) IS DISTINCT FROM
      (EXCLUDED.timezone, EXCLUDED.name, EXCLUDED.attributes, EXCLUDED.leap) OR e.deleted_at IS NOT NULL
RETURNING e.kind, e.external_id, e.id, e.version = 1
"""


@transaction.atomic
def put_entities(given: Sequence[EntityFacts], *, owner: int | None = None, origin: Origin) -> Put:
    """Create or update entities of an account by (kind, external id) and plan or re-plan their rows.

    `owner` is the account's id, None the operators'. No two of `given` may name the same entity.
    Raises InvalidEntity, StaleVersion.
    """
    kinds = {each.kind for each in given}
    anchors = {kind: planning.anchors_of(kind, owner=owner) for kind in kinds}
    facts = [check_entity(each, anchors=anchors[each.kind]) for each in given]
    planning.plan_before_edits(kinds, origin=origin)
    with connection.cursor() as cursor:
        cursor.execute(
            PUT,
            {
                "owner": owner,
                "kinds": [each.kind for each in facts],
                "external_ids": [each.external_id for each in facts],
                "timezones": [each.timezone for each in facts],
                "names": [each.name for each in facts],
                "attributes": [json.dumps(each.attributes) for each in facts],
                "leaps": [each.leap for each in facts],
                "now": origin.now,
            },
        )
        written = {(kind, external_id): Written(*row) for kind, external_id, *row in cursor.fetchall()}
    created = [each.id for each in written.values() if each.is_new]
    changed = [each.id for each in written.values() if not each.is_new]
    _check_versions([each for each in facts if each.version is not None], owner, set(created), set(changed))
    planned = planning.plan_entities(created, kinds=kinds, origin=origin) if created else 0
    planned += planning.replan_entities(changed, kinds=kinds, origin=origin) if changed else 0
    return Put(len(created), len(changed), planned, written)


def _check_versions(
    facts: Sequence[EntityFacts], owner: int | None, created: set[int], changed: set[int]
) -> None:
    """Compare what was seen with what was there before the rows were written; they are locked since.

    Looking first would take the locks in another order than the statement that writes.
    """
    if not facts:
        return
    named = Entity.objects.filter(
        owner=owner,
        kind__in={each.kind for each in facts},
        external_id__in=[each.external_id for each in facts],
    )
    versions = {
        (kind, external_id): None if entity_id in created else version - (entity_id in changed)
        for entity_id, kind, external_id, version in named.values_list("pk", "kind", "external_id", "version")
    }
    refusals = [
        stale(f"{each.kind} {each.external_id!r}", expected=each.version or 0, current=current)
        for each in facts
        if (current := versions[each.kind, each.external_id]) != each.version
    ]
    _raise_stale(refusals)


@transaction.atomic
def delete_entities(
    ids: Sequence[int], *, why: str, origin: Origin, expected_versions: Mapping[int, int] | None = None
) -> int:
    """Delete entities: what was not sent is CANCELLED(entity_deleted), their history stays; how many were deleted.

    `expected_versions` are those that were seen, by id; who is not in it is not compared. Raises StaleVersion.
    """
    kinds = Entity.objects.filter(pk__in=ids).values_list("kind", flat=True).distinct()
    planning.plan_before_edits(kinds, origin=origin)
    found = Entity.objects.filter(pk__in=ids).order_by("kind", "external_id").select_for_update(no_key=True)
    refusals = [
        stale(f"{each.kind} {each.external_id!r}", expected=seen, current=each.version)
        for each in found
        if (seen := (expected_versions or {}).get(each.pk, each.version)) != each.version
    ]
    _raise_stale(refusals)
    deleted = Entity.objects.filter(pk__in=ids, deleted_at=None).update(
        deleted_at=origin.now, version=F("version") + 1
    )
    for entity_id in ids:
        transitions.cancel_all(entity_id=entity_id, reason=Reason.ENTITY_DELETED, why=why, origin=origin)
    return deleted


def _raise_stale(refusals: Sequence[InvalidField]) -> None:
    if refusals:
        several = "one of the entities" if len(refusals) == 1 else f"{len(refusals)} of the entities"
        raise StaleVersion(several, refusals)
