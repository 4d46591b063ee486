"""Planning the work that faults meet: an experiment's streams become rules, entities, and rows that come due."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from events import clock, operations
from events.models import Entity, Rule
from events.operations import EntityFacts
from events.transitions import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from events.handling import Kind
    from tests.faults.streams import Stream

HORIZON = timedelta(hours=48)
# How fast rows are planned at the very least, and how long before the first is due everything must stand.
PLANNED_A_SECOND = 1500
BREATH = timedelta(seconds=2)
# What is planned for the past is planned as if it had been done a moment before the first was due.
A_MOMENT = timedelta(minutes=1)
ATTEMPTS = 60


@dataclass
class Load:
    """What was planned: the rules by their stream's name, how many rows they must have, and when they are due."""

    begins_at: datetime
    ends_at: datetime
    rules: dict[str, Rule] = field(default_factory=dict)
    kinds: dict[int, Kind] = field(default_factory=dict)
    expected: dict[int, int] = field(default_factory=dict)


def origin() -> Origin:
    """Now, by the rig."""
    return Origin("user:rig", uuid4(), clock.now())


def plan(streams: Sequence[Stream], *, run: str, rows: int, address: str, elsewhere: str) -> Load:
    """Write entities and rules, and with them all rows; they come due a moment later. `run` makes names unique."""
    for stream in streams:
        _people(stream, run, stream.entities(rows))
    total = sum(stream.entities(rows) * stream.times for stream in streams)
    first = clock.now() + BREATH + timedelta(seconds=1 + total / PLANNED_A_SECOND)
    begins_at = first.replace(microsecond=0)
    load = Load(begins_at, begins_at + max(stream.lasts for stream in streams))
    for stream in streams:
        rule = _rule(stream, run, begins_at + stream.begins, elsewhere if stream.elsewhere else address)
        operations.create_rule(rule, horizon=HORIZON, origin=_planner(stream, begins_at))
        load.rules[stream.name] = rule
        load.kinds[rule.pk] = stream.kind
        load.expected[rule.pk] = stream.entities(rows) * stream.times
    if clock.now() > begins_at:
        raise RuntimeError("planning took so long that the first rows were due before the last were written")
    return load


def _people(stream: Stream, run: str, number: int) -> None:
    kind = _audience(stream, run)
    facts = [EntityFacts(kind, str(each), "UTC") for each in range(number)]
    operations.put_entities(facts, origin=origin())
    if stream.begins < timedelta(0):
        Entity.objects.filter(kind=kind).update(created_at=clock.now() + stream.begins - A_MOMENT)


def _planner(stream: Stream, begins_at: datetime) -> Origin:
    if stream.begins >= timedelta(0):
        return origin()
    return replace(origin(), now=begins_at + stream.begins - A_MOMENT)


def _audience(stream: Stream, run: str) -> str:
    return f"{run}-{stream.name}"


def _rule(stream: Stream, run: str, first: datetime, address: str) -> Rule:
    usual: dict[str, Any] = {
        "max_attempts": ATTEMPTS,
        "backoff_base": timedelta(seconds=1),
        "backoff_cap": timedelta(seconds=2),
        # so that what a fault delayed goes through the lane for catching up
        "grace": timedelta(seconds=5),
    }
    return Rule(
        name=_audience(stream, run),
        audience_kind=_audience(stream, run),
        start_date=first.date(),
        local_time=first.time(),
        timezone="UTC",
        rrule=stream.rrule,
        handler=stream.handler,
        payload={"url": f"{address}{stream.path}", **stream.payload},
        **(usual | stream.fields),
    )
