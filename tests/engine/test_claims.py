"""What is claimed, what is set aside, and how it is cut."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from events import dispatch, handling, operations, planning
from events.dispatch.chunks import pieces
from events.models import Occurrence, Rule
from events.timing import Lane
from tests.engine.world import LEASE, World

pytestmark = pytest.mark.django_db


def states() -> set[tuple[str, str, str]]:
    return set(Occurrence.objects.values_list("state", "reason", "hold"))


def test_nothing_is_claimed_a_microsecond_before_it_is_due(world: World) -> None:
    world.due()
    world.now -= timedelta(microseconds=1)
    assert world.claim() == []
    world.now += timedelta(microseconds=1)
    assert len(world.claim()) == 1


def test_a_claimed_row_carries_the_token_of_its_chunk_and_a_lease(world: World) -> None:
    (row,) = world.due()
    (chunk,) = world.claim()
    row.refresh_from_db()
    assert (row.state, row.claim_token, row.lease_expires_at) == ("PENDING", chunk.token, world.now + LEASE)


def test_a_claimed_row_is_not_claimed_again(world: World) -> None:
    world.due()
    world.claim()
    assert world.claim() == []


def test_the_oldest_due_is_claimed_first(world: World) -> None:
    later, earlier = world.due(2)
    Occurrence.objects.filter(pk=earlier.pk).update(available_at=world.now - timedelta(seconds=1))
    (chunk,) = world.claim(batch=1)
    assert chunk.ids == (earlier.pk,)
    assert world.claim(batch=1)[0].ids == (later.pk,)


def test_what_is_later_than_its_grace_goes_through_the_catch_up_lane(world: World) -> None:
    world.due(1, grace=timedelta(minutes=5))
    world.now += timedelta(minutes=5)
    assert [chunk.lane for chunk in world.claim()] == [Lane.LIVE]


def test_what_is_within_its_grace_stays_in_the_live_lane(world: World) -> None:
    world.due(1, grace=timedelta(minutes=5))
    world.now += timedelta(minutes=5, microseconds=1)
    assert [chunk.lane for chunk in world.claim()] == [Lane.CATCHUP]


def test_what_has_expired_is_skipped_with_the_reason_and_never_sent(world: World) -> None:
    world.due(1, expires_after=timedelta(minutes=1))
    world.now += timedelta(minutes=1)
    assert world.claim() == []
    assert states() == {("SKIPPED", "expired", "")}


def test_rows_of_a_paused_rule_are_held_and_come_back_when_it_is_resumed(world: World) -> None:
    world.due()
    rule = Rule.objects.get()
    assert operations.pause_rule(rule, origin=world.origin())
    assert world.claim() == []
    assert states() == {("SCHEDULED", "rule_paused", "rule_paused")}
    assert dispatch.standing().next_due is None

    assert operations.resume_rule(rule, origin=world.origin()) == 1

    assert states() == {("SCHEDULED", "rule_resumed", "")}
    assert len(world.claim()) == 1


def test_rows_whose_handler_is_gone_wait_visibly_and_fire_when_it_is_back(world: World) -> None:
    world.due(3, handler="idempotent")
    offered = handling.installed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handling, "installed", lambda: {"log": offered["log"]})
        assert world.claim() == []
        assert states() == {("SCHEDULED", "handler_missing", "handler_missing")}
        assert world.recover().released == 0

    assert world.recover().released == 3
    world.tick()
    assert states() == {("COMPLETED", "completed", "")}


def test_rows_whose_worker_was_lost_travel_alone(world: World) -> None:
    world.due(6)
    for chunk in world.claim(chunk=3):
        world.lose(chunk)
        break
    world.now += 2 * LEASE
    assert world.recover().attempts_lost == 3
    assert sorted(len(chunk.ids) for chunk in world.claim()) == [1, 1, 1, 3]


def test_rows_that_were_lost_with_many_others_travel_with_ever_fewer(world: World) -> None:
    """Most often none of them is guilty, and a message for each would keep the workers from what is due now."""
    world.due(200)
    lengths = []
    for _ in range(3):
        first, *others = world.claim(chunk=100)
        lengths.append((len(first.ids), len(first.ids) + sum(len(chunk.ids) for chunk in others)))
        for chunk in others:
            world.run(chunk)
        world.lose(first)
        world.now += 2 * LEASE
        assert world.recover().attempts_lost == len(first.ids)
    assert lengths == [(100, 200), (3, 100), (1, 3)]


def test_chunks_share_one_handler_and_one_lane(world: World) -> None:
    world.due(2)
    world.due(2, handler="idempotent")
    assert [(chunk.handler, len(chunk.ids)) for chunk in world.claim()] == [
        ("log", 2), ("idempotent", 1), ("idempotent", 1),
    ]  # fmt: skip


def test_a_handler_of_sets_is_given_more_at_once(world: World) -> None:
    world.due(20)
    world.due(20, handler="transactional")
    world.due(20, handler="idempotent")
    lengths = [(chunk.handler, len(chunk.ids)) for chunk in world.claim(chunk=4, chunk_of_sets=10)]
    assert lengths == [("log", 10)] * 2 + [("transactional", 4)] * 5 + [("idempotent", 4)] * 5


def test_sets_are_shared_in_one_part_for_each_worker_and_others_in_two(world: World) -> None:
    world.due(20)
    world.due(20, handler="transactional")
    lengths = [(chunk.handler, len(chunk.ids)) for chunk in world.claim()]
    assert lengths == [("log", 20)] + [("transactional", 10)] * 2


@pytest.mark.parametrize(
    ("count", "size", "parts", "together", "lengths"),
    [
        (1, 250, 4, 1, [1]),
        (4, 250, 4, 1, [1, 1, 1, 1]),
        (4, 250, 4, 8, [4]),
        (11, 250, 4, 8, [8, 3]),
        (40, 250, 4, 8, [10, 10, 10, 10]),
        (4, 2, 4, 8, [2, 2]),
        (1000, 250, 4, 1, [250] * 4),
        (1001, 250, 4, 8, [250] * 4 + [1]),
        (10, 3, 2, 1, [3, 3, 3, 1]),
        (0, 250, 4, 8, []),
    ],
)
def test_small_bursts_are_shared_unless_they_are_smaller_still(
    count: int, size: int, parts: int, together: int, lengths: list[int]
) -> None:
    cut = list(pieces(range(count), size=size, parts=parts, together=together))
    assert [len(piece) for piece in cut] == lengths
    assert [each for piece in cut for each in piece] == list(range(count))


def test_the_next_due_moment_is_known_ahead(world: World) -> None:
    world.person()
    world.rule(local_time=world.now.time(), timezone="UTC", start_date=world.now.date())
    assert dispatch.standing().next_due == world.now


def test_planning_twice_adds_nothing(world: World) -> None:
    world.person()
    world.rule()
    rows = Occurrence.objects.count()
    Rule.objects.update(planned_until=world.now)
    assert world.plan() == 0
    assert Occurrence.objects.count() == rows


def test_a_day_without_any_planning_still_becomes_rows(world: World) -> None:
    world.person()
    world.rule(rrule="FREQ=HOURLY", timezone="UTC")
    world.now += timedelta(days=5)
    world.plan()
    slots = list(Occurrence.objects.order_by("slot").values_list("slot", flat=True))
    assert all(after - before == timedelta(hours=1) for before, after in pairwise(slots))
    assert slots[-1].date() >= (world.now + timedelta(days=1)).date()


def test_most_planning_passes_find_nothing_to_do(world: World) -> None:
    world.person()
    world.rule()
    world.now += timedelta(hours=20)
    before = Rule.objects.get().planned_until
    assert planning.plan_due_rules(horizon=world.horizon, origin=world.origin()) == 0
    assert Rule.objects.get().planned_until == before
