"""Where triggers belong: the rules of their functions, and the entities of their events."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from events import handling, planning
from events.lifecycle import State
from events.models import GIVEN_ROLES, Entity, Rule, RuleRole, RuleState
from events.operations.entities import EntityFacts, put_entities
from events.operations.posted_triggers import EVENT, InvalidTrigger, unknown_function
from events.timing import zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from events.operations.posted_triggers import Trigger
    from events.transitions import Origin

# A rule and an entity.
Pair = tuple[int, int]
# Any instant: what is not active has none.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# Written so that the indexes by account find it, and the operators' too.
OWNED = "(owner_id = %(owner)s::int OR %(owner)s::int IS NULL AND owner_id IS NULL)"


class EventsChange(Exception):
    """Events are to be edited, and whoever calls has not made sure that everything stands by the facts of before."""


class Rules(NamedTuple):
    """The ids of the functions' rules, and whether any other rule of the account plans for events."""

    of_functions: Mapping[str, int]
    any_plans: bool


class Event(NamedTuple):
    """An event's entity. `is_new`: it was made just now, so nothing is there of it."""

    id: int
    timezone: str
    is_deleted: bool = False
    is_new: bool = False


class Place(NamedTuple):
    """A trigger, its rule and event, and its instant as the wall time of its event."""

    trigger: Trigger
    rule_id: int
    event: Event
    timezone: str
    slot: datetime
    fold: int

    @property
    def pair(self) -> Pair:
        """The rule and the event."""
        return self.rule_id, self.event.id

    def row(self, pk: int, slot: datetime) -> TriggerRow:
        """The row that waits here for its instant, which the trigger has."""
        assert self.trigger.at is not None
        at, payload = self.trigger.at, self.trigger.payload
        return TriggerRow(pk, *self.pair, slot, self.fold, self.timezone, at, State.SCHEDULED, payload)


class TriggerRow(NamedTuple):
    """A row of a pair as it stands."""

    id: int
    rule_id: int
    entity_id: int
    slot: datetime
    fold: int
    timezone: str
    due_at: datetime
    state: str
    payload: Any


RULES = f"""
SELECT handler, id FROM events_rule
WHERE {OWNED} AND state <> '{RuleState.RETIRED}' AND role = '{RuleRole.TRIGGERS}' AND handler = ANY(%(functions)s)
UNION ALL (
    SELECT '', 0 FROM events_rule
    WHERE {OWNED} AND state <> '{RuleState.RETIRED}' AND role <> ALL(%(given)s)
      AND audience_kind = '{EVENT}' LIMIT 1
) ORDER BY id DESC
"""  # noqa: S608 - put together from constants


def rules_of(triggers: Sequence[Trigger], owner: int | None, origin: Origin) -> Rules:
    """The functions' rules; those of functions that are to run are made where they are missing."""
    wanted = {each.function for each in triggers if each.at is not None}
    named = {each.function for each in triggers}
    with connection.cursor() as cursor:
        cursor.execute(RULES, {"owner": owner, "functions": list(named), "given": list(GIVEN_ROLES)})
        found: dict[str, int] = dict(cursor.fetchall())
    any_plans = found.pop("", None) is not None
    for function in sorted(named - found.keys()):
        if function not in handling.installed():
            raise InvalidTrigger(f"the trigger of {function!r}", [unknown_function(function)])
        if function in wanted:
            found[function] = _made_rule(function, owner, origin)
    return Rules(found, any_plans)


def _made_rule(function: str, owner: int | None, origin: Origin) -> int:
    """The id of the function's rule, which somebody else may make at the same time; a name may be taken already."""
    for number in count(1):
        name = f"trigger {function}" if number == 1 else f"trigger {function} {number}"
        rule = Rule(
            owner_id=owner, role=RuleRole.TRIGGERS, name=name, handler=function, audience_kind=EVENT,
            timed_since=origin.now, created_at=origin.now, updated_at=origin.now,
        )  # fmt: skip
        Rule.objects.bulk_create([rule], ignore_conflicts=True)
        known = Rule.objects.get(owner=owner, name=name)
        if (known.role, known.handler) == (RuleRole.TRIGGERS, function) and known.state != RuleState.RETIRED:
            return known.pk
    raise AssertionError  # pragma: no cover - there is always another number


# All of them are locked in this one pass, those that exist too, in the order in which imports take them: so two never
# wait for each other. Of events that nothing is to run for, those that never were are not made.
LOCK_EVENTS = f"""
INSERT INTO events_entity (owner_id, kind, external_id, timezone, name, attributes, leap, version, created_at,
                           updated_at)
SELECT %(owner)s::int, '{EVENT}', external_id, timezone, '', '{{}}', '', 1, %(now)s, %(now)s
FROM unnest(%(external_ids)s::text[], %(timezones)s::text[], %(wanted)s::bool[]) AS f(external_id, timezone, wanted)
WHERE wanted OR EXISTS (
    SELECT 1 FROM events_entity e WHERE {OWNED} AND e.kind = '{EVENT}' AND e.external_id = f.external_id
)
ORDER BY external_id
ON CONFLICT (owner_id, kind, external_id) DO UPDATE SET name = EXCLUDED.name WHERE false
RETURNING external_id, id, timezone, false, true
"""  # noqa: S608 - put together from constants
# Asked when the locks are held, so it is as they stand.
KNOWN_EVENTS = f"""
SELECT external_id, id, timezone, deleted_at IS NOT NULL FROM events_entity
WHERE {OWNED} AND kind = '{EVENT}' AND external_id = ANY(%(external_ids)s)
"""  # noqa: S608


def events_of(
    triggers: Sequence[Trigger], owner: int | None, origin: Origin, *, any_plans: bool, may_edit: bool
) -> dict[str, Event]:
    """The events' entities, locked until the transaction ends; those that something is to run for are made.

    `any_plans` as of Rules. Raises EventsChange where some must be edited, and nobody said that they may be.
    """
    zones = {each.event_id: each.timezone for each in triggers if each.at is not None}
    ids = {each.event_id for each in triggers}
    found = _locked(ids, zones, owner, origin)
    if found and any_plans:
        planning.plan_entities([each.id for each in found.values()], kinds=[EVENT], origin=origin)
    if others := ids - found.keys():
        found |= _events(KNOWN_EVENTS, owner=owner, external_ids=list(others))
    edited = _edited(found, zones)
    if edited and not may_edit:
        raise EventsChange
    return found | _put(edited, owner, origin) if edited else found


def _locked(
    ids: Iterable[str], zones: Mapping[str, str], owner: int | None, origin: Origin
) -> dict[str, Event]:
    """Lock the events, and make those of `zones` that are missing; these."""
    named = list(ids)
    return _events(
        LOCK_EVENTS,
        owner=owner,
        external_ids=named,
        timezones=[zones.get(each) or "UTC" for each in named],
        wanted=[each in zones for each in named],
        now=origin.now,
    )


def _events(statement: str, **parameters: Any) -> dict[str, Event]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {external_id: Event(*facts) for external_id, *facts in cursor.fetchall()}


def _edited(found: Mapping[str, Event], zones: Mapping[str, str]) -> dict[str, Event]:
    """Events that move to another zone, or live again because something is to run for them; as they will be."""
    edited = {}
    for external_id, event in found.items():
        timezone = zones.get(external_id) or event.timezone
        if (event.is_deleted and external_id in zones) or timezone != event.timezone:
            edited[external_id] = Event(event.id, timezone)
    return edited


def _put(edited: dict[str, Event], owner: int | None, origin: Origin) -> dict[str, Event]:
    """Edit them; what else is known of them stays."""
    known = Entity.objects.in_bulk([event.id for event in edited.values()])
    facts = [
        EntityFacts(
            EVENT,
            external_id,
            event.timezone,
            known[event.id].name,
            known[event.id].attributes,
            known[event.id].leap,
        )
        for external_id, event in edited.items()
    ]
    put_entities(facts, owner=owner, origin=origin)
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
    return Place(trigger, rule_id, event, timezone, local.replace(tzinfo=None, fold=0), local.fold)
