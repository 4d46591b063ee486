"""A trigger as somebody posts it, in either spelling of its fields -> `Trigger`, or refused field by field."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from events import handling
from events.errors import InvalidField
from events.operations.entities import EntityFacts, InvalidEntity, check_entity
from events.operations.errors import InvalidInput, Refusal, shown, storable
from events.operations.payloads import check_object, check_payload
from events.timing import canonical_zone, read_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

# An event is an entity of this kind, called by its event id.
EVENT = "event"
ACTIVE = "active"
LONGEST_PAYLOAD = 65_536
# By the name that we use: as a back end writes it, and as we do.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "trigger_at": ("triggerUtc", "trigger_at"),
    "function": ("functiontorun", "function"),
    "event_id": ("eventid", "event_id"),
    "push_subscription": ("vapidKey", "push_subscription"),
    "status": ("status",),
    "timezone": ("timezone",),
    "payload": ("payload",),
}
FIELDS = [spelling for spellings in SPELLINGS.values() for spelling in spellings]


class InvalidTrigger(InvalidInput):
    """{what} was refused; nothing was written.
    {problems}
    """


@dataclass(frozen=True, slots=True)
class Trigger:
    """At an instant (aware), run a function for an event; None: not at all, for it is not active any more.

    `timezone` is the event's, "" leaves it: UTC where the event is new. `payload` is what the handler is told.
    """

    function: str
    event_id: str
    at: datetime | None
    timezone: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


def read_trigger(given: object) -> Trigger:
    """What was posted, checked. Raises InvalidTrigger with every field that is wrong, as it was spelled."""
    if not isinstance(given, dict):
        remedy = 'Write it as {"function": "log", "event_id": "42", "trigger_at": "2026-11-22T09:00:00Z"}.'
        raise InvalidTrigger("the trigger", [Refusal(field="", problem="it is not an object", remedy=remedy)])
    posted = _Posted(given)
    if refusals := posted.refusals():
        raise InvalidTrigger(f"the trigger of event {shown(posted.value('event_id'))}", refusals)
    return posted.trigger()


def read_triggers(given: Sequence[object]) -> list[Trigger | InvalidTrigger]:
    """The same for many: what each is, or why it is refused. Of two for one function and event the second is."""
    read: list[Trigger | InvalidTrigger] = []
    places: dict[tuple[str, str], int] = {}
    for place, one in enumerate(given):
        try:
            trigger = read_trigger(one)
            first = places.setdefault((trigger.function, trigger.event_id), place)
            if first != place:
                raise _repeated(trigger, first)
            read.append(trigger)
        except InvalidTrigger as refused:
            read.append(refused)
    return read


def _repeated(trigger: Trigger, first: int) -> InvalidTrigger:
    problem = f"item {first} of this list, counted from 0, is for the same function and event"
    refusal = Refusal(field="event_id", problem=problem, remedy="Give each trigger once in a list.")
    return InvalidTrigger(f"the trigger of event {shown(trigger.event_id)}", [refusal])


class _Posted:
    """What was posted, by our own names; refused by those that were used."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._spelled = {
            name: next((each for each in spellings if each in given), spellings[-1])
            for name, spellings in SPELLINGS.items()
        }

    def value(self, name: str) -> Any:
        return self._given.get(self._spelled[name])

    @property
    def is_active(self) -> bool:
        status = self.value("status")
        return status is None or (isinstance(status, str) and status.strip().lower() == ACTIVE)

    def trigger(self) -> Trigger:
        at = read_instant(self.value("trigger_at"), field="trigger_at") if self.is_active else None
        payload = self._payload() if self.is_active else {}
        named = self.value("timezone")
        timezone = canonical_zone(named) if named else ""
        return Trigger(self.value("function"), self.value("event_id"), at, timezone, payload)

    def refusals(self) -> list[InvalidField]:
        """All that is wrong; what the handler says is asked where nothing else is."""
        found = [*self._wrong_names(), *self._wrong_texts(), *self._wrong_values()]
        return found or list(self._wrong_function())

    def _wrong_names(self) -> Iterator[InvalidField]:
        for name in self._given:
            if name not in FIELDS:
                near = get_close_matches(name[:60], FIELDS, n=1)
                remedy = f"Did you mean {near[0]}?" if near else f"Use {', '.join(FIELDS)}."
                yield Refusal(field=name[:60], problem="a trigger has no such field", remedy=remedy)
        for ours in SPELLINGS.values():
            if all(name in self._given for name in ours) and len(ours) > 1:
                problem = f"it is the same as {ours[0]}, and both are given"
                yield Refusal(field=ours[1], problem=problem, remedy="Give one of the two.")

    def _wrong_texts(self) -> Iterator[InvalidField]:
        wrong = False
        for name in ("function", "event_id", "timezone", "status"):
            value = self.value(name)
            missing = value is None and name in {"function", "event_id"}
            if missing or not isinstance(value, str | None):
                wrong = True
                problem = "it is missing" if missing else "it is not text"
                yield Refusal(
                    field=self._spelled[name], problem=problem, remedy="Give it as text, in quotes."
                )
        if wrong:
            return
        try:
            check_entity(EntityFacts(EVENT, self.value("event_id"), self.value("timezone") or "UTC"))
        except InvalidEntity as refused:
            for refusal in refused.refusals:
                spelled = self._spelled["event_id"] if refusal.field == "external_id" else refusal.field
                yield _renamed(refusal, spelled)

    def _wrong_values(self) -> Iterator[InvalidField]:
        if self.is_active or self.value("trigger_at") is not None:
            yield from _refused(
                lambda: read_instant(self.value("trigger_at"), field=self._spelled["trigger_at"])
            )
        if self.value("payload") is not None:
            yield from _refused(lambda: check_object("payload", self.value("payload")))
        push = self.value("push_subscription")
        if not isinstance(push, str | dict | None) or not storable(push):
            remedy = "Give the browser's subscription as it came: text, or an object."
            yield Refusal(
                field=self._spelled["push_subscription"], problem="it cannot be kept as JSON", remedy=remedy
            )

    def _wrong_function(self) -> Iterator[InvalidField]:
        if not self.is_active:
            return
        function = self.value("function")
        if function not in handling.installed():
            yield unknown_function(function, field=self._spelled["function"])
            return
        yield from _refused(self._payload)

    def _payload(self) -> dict[str, Any]:
        """What the handler is told: what was posted for it, and the event's own facts beside that.

        A handler that takes no keys but its own, such as the webhook's, is told these by the name of its rule and
        entity, and so without them. Raises InvalidField.
        """
        posted = dict(self.value("payload") or {})
        if self.value("push_subscription") is not None:
            posted["push_subscription"] = self.value("push_subscription")
        function = self.value("function")
        facts = {"event_id": self.value("event_id"), "function": function}
        size = len(json.dumps(posted))
        if size > LONGEST_PAYLOAD:
            problem = f"it has {size:,} bytes of JSON, and {LONGEST_PAYLOAD:,} are allowed"
            raise Refusal(field="payload", problem=problem, remedy="Send a reference to the data.")
        try:
            check_payload(function, posted | facts)
        except InvalidField as refusal:
            if refusal.field.removeprefix("payload.") not in facts:
                raise
            check_payload(function, posted)
            return posted
        return posted | facts


def unknown_function(name: str, *, field: str = "function") -> Refusal:
    """The refusal of a function that no handler answers for, with those whose names are close."""
    known = list(handling.installed())
    near = get_close_matches(name[:100], known, n=3)
    remedy = f"Did you mean {' or '.join(near)}?" if near else f"Installed: {', '.join(known) or 'none'}."
    return Refusal(field=field, problem=f"no handler called {shown(name)} is installed", remedy=remedy)


def _refused(examine: Callable[[], object]) -> Iterator[InvalidField]:
    try:
        examine()
    except InvalidField as refusal:
        yield refusal


def _renamed(refusal: InvalidField, field: str) -> Refusal:
    return Refusal(field=field, problem=refusal.facts["problem"], remedy=refusal.facts["remedy"])
