"""Every state that a protocol can reach, depth first: each step is a savepoint, and going back is a rollback."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction

from events.errors import PunctualError
from tests.model.situations import Broken, Step, Violation

if TYPE_CHECKING:
    from tests.model.protocol import Protocol
    from tests.model.situations import Row, Situation

Key = Hashable


@dataclass(frozen=True, slots=True)
class Edge:
    """One step from one state to another, or into a violation."""

    says: str
    helps: bool
    to: Key


@dataclass(slots=True)
class Explored:
    """The graph of all states that were reached. `beyond`: how many were not entered, having too many attempts."""

    first: Key = None
    steps: int = 0
    beyond: int = 0
    edges: dict[Key, list[Edge]] = field(default_factory=dict)
    ends: set[Key] = field(default_factory=set)
    broken: dict[Key, Violation] = field(default_factory=dict)

    @property
    def states(self) -> int:
        """How many different states there are, those in which an invariant is broken aside."""
        return len(self.edges)

    def violations(self) -> dict[Broken, list[str]]:
        """By what is broken: the shortest way there, step by step."""
        found: dict[Broken, list[str]] = {}
        stuck = set(self.edges) - self._saved()
        for key, way in self._ways():
            if key in self.broken:
                violation = self.broken[key]
                found.setdefault(violation.broken, [*way, f"=> {violation.broken}: {violation.detail}"])
            elif key in stuck:
                found.setdefault(Broken.STUCK, [*way, f"=> {Broken.STUCK}: {key}"])
        return found

    def _ways(self) -> Iterator[tuple[Key, list[str]]]:
        """Each state and the shortest way to it, the nearest first."""
        ways: dict[Key, list[str]] = {self.first: []}
        queue = deque([self.first])
        while queue:
            key = queue.popleft()
            yield key, ways[key]
            for edge in self.edges.get(key, ()):
                if edge.to not in ways:
                    ways[edge.to] = [*ways[key], edge.says]
                    queue.append(edge.to)

    def _saved(self) -> set[Key]:
        """States from which the product's own work, with nothing going wrong any more, leads to an end."""
        before: dict[Key, list[Key]] = defaultdict(list)
        for key, edges in self.edges.items():
            for edge in edges:
                if edge.helps:
                    before[edge.to].append(key)
        saved = {*self.ends, *self.broken}
        queue = deque(saved)
        while queue:
            for key in before[queue.popleft()]:
                if key not in saved:
                    saved.add(key)
                    queue.append(key)
        return saved


@dataclass(slots=True)
class Visit:
    """A state on the way that is being walked, and what is still to be tried from it."""

    key: Key
    situation: Situation
    row: Row
    steps: Iterator[Step]


def explore(protocol: Protocol, *, until: Broken | None = None) -> Explored:
    """Walk through all states within the protocol's bounds; a way ends where an invariant is broken.

    `until` this one is: then nothing is looked for any more.
    """
    found = Explored()
    row = protocol.look()
    found.first = protocol.first.key(row)
    way = [_visit(protocol, found, found.first, protocol.first, row)]
    savepoints: list[str] = []
    while way and until not in {violation.broken for violation in found.broken.values()}:
        step = next(way[-1].steps, None)
        if step is None:
            way.pop()
            if savepoints:
                _go_back(savepoints.pop())
            continue
        savepoint = transaction.savepoint()
        visit = _try(protocol, found, way[-1], step)
        if visit is None:
            _go_back(savepoint)
        else:
            savepoints.append(savepoint)
            way.append(visit)
    return found


def _visit(protocol: Protocol, found: Explored, key: Key, situation: Situation, row: Row) -> Visit:
    found.edges[key] = []
    if row.is_at_an_end:
        found.ends.add(key)
    return Visit(key, situation, row, protocol.steps(situation, row))


def _try(protocol: Protocol, found: Explored, at: Visit, step: Step) -> Visit | None:
    """Take the step; the visit of the state that it leads to, or None if there is nothing new to see."""
    found.steps += 1
    try:
        situation = step.act()
        row = protocol.look()
        protocol.check(situation, at.row, row)
    except (Violation, IntegrityError, PunctualError) as error:
        violation = error if isinstance(error, Violation) else Violation(Broken.REFUSED, error)
        if violation.broken in protocol.watched:
            broken = (at.key, step.says)
            found.broken[broken] = violation
            found.edges[at.key].append(Edge(step.says, step.helps, broken))
        return None
    situation = situation.simplest(row)
    key = situation.key(row)
    found.edges[at.key].append(Edge(step.says, step.helps, key))
    if row.attempt > protocol.attempts:
        found.beyond += 1
        return None
    if key in found.edges:
        return None
    return _visit(protocol, found, key, situation, row)


def _go_back(savepoint: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ROLLBACK TO SAVEPOINT {savepoint}; RELEASE SAVEPOINT {savepoint}")
