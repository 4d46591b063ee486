"""The whole machine, alive: a beat by the minute, sweeps to the second, workers that die."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django_celery_results.models import TaskResult

from events import clock, operations
from events.lifecycle import FINAL
from events.models import EveryFrom, Occurrence, OneAttempt, Rule, Sweep
from events.operations import EntityFacts
from events.transitions import Origin

if TYPE_CHECKING:
    from datetime import datetime

    from tests.acceptance.deployment import Deployment
    from tests.receiver import Receiver

Eventually = Callable[..., None]
HORIZON = timedelta(hours=48)


pytestmark = pytest.mark.usefixtures("transactional_db")


def origin() -> Origin:
    return Origin("user:alice", uuid4(), clock.now())


def once(name: str, due_at: datetime, url: str) -> Rule:
    return Rule(
        name=name,
        audience_kind=name,
        start_date=due_at.date(),
        local_time=due_at.time(),
        timezone="UTC",
        handler="webhook",
        payload={"url": url},
    )


def people(kind: str, count: int) -> None:
    zones = ("Pacific/Apia", "Asia/Kathmandu", "America/St_Johns")
    facts = [EntityFacts(kind, f"{kind} {number}", zones[number % 3]) for number in range(count)]
    operations.put_entities(facts, origin=origin())


def a_sweep_is_awake() -> bool:
    return Sweep.objects.filter(seen_at__gt=clock.now() - timedelta(seconds=8), passes__gt=0).exists()


def test_a_rule_due_in_five_seconds_reaches_its_receiver_within_a_second_and_once(
    deployment: Deployment, receiver: Receiver, eventually: Eventually
) -> None:
    eventually("a sweep is awake", a_sweep_is_awake)
    people("client", 3)
    due_at = clock.now() + timedelta(seconds=5)
    operations.create_rule(once("client", due_at, receiver.url()), horizon=HORIZON, origin=origin())

    fired = Occurrence.objects.filter(rule__name="client")
    eventually("all are settled", lambda: fired.filter(state="COMPLETED").count() == 3)

    rows = list(fired)
    calls = receiver.calls()
    assert sorted(call["key"] for call in calls) == sorted(str(row.idempotency_key) for row in rows)
    for call in calls:
        late = call["received_at"] - due_at.timestamp()
        # The next tick is up to a minute away: whoever waited for it would be later than a slow machine.
        assert -0.05 <= late <= 10, f"{late} s after its moment\n{deployment.told()}"
    tasks = set(OneAttempt.objects.filter(occurrence__in=rows).values_list("task_id", flat=True))
    eventually("results are kept", lambda: TaskResult.objects.filter(task_id__in=tasks).count() == len(tasks))


def test_the_end_of_one_wakes_the_sweep_to_plan_what_counts_from_it(
    deployment: Deployment, receiver: Receiver, eventually: Eventually
) -> None:
    eventually("a sweep is awake", a_sweep_is_awake)
    people("pulse", 1)
    rule = once("pulse", clock.now() + timedelta(seconds=2), receiver.url("/slow?ms=700"))
    rule.every, rule.every_from = "PT2S", EveryFrom.COMPLETION
    operations.create_rule(rule, horizon=HORIZON, origin=origin())

    done = Occurrence.objects.filter(rule=rule, state="COMPLETED")
    eventually("five have ended", lambda: done.count() >= 5)
    operations.retire_rule(rule, why="seen enough", origin=origin())

    rows, late = list(done.order_by("due_at")), list[timedelta]()
    for before, after in pairwise(rows):
        assert before.finished_at is not None
        assert after.due_at == before.finished_at.replace(microsecond=0) + timedelta(seconds=2)
        assert after.started_at is not None
        late.append(after.started_at - after.due_at)
    # A sweep that nobody wakes sleeps for five seconds; a busy machine delays one or another.
    assert sorted(late)[len(late) // 2] < timedelta(seconds=2.5), (
        f"{late} after their moments\n{deployment.told()}"
    )
    assert set(receiver.keys().values()) == {1}


def test_a_worker_killed_amid_a_thousand_webhooks_loses_none_and_repeats_only_what_was_in_flight(
    deployment: Deployment, receiver: Receiver, eventually: Eventually
) -> None:
    eventually("a sweep is awake", a_sweep_is_awake)
    people("crowd", 1000)
    due_at = clock.now() + timedelta(seconds=2)
    rule = once("crowd", due_at, receiver.url("/slow?ms=50"))
    rule.backoff_base = timedelta(seconds=1)
    operations.create_rule(rule, horizon=HORIZON, origin=origin())

    eventually("it is in the middle", lambda: len(receiver.calls()) > 200)
    deployment.kill("worker-1")
    assert Occurrence.objects.filter(rule=rule, state="COMPLETED").count() < 1000
    deployment.start("worker-1")

    unfinished = Occurrence.objects.filter(rule=rule).exclude(state__in=sorted(FINAL))
    eventually("every row is final", lambda: not unfinished.exists())
    rows = Occurrence.objects.filter(rule=rule)
    assert set(rows.values_list("state", flat=True)) == {"COMPLETED"}
    keys = receiver.keys()
    assert set(keys) == {str(key) for key in rows.values_list("idempotency_key", flat=True)}
    lost = OneAttempt.objects.filter(occurrence__rule=rule, outcome="lost")
    in_flight = {str(key) for key in lost.values_list("occurrence__idempotency_key", flat=True)}
    assert {key for key, calls in keys.items() if calls > 1} <= in_flight
    assert in_flight, "the kill met no call in flight, so this test showed nothing"
    assert max(keys.values()) <= 2
