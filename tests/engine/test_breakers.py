"""A destination that fails is given a rest: its rows wait, visibly, and one probe a window asks whether it is back."""

from __future__ import annotations

import time as real_time
from datetime import timedelta
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from events import breakers, operations
from events.breakers import Destination, Tolerance
from events.handling import Completed, Reject, Retry
from events.models import Breaker, LoggedMove, Occurrence, OneAttempt, Rule
from events.publishing import Envelope
from tests.engine import handlers
from tests.engine.world import LEASE, World

if TYPE_CHECKING:
    from events.handling import HandlerContext, Outcome

pytestmark = pytest.mark.django_db

WINDOW = timedelta(seconds=30)
TOLERANCE = Tolerance(failures=3, window=WINDOW)
DEAD = Destination("reaching", "dead.example")


def only_the_dead_fail(context: HandlerContext) -> Outcome:
    return Retry("no answer") if context.payload["to"] == DEAD.name else Completed()


@pytest.fixture(autouse=True)
def _one_is_dead() -> None:
    handlers.Reaching.answer = staticmethod(only_the_dead_fail)


def due_at_the_dead(world: World, count: int, **rule: Any) -> list[Occurrence]:
    wanted: dict[str, Any] = {"handler": "reaching", "payload": {"to": DEAD.name}, "max_attempts": 50}
    return world.due(count, **{**wanted, **rule})


def run_all(world: World) -> None:
    """One sweep's work: recover, then claim and run all that is due."""
    world.recover()
    while chunks := world.claim():
        for chunk in chunks:
            world.run(chunk, tolerance=TOLERANCE)


def opened(world: World, count: int = 6, **rule: Any) -> list[Occurrence]:
    """So many rows for the dead, whose breaker is open, and which are all held."""
    rows = due_at_the_dead(world, count, backoff_base=timedelta(seconds=1), **rule)
    run_all(world)
    world.now += timedelta(seconds=1)  # what failed is to be tried again, and meets the breaker
    run_all(world)
    assert Occurrence.objects.filter(hold="breaker_open").count() == count
    return rows


def standings() -> dict[str, tuple[str, int]]:
    return {row.destination: (row.state, row.failures) for row in Breaker.objects.all()}


def called() -> int:
    return len(handlers.Bidden.calls)


def test_so_many_failures_in_a_row_open_it_and_what_the_worker_has_not_started_goes_back(
    world: World,
) -> None:
    due_at_the_dead(world, 6)
    summary = world.run(world.claim_together(), tolerance=TOLERANCE)
    assert (summary.outcomes, summary.given_back) == ({"failed": 3}, 3)
    assert standings() == {DEAD.name: ("open", 3)}
    assert called() == OneAttempt.objects.count() == 3
    back = Occurrence.objects.filter(attempt=0)
    assert set(back.values_list("state", "reason", "failures")) == {("SCHEDULED", "breaker_open", 0)}


def test_one_failure_less_leaves_it_closed(world: World) -> None:
    due_at_the_dead(world, 2)
    run_all(world)
    assert standings() == {DEAD.name: ("closed", 2)}
    assert Occurrence.objects.filter(hold="").count() == 2


def test_rows_are_held_visibly_and_holding_spends_no_attempt(world: World) -> None:
    opened(world)
    spent = set(Occurrence.objects.values_list("pk", "attempt", "failures"))
    for _ in range(28):
        world.now += timedelta(seconds=1)
        run_all(world)
    assert set(Occurrence.objects.values_list("pk", "attempt", "failures")) == spent
    assert set(Occurrence.objects.values_list("hold", "destination")) == {("breaker_open", DEAD.name)}
    held = LoggedMove.objects.filter(reason="breaker_open", detail__destination=DEAD.name)
    assert held.count() == 6, "a row that is held is held once"


def test_a_healthy_destination_of_the_same_rule_goes_on(world: World) -> None:
    rows = due_at_the_dead(world, 8, payload={"to": "well.example"})
    Occurrence.objects.filter(pk__in=[row.pk for row in rows[::2]]).update(payload={"to": DEAD.name})
    run_all(world)
    run_all(world)
    well = Occurrence.objects.filter(pk__in=[row.pk for row in rows[1::2]])
    assert set(well.values_list("state", flat=True)) == {"COMPLETED"}
    assert standings()[DEAD.name][0] == "open"
    assert Occurrence.objects.filter(hold="breaker_open", destination=DEAD.name, attempt=0).count() == 1


def test_the_payload_that_is_used_says_where_it_goes(world: World) -> None:
    """A row's own payload goes before the one that was kept when it was planned, and that before the rule's."""
    opened(world, 1 + TOLERANCE.failures)
    own, kept = due_at_the_dead(world, 2, name="kept", snapshot=True)[:2]
    Rule.objects.filter(name="kept").update(payload={"to": "well.example"})
    Occurrence.objects.filter(pk=own.pk).update(payload={"to": "well.example"})
    run_all(world)
    own.refresh_from_db()
    kept.refresh_from_db()
    assert own.state == "COMPLETED"
    assert (kept.hold, kept.destination) == ("breaker_open", DEAD.name)


def test_one_probe_a_window_while_it_stays_dead_and_all_of_them_when_it_is_back(world: World) -> None:
    opened(world)
    before = called()
    for minute in range(1, 6):
        for _ in range(60):
            world.now += timedelta(seconds=1)
            run_all(world)
        assert called() - before in {2 * minute - 1, 2 * minute}
    assert standings()[DEAD.name][0] == "open"
    handlers.answer(Completed())
    world.now += WINDOW
    run_all(world)
    assert standings() == {DEAD.name: ("closed", 0)}
    run_all(world)
    assert set(Occurrence.objects.values_list("state", "hold")) == {("COMPLETED", "")}
    reasons = set(LoggedMove.objects.values_list("reason", flat=True))
    assert {"breaker_probe", "breaker_closed"} <= reasons


def test_the_probe_is_the_oldest_row_and_goes_alone(world: World) -> None:
    rows = opened(world)
    Occurrence.objects.filter(pk=rows[4].pk).update(available_at=world.now - timedelta(hours=1))
    world.now += WINDOW
    world.recover()
    (probe,) = world.claim()
    assert probe.ids == (rows[4].pk,)
    assert world.claim() == []
    assert Breaker.objects.get().state == "half_open"


def test_a_probe_whose_worker_was_lost_is_followed_by_another_in_the_next_window(world: World) -> None:
    opened(world)
    world.now += WINDOW
    world.recover()
    (lost,) = world.claim()
    world.lose(lost, lease=timedelta(hours=1))
    world.now += WINDOW - timedelta(microseconds=1)
    world.recover()
    assert world.claim() == []
    world.now += timedelta(microseconds=1)
    world.recover()
    (second,) = world.claim()
    assert second.ids != lost.ids
    handlers.answer(Completed())
    world.run(second, tolerance=TOLERANCE)
    assert standings() == {DEAD.name: ("closed", 0)}


def test_a_probe_that_waits_in_a_long_queue_is_not_overtaken_by_the_next(world: World) -> None:
    """Otherwise each would be refused when its turn came, and nobody would ever ask."""
    opened(world)
    world.now += WINDOW
    world.recover()
    (waiting,) = world.claim()
    logged = LoggedMove.objects.count()
    for _ in range(3):
        world.now += WINDOW
        world.recover()
        assert world.claim() == []
    assert LoggedMove.objects.count() == logged, "nothing is let go only to be held again"
    handlers.answer(Completed())
    world.run(waiting, tolerance=TOLERANCE)
    assert standings() == {DEAD.name: ("closed", 0)}


def test_a_probe_whose_message_was_lost_is_followed_by_another(world: World) -> None:
    opened(world)
    world.now += WINDOW
    world.recover()
    world.claim()
    world.now += LEASE
    world.recover()
    (again,) = world.claim()
    assert len(again.ids) == 1


def test_a_probe_that_ends_without_a_call_makes_way_for_the_next(world: World) -> None:
    rows = opened(world, 5, expires_after=timedelta(minutes=1))
    (patient, *_) = due_at_the_dead(world, 1, entity=rows[0].entity, audience_kind="")
    run_all(world)
    world.now += timedelta(minutes=1)
    for _ in range(6):
        run_all(world)
    ended = Occurrence.objects.filter(pk__in=[row.pk for row in rows])
    assert set(ended.values_list("state", "reason")) == {("SKIPPED", "expired")}
    patient.refresh_from_db()
    assert (patient.attempt, patient.hold) == (1, "")


def test_whoever_says_when_to_come_again_is_there(world: World) -> None:
    handlers.answer(Retry("429 Too Many Requests", after=timedelta(minutes=1)))
    due_at_the_dead(world, 10)
    run_all(world)
    assert (standings(), called()) == ({}, 10)


@pytest.mark.parametrize("outcome", [Retry("come again", after=timedelta(0)), Reject("404 Not Found")])
def test_a_probe_that_gets_any_answer_closes_it(world: World, outcome: Outcome) -> None:
    opened(world)
    handlers.answer(outcome)
    world.now += WINDOW
    world.recover()
    (probe,) = world.claim()
    world.run(probe, tolerance=TOLERANCE)
    assert standings() == {DEAD.name: ("closed", 0)}


def test_failures_with_a_success_among_them_are_not_in_a_row(world: World) -> None:
    """All calls of the chunk are made at once, and answered one after another: two fail, one succeeds, two fail."""
    rows = due_at_the_dead(world, 5, handler="reaching-together")
    answered = {row.pk: Event() for row in rows}
    before = {row.pk: earlier.pk for earlier, row in pairwise(rows)}

    def in_turn(context: HandlerContext) -> Outcome:
        if context.occurrence_id in before:
            answered[before[context.occurrence_id]].wait(10)
            real_time.sleep(0.2)  # the answer before is settled
        answered[context.occurrence_id].set()
        return Completed() if context.occurrence_id == rows[2].pk else Retry("no answer")

    handlers.ReachingTogether.answer = staticmethod(in_turn)
    summary = world.run(world.claim_together(), tolerance=TOLERANCE)
    assert summary.outcomes == {"failed": 4, "completed": 1}
    assert Breaker.objects.get().state == "closed"


def test_a_success_between_two_chunks_begins_the_count_anew(world: World) -> None:
    for to in ("no", "no", "yes", "no", "no"):
        handlers.answer(Completed() if to == "yes" else Retry("no answer", None))
        due_at_the_dead(world, 1)
        (chunk,) = world.claim()
        world.run(chunk, tolerance=TOLERANCE)
    assert standings() == {DEAD.name: ("closed", 2)}


def test_a_rule_edited_to_another_address_is_held_no_longer(world: World) -> None:
    rows = opened(world)
    rule = Rule.objects.get()
    rule.payload = {"to": "well.example"}
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin())
    run_all(world)
    assert set(Occurrence.objects.values_list("state", "hold")) == {("COMPLETED", "")}
    assert standings()[DEAD.name][0] == "open"
    assert Occurrence.objects.count() == len(rows)


def test_closed_by_hand_it_lets_all_go_at_once(world: World) -> None:
    opened(world)
    handlers.answer(Completed())
    assert breakers.close(DEAD, now=world.now)
    assert not breakers.close(DEAD, now=world.now), "it is closed"
    run_all(world)
    assert set(Occurrence.objects.values_list("state", "hold")) == {("COMPLETED", "")}


def test_opened_by_hand_it_lets_nothing_through_before_its_time_not_even_a_probe(world: World) -> None:
    until = world.now + timedelta(hours=1)
    breakers.force_open(
        Destination("reaching", "well.example"), until=until, why="moving house", now=world.now
    )
    due_at_the_dead(world, 2, payload={"to": "well.example"})
    while world.now < until:
        run_all(world)
        world.now += timedelta(minutes=1)
    assert called() == 0
    run_all(world)  # the probe
    run_all(world)
    assert called() == 2


def test_a_late_success_does_not_close_what_is_open(world: World) -> None:
    """It was called before the others failed: it says nothing of now. Only a probe's success closes."""
    opened(world)
    breakers.succeeded(DEAD, now=world.now)
    assert standings()[DEAD.name][0] == "open"


def test_a_late_failure_is_not_the_probes(world: World) -> None:
    rows = opened(world)
    world.now += WINDOW
    world.recover()
    (probe,) = world.claim()
    other = next(row.pk for row in rows if row.pk not in probe.ids)
    assert breakers.failed(DEAD, [other], why="x", tolerance=TOLERANCE, now=world.now) == "half_open"
    assert breakers.failed(DEAD, probe.ids, why="x", tolerance=TOLERANCE, now=world.now) == "open"
    assert Breaker.objects.get().probe_at == world.now + WINDOW


def test_with_no_tolerance_at_all_there_are_no_breakers(world: World) -> None:
    due_at_the_dead(world, 20)
    world.run(world.claim_together(), tolerance=Tolerance(failures=0))
    assert called() == 20
    assert not Breaker.objects.exists()


def test_a_handler_that_cannot_make_sense_of_a_payload_names_nobody(world: World) -> None:
    handlers.answer(Retry("no answer"))
    due_at_the_dead(world, 5, payload={})
    (chunk, *_) = world.claim()
    assert chunk.destination == ""
    world.run(chunk, tolerance=TOLERANCE)
    assert not Breaker.objects.exists()


def test_a_deleted_rules_held_rows_end_with_it(world: World) -> None:
    opened(world)
    operations.retire_rule(Rule.objects.get(), why="over", origin=world.origin())
    assert set(Occurrence.objects.values_list("state", "reason", "hold")) == {
        ("CANCELLED", "rule_retired", "")
    }


def test_a_message_carries_its_destination_and_one_of_an_older_sender_has_none(world: World) -> None:
    due_at_the_dead(world, 1)
    (chunk,) = world.claim()
    envelope = Envelope(chunk.token, chunk.correlation_id, chunk.handler, chunk.ids, chunk.destination)
    sent = envelope.as_kwargs()
    assert Envelope.from_kwargs(**sent) == envelope
    del sent["destination"]
    assert Envelope.from_kwargs(**sent).destination == ""
