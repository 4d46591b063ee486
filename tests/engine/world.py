"""A world in which time passes because a test says so: the real engines on the real database, with `now` given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from events import dispatch, execution, handling, operations, planning, recovery
from events.models import Entity, Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from events.transitions import Origin, chunk_runs, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.dispatch import Chunk
    from events.transitions import Started
    from events.transitions.chunk_runs import Run

HORIZON = timedelta(hours=48)
LEASE = timedelta(seconds=120)


class World:
    """`now` is moved by the tests; every engine is called as its edge would call it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.horizon = HORIZON

    def origin(self, actor: str = "user:alice") -> Origin:
        return Origin(actor, uuid4(), self.now)

    def clock(self) -> datetime:
        return self.now

    def person(
        self,
        external_id: str = "alice",
        timezone: str = "Europe/Berlin",
        **attributes: Any,
    ) -> Entity:
        self.people({external_id: timezone}, **attributes)
        return Entity.objects.get(kind="person", external_id=external_id)

    def people(self, zones: dict[str, str], **attributes: Any) -> None:
        facts = [
            EntityFacts(
                "person",
                external_id,
                timezone,
                name=external_id.title(),
                attributes=attributes,
            )
            for external_id, timezone in zones.items()
        ]
        operations.put_entities(facts, origin=self.origin())
        # Known from the beginning of this world's time, not from the day on which the test runs.
        known = Entity.objects.filter(external_id__in=zones)
        long_ago = datetime(2000, 1, 1, tzinfo=UTC)
        known.update(created_at=long_ago, updated_at=long_ago)

    def rule(self, **fields: Any) -> Rule:
        values: dict[str, Any] = {
            "name": f"rule {uuid4()}",
            "local_time": time(9, 0),
            "rrule": "FREQ=DAILY",
            "handler": "log",
            "start_date": self.now.date(),
        } | fields
        if "entity" not in values:
            values.setdefault("audience_kind", "person")
        if values.get("anchor"):
            values["start_date"] = None
        return operations.create_rule(Rule(**values), horizon=self.horizon, origin=self.origin())

    def plan(self) -> int:
        return planning.plan_due_rules(horizon=self.horizon, origin=self.origin("engine:test"))

    def claim(self, batch: int = 1000, chunk: int = 100, chunk_of_sets: int = 0) -> list[Chunk]:
        limits = dispatch.Limits(
            batch=batch, chunk=chunk, chunk_of_sets=chunk_of_sets or chunk, workers=1, lease=LEASE
        )
        return dispatch.claim_due(limits=limits, origin=self.origin("engine:test")).chunks

    def claim_together(self) -> Chunk:
        """All that is due, of one handler, as one chunk."""
        chunks = self.claim()
        return replace(chunks[0], ids=tuple(row for chunk in chunks for row in chunk.ids))

    def run(self, chunk: Chunk, **bench: Any) -> execution.Summary:
        task_id, destination = str(uuid4()), chunk.destination
        order = execution.ChunkOrder(chunk.token, chunk.correlation_id, chunk.ids, task_id, destination)
        where = execution.Bench(clock=self.clock, worker="worker:test", **bench)
        return execution.run_chunk(order, handling.get(chunk.handler), where)

    def lose(self, chunk: Chunk, *, lease: timedelta = LEASE) -> list[Started]:
        """A worker starts the chunk's rows, and does not live to settle them; those that it started."""
        handler, worker = handling.get(chunk.handler), "worker:doomed"
        if handler.kind is handling.Kind.TRANSACTIONAL:
            run = self.taken_up(chunk, worker, lease=lease, task_id=str(uuid4()))
            return chunk_runs.read(run, handler=handler.name).rows
        return start(
            chunk.ids, token=chunk.token, handler=handler.name, kind=handler.kind, task_id=str(uuid4()),
            lease_until=self.now + lease, origin=self.origin(worker),
        )  # fmt: skip

    def taken_up(self, chunk: Chunk, worker: str, *, lease: timedelta = LEASE, task_id: str = "") -> Run:
        """A worker takes up the chunk of a transactional handler, and has not called it yet."""
        run = chunk_runs.take_up(
            chunk.ids, token=chunk.token, task_id=task_id, lease_until=self.now + lease,
            origin=self.origin(worker),
        )  # fmt: skip
        assert run is not None
        return run

    def recover(self) -> recovery.Recovered:
        return recovery.recover(origin=self.origin("engine:test"))

    def tick(self) -> int:
        """Plan, recover, claim and run all that is due; how many rows were run."""
        self.plan()
        self.recover()
        return self.sweep()

    def sweep(self) -> int:
        """A minute's work: claim and run all that is due; how many rows were run."""
        ran = 0
        while chunks := self.claim():
            ran += sum(self.run(chunk).asked for chunk in chunks)
        return ran

    def pass_time(self, until: datetime, step: timedelta = timedelta(minutes=1)) -> None:
        """Minute by minute to an instant; planned and recovered every quarter of an hour."""
        while self.now < until:
            if self.now.minute % 15 == 0:
                self.tick()
            else:
                self.sweep()
            self.now += step

    def only(self) -> Occurrence:
        return Occurrence.objects.get()

    def story(self, occurrence: Occurrence) -> list[tuple[str, str, str]]:
        return list(occurrence.moves.values_list("from_state", "to_state", "reason"))

    def due(self, count: int = 1, **rule: Any) -> list[Occurrence]:
        """So many people with one row each, due at this very instant."""
        self.people({f"p{number}": "UTC" for number in range(count)})
        moment = self.now.replace(microsecond=0)
        once = {"rrule": "", "start_date": moment.date(), "local_time": moment.time()}
        made = self.rule(**{**once, **rule})
        return list(Occurrence.objects.filter(rule=made).order_by("id"))


def audited_world(now: datetime) -> Any:
    """A fixture: a world at that instant, of whose rows the log tells the same when the test is over."""

    @pytest.fixture
    def world(db: None) -> Iterator[World]:
        world = World(now)
        yield world
        assert audit_log().disagreements == ()

    return world
