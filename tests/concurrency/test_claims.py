"""Ten sweeps share the work; an edit and a plan never miss each other."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import time, timedelta
from threading import Barrier
from typing import TYPE_CHECKING

from django.db import connection, transaction

from events import clock, operations, planning
from events.handling import Completed, HandlerContext, Outcome
from events.models import Entity, Occurrence, OneAttempt, Rule
from events.wakeup import Alarm
from handlers.log.models import Delivery
from tests.engine import handlers

if TYPE_CHECKING:
    from tests.concurrency.conftest import Together
    from tests.engine.world import World


def test_sweeps_that_run_at_once_claim_every_row_and_none_twice(world: World, together: Together) -> None:
    world.due(1000)

    def sweep() -> list[int]:
        claimed: list[int] = []
        while chunks := world.claim(batch=37):
            claimed += [row for chunk in chunks for row in chunk.ids]
        return claimed

    claimed = Counter(row for share in together(*[sweep] * 6) for row in share)
    assert set(claimed.values()) == {1}
    assert len(claimed) == 1000


def test_one_message_delivered_to_many_workers_at_once_runs_each_row_once(
    world: World, together: Together
) -> None:
    world.due(40, handler="transactional")
    chunk = world.claim_together()
    summaries = together(*[lambda: world.run(chunk)] * 6)
    assert sum(summary.outcomes["completed"] for summary in summaries) == 40
    assert Delivery.objects.count() == OneAttempt.objects.count() == 40


def test_a_cancel_and_a_start_at_once_end_in_one_of_the_two(world: World, together: Together) -> None:
    rows = world.due(30, handler="transactional")
    chunk = world.claim_together()
    gate = Barrier(2)

    def cancel() -> None:
        gate.wait()
        with suppress(operations.NothingMoved):  # all had started
            operations.cancel([row.pk for row in rows], why="race", origin=world.origin())

    def run() -> None:
        gate.wait()
        world.run(chunk)

    together(cancel, run)
    ended = Counter(Occurrence.objects.values_list("state", flat=True))
    assert ended["COMPLETED"] + ended["CANCELLED"] == 30
    assert Delivery.objects.count() == ended["COMPLETED"]


def test_the_attempt_is_committed_before_the_handler_is_called(world: World) -> None:
    world.due(1, handler="idempotent")
    seen: list[tuple[str, str]] = []

    def look(context: HandlerContext) -> Outcome:  # in a thread, and so on another connection
        attempt = OneAttempt.objects.get(occurrence=context.occurrence_id)
        seen.append((attempt.outcome, attempt.occurrence.state))
        return Completed()

    handlers.Idempotent.answer = staticmethod(look)
    world.run(world.claim()[0])
    assert seen == [("", "PROCESSING")]


def test_a_person_and_a_rule_that_come_at_once_find_each_other(world: World, together: Together) -> None:
    for turn in range(10):
        gate = Barrier(2)

        def rule(gate: Barrier = gate, turn: int = turn) -> None:
            gate.wait()
            world.rule(name=f"rule {turn}", local_time=time(turn, 30))

        def person(gate: Barrier = gate, turn: int = turn) -> None:
            gate.wait()
            world.person(f"person {turn}", "UTC")

        together(rule, person)
    pairs = set(Occurrence.objects.values_list("rule__name", "entity__external_id"))
    assert pairs == {(f"rule {r}", f"person {p}") for r in range(10) for p in range(10)}


def test_a_move_and_a_plan_at_once_leave_no_row_of_the_old_zone(world: World, together: Together) -> None:
    world.person("alice", "UTC")
    rule = world.rule()
    for turn in range(10):
        zone = "Asia/Tokyo" if turn % 2 else "America/Lima"
        gate = Barrier(2)

        def plan(gate: Barrier = gate, days: int = turn + 3) -> None:
            gate.wait()
            with transaction.atomic():
                planning.alone("person")
                planning.plan_rule(
                    Rule.objects.get(pk=rule.pk),
                    until=world.now + timedelta(days=days),
                    origin=world.origin(),
                )

        def move(gate: Barrier = gate, zone: str = zone) -> None:
            gate.wait()
            world.person("alice", zone)

        together(plan, move)
        zones = Occurrence.objects.filter(state="SCHEDULED").values_list("timezone", flat=True)
        assert set(zones) == {zone}
    days = Occurrence.objects.filter(state="SCHEDULED", entity=Entity.objects.get()).count()
    assert days >= 11


def test_a_sleeping_sweep_wakes_when_something_nearer_is_committed(world: World, together: Together) -> None:
    world.person("alice", "UTC")
    listening = Barrier(2)
    before = clock.now()

    def sleep() -> None:
        with Alarm() as alarm:
            listening.wait()
            alarm.wait(timedelta(seconds=60))

    def write() -> None:
        listening.wait()
        soon = clock.now() + timedelta(seconds=5)
        world.rule(rrule="", start_date=soon.date(), local_time=soon.time())

    together(sleep, write)
    assert clock.now() - before < timedelta(seconds=30)


def test_what_is_far_away_wakes_nobody(world: World) -> None:
    with Alarm() as alarm:
        world.person("alice", "UTC")
        world.rule(rrule="", start_date=(world.now + timedelta(days=1)).date())
        alarm.wait(timedelta(milliseconds=50))
        heard = list(alarm._listener.notifies(timeout=0))
    assert heard == []
    connection.close()


def test_an_alarm_whose_connection_was_cut_rings_at_once_and_listens_again(world: World) -> None:
    with Alarm() as alarm:
        cut = alarm._listener.info.backend_pid
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [cut])
        assert alarm.wait(timedelta(seconds=60)), "something may have been said meanwhile"
        assert clock.now() < world.now + timedelta(seconds=30)
        assert alarm._listener.info.backend_pid != cut
        assert not alarm.wait(timedelta(milliseconds=1))
        world.person("alice", "UTC")
        soon = clock.now() + timedelta(seconds=5)
        world.rule(rrule="", start_date=soon.date(), local_time=soon.time())
        assert alarm.wait(timedelta(seconds=60))


def test_a_deaf_alarm_hears_afterwards_what_was_said_meanwhile(world: World) -> None:
    with Alarm() as alarm:
        world.person("alice", "UTC")
        soon = clock.now() + timedelta(seconds=5)
        world.rule(rrule="", start_date=soon.date(), local_time=soon.time())
        assert alarm.wait(timedelta(milliseconds=50), deaf=True)
        assert not alarm.wait(timedelta(0))
