"""Triggers: at an instant that comes with an event, run a function for it. One per function and event.

A function that triggers ask for is a rule of the account, an event is an entity, and a trigger is an occurrence whose
moment was given. Whatever is posted again about an event moves that one row, which keeps its identity: the old instant
never fires, even if the row was claimed by then.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import planning, transitions
from events.lifecycle import UNSENT, State
from events.models import Occurrence
from events.operations.posted_triggers import EVENT
from events.operations.trigger_places import events_of, places_of, rules_of, standing_of
from events.timing import TZDATA_VERSION
from events.transitions import Given, GivenMove
from events.transitions.amendments import changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from events.operations.posted_triggers import Trigger
    from events.operations.trigger_places import Near, Pair, Place, Standing
    from events.transitions import OpenRow, Origin

MICROSECOND = timedelta(microseconds=1)
# A row in any other state has fired, or is at it.
NOT_FIRED = UNSENT | {State.CANCELLED}


class TriggerChange(StrEnum):
    """What became of a trigger that was posted."""

    CREATED = "created"
    MOVED = "moved"
    TOLD = "changed"
    UNCHANGED = "unchanged"
    FIRED = "fired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a trigger, and the occurrence that stands for it; None where there is none.

    TOLD ("changed"): its moment stays, and its handler will be told something else. FIRED: it has fired at that very
    instant, so nothing was given, and whatever else was to come is withdrawn.
    """

    change: TriggerChange
    occurrence_id: int | None


NOTHING = Placed(TriggerChange.UNCHANGED, None)


@transaction.atomic
def put_triggers(triggers: Sequence[Trigger], *, owner: int | None, origin: Origin) -> list[Placed]:
    """Write, move and withdraw an account's triggers; what became of each, in their order.

    No two may be for one function and event. Raises InvalidTrigger for a function that nobody answers for.

    1. Nobody plans for events, or retires their rules, meanwhile. Rules and entities that are missing are made.
    2. The events are locked, and then what is unsent of each pair, so that all is decided on what stands.
    3. What is withdrawn, moved, told anew and given: one statement each.
    """
    planning.plan_before_edits([EVENT], origin=origin)
    places = places_of(triggers, rules_of(triggers, owner), events_of(triggers, owner, origin))
    standing = standing_of([place for place in places if place], origin)
    decided = _Decided()
    placed = [decided.on(place, standing[place.pair]) if place else NOTHING for place in places]
    given = decided.write(origin)
    return [
        replace(one, occurrence_id=given[place.pair]) if place and place.pair in given else one
        for one, place in zip(placed, places, strict=True)
    ]


@dataclass(slots=True)
class _Decided:
    """What is to be written, collected pair by pair."""

    given: list[Given] = field(default_factory=list)
    moved: list[GivenMove] = field(default_factory=list)
    told: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    withdrawn: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def on(self, place: Place, standing: Standing) -> Placed:
        """What becomes of a trigger where this stands."""
        unsent, near = standing
        if place.trigger.at is None:
            self._withdraw(unsent, "its event is not active any more")
            return Placed(TriggerChange.WITHDRAWN, unsent[-1].id) if unsent else NOTHING
        fired = [row for row in near if row.due_at == place.trigger.at and row.state not in NOT_FIRED]
        if fired:
            self._withdraw(unsent, "its event was moved to an instant at which it has fired")
            return Placed(TriggerChange.FIRED, fired[-1].id)
        if not unsent:
            taken = [row for row in near if row.state != State.CANCELLED]
            self.given.append(
                Given(
                    *place.pair, _free(place, taken), place.fold, place.timezone, place.trigger.at,
                    place.trigger.payload,
                )
            )  # fmt: skip
            return Placed(TriggerChange.CREATED, None)
        self._withdraw(unsent[:-1], "another row of its event stands for it")
        return self._keep(place, unsent[-1], near)

    def _keep(self, place: Place, row: OpenRow, near: Sequence[Near]) -> Placed:
        """The pair's one row, moved or told anew where it has to be."""
        at, payload = place.trigger.at, place.trigger.payload
        if at is not None and (row.due_at != at or place.trigger.timezone not in {"", row.timezone}):
            others = [each for each in near if each.id != row.id]
            slot = _free(place, others)
            self.moved.append(GivenMove(row.id, slot, place.fold, place.timezone, at, payload))
            return Placed(TriggerChange.MOVED, row.id)
        if any(changes(row.payload, payload)):
            self.told[row.id] = row.payload, payload
            return Placed(TriggerChange.TOLD, row.id)
        return Placed(TriggerChange.UNCHANGED, row.id)

    def _withdraw(self, rows: Sequence[OpenRow], why: str) -> None:
        self.withdrawn[why] += [row.id for row in rows]

    def write(self, origin: Origin) -> dict[Pair, int]:
        """All of it; the ids of the given rows by their pairs."""
        for why, ids in self.withdrawn.items():
            if ids:
                transitions.cancel(ids, why=why, origin=origin)
        if self.moved:
            transitions.move_all_given(self.moved, tzdata_version=TZDATA_VERSION, origin=origin)
        if self.told:
            transitions.tell_given(self.told, origin=origin)
        if not self.given:
            return {}
        rows = transitions.give(self.given, tzdata_version=TZDATA_VERSION, origin=origin)
        written = Occurrence.objects.filter(pk__in=[row.id for row in rows])
        return {(rule, entity): pk for pk, rule, entity in written.values_list("pk", "rule_id", "entity_id")}


def _free(place: Place, taken: Sequence[Near]) -> datetime:
    """The place's slot, told apart by microseconds from those that other rows of the pair have."""
    slots = {(row.slot, row.fold) for row in taken}
    return next(
        slot for number in count() if ((slot := place.slot + number * MICROSECOND), place.fold) not in slots
    )
