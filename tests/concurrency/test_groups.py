"""Many threads append while real sweeps and workers dispatch: each message once, in order, in one group.

GROUPS_UNDER_LOAD=64x10000 says how many threads append how often; it is 8x300 as it comes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import transaction

from events import clock, operations
from events.grouping import Message, Taken
from events.models import Group, GroupItem, Occurrence, OneAttempt
from events.operations import NothingMoved
from events.transitions import Origin
from handlers.log.models import Delivery
from scheduler_project import filebroker
from tests.commands.conftest import run
from tests.concurrency.test_races import elsewhere, until_waiting
from tests.engine.grouping import HOUR, collecting, group_of, occurrence_of, take
from tests.harness.guard import Guard
from tests.harness.worker import CeleryProgram, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.concurrency.conftest import Together
    from tests.engine.world import World
    from tests.harness.database import CommittedDatabase

ROOT = Path(__file__).parents[2]
THREADS, APPENDS = map(int, os.environ.get("GROUPS_UNDER_LOAD", "8x300").split("x"))
KEYS = [f"key-{number}" for number in range(5)]


@contextmanager
def sweeping(environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A sweep that stays awake, as a process of its own."""
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "sweep"],
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    guard = Guard(-process.pid, None, signal="INT")
    try:
        yield
    finally:
        guard.release()
        process.wait()


def working(environment: Mapping[str, str], folder: Path, name: str) -> CeleryProgram:
    """A worker of both lanes."""
    return CeleryProgram(
        folder / f"{name}.log", environment, "worker", "--hostname", f"{name}@%h", "--queues", "live,catchup",
        "--concurrency", "1", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    )  # fmt: skip


def origin() -> Origin:
    return Origin("user:alice", uuid4(), clock.now())


def appending(thread: int, accepted: dict[str, list[str]]) -> None:
    """One sender: to keys at random, now and then under a key of its own, twice."""
    chance = random.Random(thread)
    for number in range(APPENDS):
        name = f"{thread}-{number}"
        now = origin()
        said = Message(
            "FLOOD", chance.choice(KEYS), now.now + timedelta(seconds=chance.uniform(-0.05, 0.5)), [name],
            item_key=name if number % 10 == 0 else "",
        )  # fmt: skip
        first = operations.take_message(said, origin=now)
        if said.item_key:
            again = operations.take_message(said, origin=origin())
            assert (again.group_id, again.position) == (first.group_id, first.position)
            assert again.is_repeated
        accepted[said.key].append(name)


def flushing(stop: threading.Event) -> None:
    """A person who will not wait."""
    while not stop.wait(0.2):
        for group in Group.objects.filter(sealed_at=None)[:2]:
            with suppress(NothingMoved):  # a sweep was quicker
                operations.flush_group(group, why="now", origin=origin())


@pytest.mark.timeout(max(600, THREADS * APPENDS // 100))
def test_every_message_is_dispatched_once_in_order_while_a_worker_is_killed(
    committed_db: CommittedDatabase, world: World, tmp_path: Path
) -> None:
    filebroker.prepare(tmp_path / "broker")
    environment = committed_db.environment(
        PUNCTUAL_VAR=str(tmp_path), PUNCTUAL_CLAIM_LEASE_SECONDS="5", PUNCTUAL_RUN_LEASE_MARGIN_SECONDS="1"
    )
    collecting(
        world,
        "FLOOD",
        handler="log",
        moves="latest",
        max_items=97,
        max_wait=timedelta(seconds=1),
        max_attempts=20,
    )
    accepted: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(THREADS)]
    errors: list[BaseException] = []

    def sender(thread: int) -> None:
        try:
            appending(thread, accepted[thread])
        except BaseException as error:
            errors.append(error)

    stop = threading.Event()
    with (
        sweeping(environment, tmp_path / "sweep-1.log"),
        sweeping(environment, tmp_path / "sweep-2.log"),
        working(environment, tmp_path, "a") as worker,
        working(environment, tmp_path, "b") as doomed,
    ):
        worker.wait_for("ready.")
        doomed.wait_for("ready.")
        flusher = elsewhere(lambda: flushing(stop))
        senders = [elsewhere(lambda thread=thread: sender(thread)) for thread in range(THREADS)]
        try:
            eventually(lambda: Delivery.objects.count() > 5 or bool(errors), seconds=120, what="it flows")
            amid = any(thread.is_alive() for thread in senders)
            os.killpg(doomed.process.pid, signal.SIGKILL)
        finally:
            for thread in senders:
                thread.join()
            stop.set()
            flusher.join()
        assert errors == []
        assert amid
        unfinished = Occurrence.objects.exclude(state="COMPLETED")
        eventually(
            lambda: not unfinished.exists(),
            seconds=180,
            what=lambda: str(Counter(unfinished.values_list("state", "reason", "hold"))),
        )
    look_at_all(accepted)


def look_at_all(accepted: list[dict[str, list[str]]]) -> None:
    """Dispatched is what was accepted, each once, in the order in which its sender and its group took it."""
    told: dict[str, list[str]] = defaultdict(list)
    groups = {group.occurrence_id: group for group in Group.objects.all()}
    for delivery in sorted(Delivery.objects.all(), key=lambda each: groups[each.occurrence_id].pk):
        assert delivery.payload["items"] == groups[delivery.occurrence_id].item_count
        told[delivery.payload["id"]] += delivery.payload["data"]
    assert Delivery.objects.count() == len(groups)
    for key in KEYS:
        mine = [own[key] for own in accepted]
        assert Counter(told[key]) == Counter(name for own in mine for name in own)
        place = {name: number for number, name in enumerate(told[key])}
        for own in mine:
            assert [place[name] for name in own] == sorted(place[name] for name in own)
    assert sum(map(len, told.values())) == THREADS * APPENDS
    one_after_another()
    assert run("audit").refused == ""


def one_after_another() -> None:
    """Groups of a key do not overlap, and each one's messages are numbered without a gap."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    rows = GroupItem.objects.order_by("group", "position").values_list(
        "group__key", "group", "position", "pk"
    )
    items: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for key, group, position, item in rows:
        items[key, group].append((position, item))
    for (key, _), taken in items.items():
        assert [position for position, _ in taken] == list(range(1, len(taken) + 1))
        spans[key].append((taken[0][1], taken[-1][1]))
    for of_key in spans.values():
        assert all(before[1] < after[0] for before, after in pairwise(sorted(of_key)))


def test_many_first_messages_at_once_open_one_group(world: World, together: Together) -> None:
    collecting(world)
    for turn in range(10):
        gate = threading.Barrier(8)

        def first(gate: threading.Barrier = gate, turn: int = turn) -> Taken:
            gate.wait()
            return take(world, key=f"turn {turn}")

        taken: list[Taken] = together(*[first] * 8)
        assert len({each.group_id for each in taken}) == 1
        assert sorted(each.position for each in taken) == list(range(1, 9))
        assert sum(each.is_first for each in taken) == 1


@pytest.mark.parametrize("limit", [None, 1])
def test_one_message_sent_by_many_at_once_is_taken_once(
    world: World, together: Together, limit: int | None
) -> None:
    collecting(world, max_items=limit)
    for turn in range(10):
        gate = threading.Barrier(8)

        def same(gate: threading.Barrier = gate, turn: int = turn) -> Taken:
            gate.wait()
            return take(world, key="alice", item_key=f"turn {turn}")

        taken: list[Taken] = together(*[same] * 8)
        assert len({(each.group_id, each.position) for each in taken}) == 1
        assert sum(not each.is_repeated for each in taken) == 1
    assert GroupItem.objects.count() == 10


def test_a_message_that_waits_for_the_claim_goes_into_the_next_group(world: World) -> None:
    """It looked at the group while it was open, and the claim has it by the time that its turn comes."""
    collecting(world)
    first = take(world, 1)
    row = occurrence_of(first)
    said: list[Taken] = []
    with transaction.atomic():
        Occurrence.objects.select_for_update().get(pk=row.pk)
        thread = elsewhere(lambda: said.append(take(world, 2)))
        until_waiting(1)
        operations.fire_now([row.pk], why="now", origin=world.origin())
        (chunk,) = world.claim()
    thread.join()
    assert said[0].group_id != first.group_id
    assert group_of(first).sealed_at is not None
    world.run(chunk)
    assert Occurrence.objects.get(pk=row.pk).state == "COMPLETED"
    assert OneAttempt.objects.count() == 1


def test_a_start_that_meets_a_drop_is_given_back_and_goes_without_what_was_dropped(world: World) -> None:
    """The drop has the row while the worker would start it: nothing runs half seen."""
    collecting(world, handler="log")
    take(world, 1)
    dropped = take(world, 2)
    world.now += HOUR
    (chunk,) = world.claim()
    summaries: list[Any] = []
    with transaction.atomic():
        operations.drop_item(group_of(dropped), 2, why="a mistake", origin=world.origin())
        thread = elsewhere(lambda: summaries.append(world.run(chunk)))
        until_waiting(1)
    thread.join()
    assert summaries[0].given_back == 1
    world.sweep()
    assert Delivery.objects.get().payload["data"] == [1]
