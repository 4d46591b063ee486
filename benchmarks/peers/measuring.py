"""Drain and burst of one peer: jobs that are due together, and when each of them was done."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.peers.counting import counting
from benchmarks.peers.peer import NotMeasured
from benchmarks.peers.running import Place

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from benchmarks.peers.counting import Count
    from benchmarks.peers.peer import Peer
    from benchmarks.peers.rooms import Room

WARM = 100  # jobs that warm every process up, and are not counted
START_SECONDS = 60.0
PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of jobs that were due together: seconds after `due` at which each was done, sorted, and CPU seconds.

    `seconds` is what it took to the last, or the limit if some were not done by then.
    """

    wanted: int
    late: list[float]
    cpu: float
    limit: float

    @property
    def done(self) -> int:
        """How many were done; more than `wanted` if some were done twice."""
        return len(self.late)

    @property
    def seconds(self) -> float:
        """From the due instant to the last job, or to the limit."""
        return self.late[-1] if self.done >= self.wanted else self.limit

    def quantile(self, share: float) -> float | None:
        """How late this share of the jobs was at most, in seconds; None if so many were not done in time."""
        place = min(self.wanted - 1, int(share * self.wanted))
        return self.late[place] if place < self.done else None

    def facts(self) -> dict[str, Any]:
        """What drain and burst have in common."""
        facts: dict[str, Any] = {"rows": self.wanted, "done": self.done, "exact": self.done == self.wanted}
        if self.done < self.wanted:
            facts["stopped"] = f"stopped after {self.limit:.0f} s: {self.done:,} of {self.wanted:,} done"
        return facts


@dataclass(frozen=True, slots=True)
class Bench:
    """One peer on the private servers; every measurement has a database, a queue and processes of its own."""

    peer: Peer
    room: Room
    servers: dict[str, str]
    limit: float

    def drain(self, rows: int) -> dict[str, Any]:
        """Jobs a second from the due instant to the last one done, and CPU seconds per 1,000. Raises NotMeasured."""
        fired = self._fire(rows)
        if not fired.done:
            raise NotMeasured(why=f"not one job was done within {self.limit:.0f} s")
        return fired.facts() | {
            "per_second": fired.done / fired.seconds,
            "cpu_per_1000": 1000 * fired.cpu / fired.done,
        }

    def burst(self, rows: int) -> dict[str, Any]:
        """How late jobs that were due in one second were done: p50, p99, max in seconds. Raises NotMeasured."""
        fired = self._fire(rows)
        shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        earliest = fired.late[0] if fired.late else None
        return (
            fired.facts()
            | {name: fired.quantile(share) for name, share in shares.items()}
            | {"earliest": earliest}
        )

    def _fire(self, rows: int) -> Fired:
        peer, wanted = self.peer, min(rows, self.peer.most or rows)
        with ExitStack() as stack:
            place = stack.enter_context(self._place())
            count = stack.enter_context(counting(peer, place))
            place.run(peer.prepare, seconds=START_SECONDS)
            processes = [] if peer.fills_first else stack.enter_context(place.all_started(peer.processes))
            if processes:
                self._warm_up(place, count)
            due = self._due(wanted)
            filling = stack.enter_context(place.started((*peer.fill, str(wanted), repr(due))))
            if not peer.publishes:
                self._wait_for(filling, place, until=due - 1)
                count.analyze()
            processes = processes or stack.enter_context(place.all_started(peer.processes))
            return self._watch(place, count, [filling, *processes], wanted, due)

    def _due(self, rows: int) -> float:
        """Far enough ahead for all of them to be put in before."""
        ahead = 0.0 if self.peer.publishes else rows / self.peer.fills
        return time.time() + ahead + (8.0 if self.peer.fills_first else 5.0)

    def _warm_up(self, place: Place, count: Count) -> None:
        place.run((*self.peer.fill, str(WARM), repr(time.time() + 2)), seconds=START_SECONDS)
        end = time.time() + START_SECONDS
        while count.done() < WARM:
            if time.time() > end:
                raise NotMeasured(
                    why=f"{WARM} jobs to warm up were not done in {START_SECONDS:.0f} s: {place.said()}"
                )
            time.sleep(0.1)
        count.forget()

    def _wait_for(self, filling: subprocess.Popen[bytes], place: Place, *, until: float) -> None:
        while filling.poll() is None:
            if time.time() > until:
                raise NotMeasured(why=f"its jobs were not put in at {self.peer.fills:,} a second")
            time.sleep(0.05)
        if filling.returncode:
            raise NotMeasured(why=f"its jobs could not be put in: {place.said()}")

    def _watch(
        self, place: Place, count: Count, processes: list[subprocess.Popen[bytes]], wanted: int, due: float
    ) -> Fired:
        time.sleep(max(0.0, due - 0.3 - time.time()))
        before, end = place.cpu(), due + self.limit
        while (count.done() < wanted or count.is_left()) and time.time() < end:
            _look_after(processes, place)
            time.sleep(0.25)
        cpu = place.cpu() - before
        time.sleep(0.5)  # for what is done twice
        late = [instant - due for instant in count.instants() if instant < end + 1]
        return Fired(wanted, late, cpu, self.limit)

    @contextmanager
    def _place(self) -> Iterator[Place]:
        """A new database, a new queue and an empty folder."""
        name = f"peer_{uuid4().hex[:12]}"
        url = self.servers["DATABASE_URL"]
        known = conninfo_to_dict(url)
        with tempfile.TemporaryDirectory(prefix="punctual-peer-") as folder:
            variables = {key: os.environ[key] for key in PASSED_ON if key in os.environ} | {
                "PGHOST": str(known["host"]),
                "PGUSER": str(known["user"]),
                "PGDATABASE": name,
                "PEER_DATABASE_URL": f"socket:{known['host']}?db={name}&user={known['user']}",
                "PEER_BROKER": self.servers.get("CELERY_BROKER_URL", "memory://"),
                "PEER_QUEUE": name,
                "PEER_CALLS": folder,
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            servers = Path(self.servers["PUNCTUAL_VAR"]).parent
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(f'CREATE DATABASE "{name}"'.encode())
                try:
                    yield Place(self.room, variables, Path(folder), servers)
                finally:
                    admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _look_after(processes: list[subprocess.Popen[bytes]], place: Place) -> None:
    """Raises NotMeasured if any has failed, or has ended though it is to go on: all but the first, which fills."""
    filling, *working = processes
    if filling.poll() or any(process.poll() is not None for process in working):
        raise NotMeasured(why=f"one of its processes ended by itself: {place.said()}")
