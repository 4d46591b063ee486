"""Where triggers belong: the rules of their functions, the entities of their events, and what stands there already."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events import handling, planning, transitions
from events.models import Entity, Rule, RuleRole, RuleState
from events.operations.entities import EntityFacts, put_entities
from events.operations.posted_triggers import EVENT, InvalidTrigger, unknown_function
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from events.operations.posted_triggers import Trigger
    from events.transitions import OpenRow, Origin

# A rule and an entity.
Pair = tuple[int, int]
# Any instant: what is not active has none.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Event(NamedTuple):
    """An event's entity, and its zone."""

    id: int
    timezone: str


class Place(NamedTuple):
    """A trigger, its rule and entity, and its instant as the wall time of its event."""

    trigger: Trigger
    pair: Pair
    timezone: str
    slot: datetime
    fold: int


class Near(NamedTuple):
    """A row of a pair that is at its place's instant, or at its slot to the millisecond."""

    id: int
    slot: datetime
    fold: int
    due_at: datetime
    state: str


class Standing(NamedTuple):
    """What there is of a pair."""

    unsent: list[OpenRow]
    near: list[Near]


def rules_of(triggers: Sequence[Trigger], owner: int | None) -> dict[str, int]:
    """The ids of the functions' rules; those of functions that are to run are made where they are missing."""
    wanted = {each.function for each in triggers if each.at is not None}
    named = {each.function for each in triggers}
    live = Rule.objects.filter(owner=owner, role=RuleRole.TRIGGERS, handler__in=named)
    live = live.exclude(state=RuleState.RETIRED).order_by("-pk")
    found: dict[str, int] = dict(live.values_list("handler", "pk"))
    for function in sorted(named - found.keys()):
        if function not in handling.installed():
            raise InvalidTrigger(f"the trigger of {function!r}", [unknown_function(function)])
        if function in wanted:
            found[function] = _made_rule(function, owner)
    return found


def _made_rule(function: str, owner: int | None) -> int:
    """The id of the function's rule, which somebody else may make at the same time; a name may be taken already."""
    for number in count(1):
        name = f"trigger {function}" if number == 1 else f"trigger {function} {number}"
        rule = Rule(owner_id=owner, role=RuleRole.TRIGGERS, name=name, handler=function, audience_kind=EVENT)
        Rule.objects.bulk_create([rule], ignore_conflicts=True)
        known = Rule.objects.get(owner=owner, name=name)
        if (known.role, known.handler) == (RuleRole.TRIGGERS, function) and known.state != RuleState.RETIRED:
            return known.pk
    raise AssertionError  # pragma: no cover - there is always another number


# All of them are locked in this one pass, those that exist too, in the order in which imports take them: so two never
# wait for each other. Of events that nothing is to run for, those that never were are not made.
LOCK_EVENTS = """
INSERT INTO events_entity (owner_id, kind, external_id, timezone, name, attributes, leap, version)
SELECT %(owner)s::int, %(kind)s, external_id, timezone, '', '{}', '', 1
FROM unnest(%(external_ids)s::text[], %(timezones)s::text[], %(wanted)s::bool[]) AS f(external_id, timezone, wanted)
WHERE wanted OR EXISTS (
    SELECT 1 FROM events_entity e
    WHERE e.owner_id IS NOT DISTINCT FROM %(owner)s::int AND e.kind = %(kind)s AND e.external_id = f.external_id
)
ORDER BY external_id
ON CONFLICT (owner_id, kind, external_id) DO UPDATE SET name = EXCLUDED.name WHERE false
RETURNING id
"""


def events_of(triggers: Sequence[Trigger], owner: int | None, origin: Origin) -> dict[str, Event]:
    """The events' entities, locked until the transaction ends; those that something is to run for are made."""
    zones = {each.event_id: each.timezone for each in triggers if each.at is not None}
    ids = list({each.event_id for each in triggers})
    made = _lock(ids, zones, owner)
    if made:
        planning.plan_entities(made, kinds=[EVENT], origin=origin)
    found = list(Entity.objects.filter(owner=owner, kind=EVENT, external_id__in=ids))
    edited = _edited(found, zones)
    if edited:
        put_entities(list(edited.values()), owner=owner, origin=origin)
    return {each.external_id: Event(each.pk, edited.get(each.external_id, each).timezone) for each in found}


def _lock(ids: Sequence[str], zones: Mapping[str, str], owner: int | None) -> list[int]:
    """Lock the events, and make those of `zones` that are missing; the ids of these."""
    told: dict[str, Any] = {
        "owner": owner,
        "kind": EVENT,
        "external_ids": ids,
        "timezones": [zones.get(each) or "UTC" for each in ids],
        "wanted": [each in zones for each in ids],
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_EVENTS, told)
        return [row[0] for row in cursor.fetchall()]


def _edited(found: Sequence[Entity], zones: Mapping[str, str]) -> dict[str, EntityFacts]:
    """Events that move to another zone, or live again because something is to run for them."""
    edited = {}
    for each in found:
        timezone = zones.get(each.external_id) or each.timezone
        is_deleted = each.deleted_at is not None and each.external_id in zones
        if is_deleted or timezone != each.timezone:
            facts = EntityFacts(EVENT, each.external_id, timezone, each.name, each.attributes, each.leap)
            edited[each.external_id] = facts
    return edited


def places_of(
    triggers: Sequence[Trigger], rules: Mapping[str, int], events: Mapping[str, Event]
) -> list[Place | None]:
    """Where each trigger belongs; None where there never was anything of it."""
    return [
        _place(each, rules[each.function], events[each.event_id])
        if each.function in rules and each.event_id in events
        else None
        for each in triggers
    ]


def _place(trigger: Trigger, rule_id: int, event: Event) -> Place:
    timezone = trigger.timezone or event.timezone
    local = (trigger.at or LONG_AGO).astimezone(zone(timezone))
    return Place(trigger, (rule_id, event.id), timezone, local.replace(tzinfo=None, fold=0), local.fold)


NEAR = """
SELECT o.rule_id, o.entity_id, o.id, o.slot, o.fold, o.due_at, o.state
FROM unnest(%(rules)s::bigint[], %(entities)s::bigint[], %(slots)s::timestamp[], %(instants)s::timestamptz[])
     AS w(rule_id, entity_id, slot, at)
JOIN events_occurrence o ON (o.rule_id, o.entity_id) = (w.rule_id, w.entity_id)
WHERE o.due_at = w.at OR o.slot >= w.slot AND o.slot < w.slot + interval '1 millisecond'
"""


def standing_of(places: Sequence[Place], origin: Origin) -> dict[Pair, Standing]:
    """What there is of each pair; what is unsent is locked."""
    found = {place.pair: Standing([], []) for place in places}
    for row in transitions.open_given(list(found), origin=origin) if found else ():
        found[row.rule_id, row.entity_id].unsent.append(row)
    due = [place for place in places if place.trigger.at is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            NEAR,
            {
                "rules": [place.pair[0] for place in due],
                "entities": [place.pair[1] for place in due],
                "slots": [place.slot for place in due],
                "instants": [place.trigger.at for place in due],
            },
        )
        for rule_id, entity_id, *near in cursor.fetchall():
            found[rule_id, entity_id].near.append(Near(*near))
    return found
