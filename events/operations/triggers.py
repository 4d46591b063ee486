"""Triggers: at an instant that comes with an event, run a function for it. One per function and event.

A function that triggers ask for is a rule of the account, an event is an entity, and a trigger is an occurrence whose
moment was given. Whatever is posted again about an event moves that one row, which keeps its identity: the old instant
never fires, even if the row was claimed by then.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Any

from django.db import transaction

from events import planning, transitions
from events.lifecycle import UNSENT, State
from events.operations.posted_triggers import EVENT
from events.operations.trigger_places import (
    EventsChange,
    TriggerRow,
    events_of,
    places_of,
    rules_of,
)
from events.operations.trigger_standing import standing_of
from events.timing import TZDATA_VERSION
from events.transitions import Given, GivenMove
from events.transitions.amendments import changes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from events.operations.posted_triggers import Trigger
    from events.operations.trigger_places import Pair, Place
    from events.operations.trigger_standing import Standing
    from events.transitions import Origin

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
    """What became of a trigger, and the row that stands for it now; None where there is none.

    TOLD ("changed"): its moment stays, and its handler will be told something else. FIRED: it has fired at that very
    instant, so nothing was given, and whatever else was to come is withdrawn.
    """

    change: TriggerChange
    row: TriggerRow | None


NOTHING = Placed(TriggerChange.UNCHANGED, None)
NOT_WRITTEN = 0


def put_triggers(triggers: Sequence[Trigger], *, owner: int | None, origin: Origin) -> list[Placed]:
    """Write, move and withdraw an account's triggers; what became of each, in their order.

    No two may be for one function and event. Raises InvalidTrigger for a function that nobody answers for.

    1. Nobody plans for events, or retires their rules, meanwhile. Rules and entities that are missing are made.
    2. The events are locked, and then what is unsent of each pair, so that all is decided on what stands.
    3. What is withdrawn, moved, told anew and given: one statement each.

    Where events are to be edited, all of it begins anew, with a plan that was continued for that.
    """
    try:
        with transaction.atomic():
            planning.together([EVENT])
            return _put(triggers, owner, origin, may_edit=False)
    except EventsChange:
        with transaction.atomic():
            planning.plan_before_edits([EVENT], origin=origin)
            return _put(triggers, owner, origin, may_edit=True)


def _put(triggers: Sequence[Trigger], owner: int | None, origin: Origin, *, may_edit: bool) -> list[Placed]:
    rules = rules_of(triggers, owner, origin)
    events = events_of(triggers, owner, origin, any_plans=rules.any_plans, may_edit=may_edit)
    places = places_of(triggers, rules.of_functions, events)
    standing = standing_of([place for place in places if place])
    decided = _Decided()
    placed = [decided.on(place, standing[place.pair]) if place else NOTHING for place in places]
    decided.write(origin)
    return [decided.written(one) for one in placed]


@dataclass(slots=True)
class _Decided:
    """What is to be written, collected pair by pair; and what the database made of it."""

    given: list[Given] = field(default_factory=list)
    moved: list[GivenMove] = field(default_factory=list)
    told: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    withdrawn: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[Pair, int] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)

    def on(self, place: Place, standing: Standing) -> Placed:
        """What becomes of a trigger where this stands."""
        unsent, near = standing
        if place.trigger.at is None:
            self._withdraw(unsent, "its event is not active any more")
            return Placed(TriggerChange.WITHDRAWN, unsent[-1]) if unsent else NOTHING
        fired = [row for row in near if row.due_at == place.trigger.at and row.state not in NOT_FIRED]
        if fired:
            self._withdraw(unsent, "its event was moved to an instant at which it has fired")
            return Placed(TriggerChange.FIRED, fired[-1])
        if not unsent:
            return self._give(place, [row for row in near if row.state != State.CANCELLED])
        self._withdraw(unsent[:-1], "another row of its event stands for it")
        return self._keep(place, unsent[-1], near)

    def _give(self, place: Place, taken: Sequence[TriggerRow]) -> Placed:
        row = place.row(NOT_WRITTEN, _free(place, taken))
        self.given.append(
            Given(*place.pair, row.slot, row.fold, row.timezone, row.due_at, place.trigger.payload)
        )
        return Placed(TriggerChange.CREATED, row)

    def _keep(self, place: Place, row: TriggerRow, near: Sequence[TriggerRow]) -> Placed:
        """The pair's one row, moved or told anew where it has to be."""
        if row.due_at != place.trigger.at or place.trigger.timezone not in {"", row.timezone}:
            moved = place.row(row.id, _free(place, [each for each in near if each.id != row.id]))
            self.moved.append(
                GivenMove(row.id, moved.slot, moved.fold, moved.timezone, moved.due_at, moved.payload)
            )
            return Placed(TriggerChange.MOVED, moved)
        payload = place.trigger.payload
        if any(changes(row.payload, payload)):
            self.told[row.id] = row.payload, payload
            return Placed(TriggerChange.TOLD, row._replace(payload=payload))
        return Placed(TriggerChange.UNCHANGED, row)

    def _withdraw(self, rows: Sequence[TriggerRow], why: str) -> None:
        self.withdrawn[why] += [row.id for row in rows]

    def write(self, origin: Origin) -> None:
        """All of it."""
        for why, ids in self.withdrawn.items():
            if ids:
                gone = transitions.cancel(ids, why=why, origin=origin)
                self.states |= dict.fromkeys(gone, State.CANCELLED)
        if self.moved:
            self.states |= transitions.move_all_given(
                self.moved, tzdata_version=TZDATA_VERSION, origin=origin
            )
        if self.told:
            transitions.tell_given(self.told, origin=origin)
        if self.given:
            rows = transitions.give(self.given, tzdata_version=TZDATA_VERSION, origin=origin)
            self.ids = {(row.rule_id, row.entity_id): row.id for row in rows}

    def written(self, placed: Placed) -> Placed:
        """The same with its row as it was written."""
        row = placed.row
        if row is None:
            return placed
        pk = self.ids.get((row.rule_id, row.entity_id)) if row.id == NOT_WRITTEN else row.id
        state = self.states.get(row.id, row.state)
        return Placed(placed.change, row._replace(id=pk, state=state) if pk else None)


def _free(place: Place, taken: Sequence[TriggerRow]) -> datetime:
    """The place's slot, told apart by microseconds from those that other rows of the pair have."""
    slots = {(row.slot, row.fold) for row in taken}
    return next(
        slot for number in count() if ((slot := place.slot + number * MICROSECOND), place.fold) not in slots
    )
