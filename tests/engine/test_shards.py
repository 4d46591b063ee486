"""Each engine does the work of its shard, all of it, and touches nobody else's rows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import dispatch, operations, planning, publishing, recovery, sweeping
from events.dispatch.due import lock_due
from events.handling import Unsure
from events.lifecycle import Hold, Reason
from events.models import Breaker, Entity, EveryFrom, Occurrence, Overlap, Rule, RuleState
from events.shards import WHOLE, Shard
from tests.engine import handlers
from tests.engine.world import LEASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from pytest_django.fixtures import Settings

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
PEOPLE = 24


def claim(world: World, shard: Shard, *, batch: int = 1000) -> list[int]:
    """The entities of the rows that a claim of this shard takes."""
    limits = dispatch.Limits(batch=batch, chunk=100, chunk_of_sets=100, workers=1, lease=LEASE)
    chunks = dispatch.claim_due(limits=limits, origin=world.origin("engine:test"), shard=shard).chunks
    return entities_of([row for chunk in chunks for row in chunk.ids])


def entities_of(ids: list[int]) -> list[int]:
    return sorted(Occurrence.objects.filter(pk__in=ids).values_list("entity_id", flat=True))


def members(shard: Shard) -> list[int]:
    ids = Entity.objects.order_by("id").values_list("id", flat=True)
    return [each for each in ids if each % shard.of == shard.number - 1]


@pytest.mark.parametrize("of", [1, 2, 3, 7, 1024])
def test_the_claims_of_all_shards_take_every_row_each_its_own(world: World, of: int) -> None:
    world.due(PEOPLE)
    numbers = sorted({each % of + 1 for each in members(WHOLE)})
    for number in numbers:
        assert claim(world, Shard(number, of)) == members(Shard(number, of))
    assert not dispatch.standing().is_due(world.now)


def test_shards_that_overlap_and_a_claim_of_all_take_no_row_twice(world: World) -> None:
    world.due(PEOPLE)
    taken = [
        each
        for shard in (Shard(1, 2), Shard(2, 3), Shard(1, 2), Shard(5, 5), WHOLE, Shard(2, 2))
        for each in claim(world, shard)
    ]
    assert sorted(taken) == members(WHOLE)


def test_a_batch_is_filled_within_the_shard_however_much_older_the_rows_of_others_are(world: World) -> None:
    world.due(PEOPLE)
    others, ours = members(Shard(1, 2)), Shard(2, 2)
    Occurrence.objects.filter(entity__in=others).update(available_at=world.now - DAY)
    taken = claim(world, ours, batch=5)
    assert len(taken) == 5
    assert set(taken) < set(members(ours))


def test_what_is_due_and_under_way_is_told_of_the_shard_alone(world: World) -> None:
    world.due(PEOPLE)
    ours, theirs = Shard(1, 3), Shard(2, 3)
    Occurrence.objects.filter(entity__in=members(ours)).update(available_at=world.now + HOUR)
    assert (dispatch.standing(ours).is_due(world.now), dispatch.standing(theirs).is_due(world.now)) == (
        False,
        True,
    )
    assert dispatch.standing(ours).next_due == world.now + HOUR
    assert dispatch.standing(theirs).next_due == world.now.replace(microsecond=0)
    world.claim()
    assert (dispatch.standing(ours).in_flight, dispatch.standing(theirs).in_flight) == (
        0,
        len(members(theirs)),
    )
    since = world.now + SECOND
    assert (dispatch.late_in_flight(since, ours), dispatch.late_in_flight(since, theirs)) == (
        0,
        len(members(theirs)),
    )


def reads_of_occurrences(world: World, shard: Shard) -> list[tuple[str, str, str]]:
    """How PostgreSQL would find the shard's due rows: kind of scan, index, and what it sifts the rows by."""
    with CaptureQueriesContext(connection) as asked:
        lock_due(100, since=None, now=world.now, shard=shard)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {asked[-1]['sql']}")
        (plan,) = cursor.fetchone()
    return list(scans(json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]))


def scans(node: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The scans of occurrences in a plan."""
    index = node.get("Index Name", "")
    if node.get("Relation Name") == "events_occurrence" or index.startswith("occurrence_"):
        yield node["Node Type"], index, node.get("Filter", "")
    for below in node.get("Plans", ()):
        yield from scans(below)


@pytest.mark.parametrize("shard", [WHOLE, Shard(1, 2), Shard(3, 4), Shard(7, 64)], ids=str)
def test_a_claim_reads_the_index_of_what_is_due_and_no_more(world: World, shard: Shard) -> None:
    world.due(PEOPLE)
    copy_rows(400)
    found = reads_of_occurrences(world, shard)
    assert {index for _, index, _ in found if index} == {"occurrence_due"}
    assert {kind for kind, _, _ in found} <= {"Index Scan", "Bitmap Index Scan", "Bitmap Heap Scan"}
    assert any("entity_id %" in sifted for _, _, sifted in found) == (shard != WHOLE)


def copy_rows(times: int) -> None:
    """A table of a size at which an index counts: the same rows over many years, most of them long done."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_occurrence (rule_id, entity_id, slot, fold, timezone, tzdata_version, note, due_at,
                                           state, reason, hold, available_at, attempt, failures, finished_at,
                                           destination)
            SELECT rule_id, entity_id, slot - n * interval '1 day', fold, timezone, tzdata_version, '',
                   due_at - n * interval '1 day', CASE WHEN n %% 100 = 0 THEN 'SCHEDULED' ELSE 'COMPLETED' END, '', '',
                   available_at - n * interval '1 day', 0, 0, CASE WHEN n %% 100 = 0 THEN NULL ELSE now() END, ''
            FROM events_occurrence, generate_series(1, %s) AS n
            """,
            [times],
        )
        # Other tests leave dead entries in the indexes, which the planner counts as well.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("REINDEX TABLE events_occurrence")
        cursor.execute("ANALYZE events_occurrence")


# --- recovery -------------------------------------------------------------------------------------------------------


def lapsed_claims(world: World) -> None:
    world.due(PEOPLE)
    world.claim()
    world.now += LEASE


def lost_attempts(world: World) -> None:
    world.due(PEOPLE, handler="non-idempotent")
    world.lose(world.claim_together())
    world.now += LEASE


def unknown_ones_to_be_asked_about(world: World) -> None:
    world.due(PEOPLE, handler="asking")
    handlers.Asking.answer = staticmethod(lambda _: Unsure("no answer"))
    world.run(world.claim_together())


def unknown_ones_with_a_policy(world: World) -> None:
    world.due(PEOPLE, handler="non-idempotent", when_unknown="cancel")
    handlers.NonIdempotent.answer = staticmethod(lambda _: Unsure("no answer"))
    world.run(world.claim_together())


def held_by_a_rule_that_is_resumed(world: World) -> None:
    rows = world.due(PEOPLE)
    Rule.objects.update(state=RuleState.PAUSED)
    world.claim()
    assert Occurrence.objects.filter(hold=Hold.RULE_PAUSED).count() == len(rows)
    Rule.objects.update(state=RuleState.ACTIVE)


def held_for_a_handler_that_is_found(world: World) -> None:
    world.due(PEOPLE)
    Occurrence.objects.update(hold=Hold.HANDLER_MISSING)


def held_by_a_breaker_that_closed(world: World) -> None:
    world.due(PEOPLE, handler="reaching", payload={"to": "shop"})
    Breaker.objects.create(handler="reaching", destination="shop", state="closed", changed_at=world.now)
    Occurrence.objects.update(hold=Hold.BREAKER_OPEN, destination="shop")


def held_behind_one_that_ended(world: World) -> None:
    world.due(PEOPLE, overlap=Overlap.QUEUE)
    Occurrence.objects.update(hold=Hold.OVERLAPPING)


def held_where_nobody_queues_any_more(world: World) -> None:
    world.due(PEOPLE, overlap=Overlap.ALLOW)
    Occurrence.objects.update(hold=Hold.OVERLAPPING)


CASES = [
    lapsed_claims, lost_attempts, unknown_ones_to_be_asked_about, unknown_ones_with_a_policy,
    held_by_a_rule_that_is_resumed, held_for_a_handler_that_is_found, held_by_a_breaker_that_closed,
    held_behind_one_that_ended, held_where_nobody_queues_any_more,
]  # fmt: skip


def moved_in(chain: UUID) -> list[int]:
    """The entities whose rows a pass moved, once for each move."""
    moves = Occurrence.objects.filter(moves__correlation_id=chain)
    return sorted(moves.values_list("entity_id", flat=True))


@pytest.mark.parametrize("situation", CASES, ids=lambda case: case.__name__)
def test_recovery_of_a_shard_moves_its_rows_and_no_others(
    world: World, situation: Callable[[World], None]
) -> None:
    situation(world)
    for shard in (Shard(2, 3), Shard(1, 3), Shard(3, 3)):
        origin = world.origin("engine:test")
        done = recovery.recover(shard=shard, origin=origin)
        assert done.total == len(members(shard)) > 0
        assert moved_in(origin.correlation_id) == members(shard)
    assert world.recover().total == 0


def test_each_shard_has_a_probe_of_its_own_to_offer_and_one_is_taken(world: World) -> None:
    world.due(PEOPLE, handler="reaching", payload={"to": "shop"})
    facts = {"state": "open", "probe_at": world.now, "opened_at": world.now, "changed_at": world.now}
    Breaker.objects.create(handler="reaching", destination="shop", failures=5, **facts)
    Occurrence.objects.update(hold=Hold.BREAKER_OPEN, destination="shop")
    shards = (Shard(1, 2), Shard(2, 2))
    released = [
        recovery.recover(shard=shard, origin=world.origin("engine:test")).released for shard in shards
    ]
    assert released == [1, 1]
    offered = Occurrence.objects.filter(reason=Reason.BREAKER_PROBE).values_list("entity_id", flat=True)
    assert sorted(each % 2 for each in offered) == [0, 1]
    assert [len(claim(world, shard)) for shard in shards] == [1, 0]
    assert Occurrence.objects.filter(hold=Hold.BREAKER_OPEN).count() == PEOPLE - 1
    assert [recovery.recover(shard=shard, origin=world.origin()).released for shard in shards] == [0, 0]


def test_of_what_was_edited_while_it_ran_a_shard_looks_at_its_own(world: World) -> None:
    world.due(PEOPLE)
    Occurrence.objects.update(hold=Hold.EDITED)
    ours = Shard(2, 2)
    assert planning.replan_edited(shard=ours, origin=world.origin("engine:test")) == len(members(ours))
    held = Occurrence.objects.filter(hold=Hold.EDITED).order_by("entity_id")
    assert list(held.values_list("entity_id", flat=True)) == members(Shard(1, 2))


def test_a_row_that_is_held_while_its_rules_others_are_looked_at_waits_for_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released unlooked at, it might fire though nobody wants it any more."""
    first, second = world.due(2)
    Occurrence.objects.filter(pk=first.pk).update(hold=Hold.EDITED)

    def meanwhile(kinds: set[str]) -> None:
        Occurrence.objects.filter(pk=second.pk).update(hold=Hold.EDITED)
        planning.together(kinds)

    monkeypatch.setattr("events.planning.plans.together", meanwhile)
    assert planning.replan_edited(origin=world.origin("engine:test")) == 1
    assert list(Occurrence.objects.filter(hold=Hold.EDITED)) == [second]


# --- planning -------------------------------------------------------------------------------------------------------


def test_a_shard_of_the_plan_plans_its_rules_wholly_and_leaves_others_as_they_were(world: World) -> None:
    world.people({f"p{number}": "Asia/Kathmandu" for number in range(5)})
    rules = [world.rule() for _ in range(6)]
    behind = world.now - HOUR
    Occurrence.objects.all().delete()
    Rule.objects.update(planned_until=behind)
    ours = Shard(2, 3)
    mine = [rule.pk for rule in rules if rule.pk % 3 == 1]

    written = planning.plan_due_rules(horizon=world.horizon, shard=ours, origin=world.origin())

    rows = Occurrence.objects.all()
    assert written == rows.count() > 0
    assert set(rows.values_list("rule_id", "entity_id")) == {
        (rule, entity) for rule in mine for entity in members(WHOLE)
    }
    assert sorted(Rule.objects.filter(planned_until__gt=world.now).values_list("pk", flat=True)) == mine
    assert set(Rule.objects.exclude(pk__in=mine).values_list("planned_until", flat=True)) == {behind}
    rest = [Shard(1, 3), Shard(3, 3), ours]
    again = [
        planning.plan_due_rules(horizon=world.horizon, shard=shard, origin=world.origin()) for shard in rest
    ]
    assert again == [written, written, 0]
    assert world.plan() == 0


def test_a_sweep_of_a_shard_plans_what_counts_from_the_end_for_its_entities(world: World) -> None:
    world.due(PEOPLE, every="PT1H", every_from=EveryFrom.COMPLETION, timezone="UTC")
    world.sweep()
    ours = Shard(1, 2)
    assert planning.plan_after_completion(shard=ours, origin=world.origin()) == len(members(ours)) > 0
    to_come = Occurrence.objects.filter(state="SCHEDULED").order_by("entity_id")
    assert list(to_come.values_list("entity_id", flat=True)) == members(ours)
    assert planning.plan_after_completion(shard=ours, origin=world.origin()) == 0
    assert planning.plan_after_completion(origin=world.origin()) == len(members(Shard(2, 2)))


# --- the sweep ------------------------------------------------------------------------------------------------------


@pytest.fixture
def _publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker takes everything."""
    monkeypatch.setattr(publishing, "publish", lambda chunks: publishing.Published(len(chunks)))


def one_pass(world: World, shard: Shard) -> sweeping.Pass:
    return sweeping.one_pass(clock=world.clock, sweeper="test", shard=shard)


@pytest.mark.usefixtures("_publishing")
def test_what_others_have_in_flight_takes_no_room_from_a_shard(world: World, settings: Settings) -> None:
    """The first fills its part of the cap; the second, which is later, still has its own."""
    settings.PUNCTUAL_IN_FLIGHT_CAP = 10
    world.due(PEOPLE)
    first, second = one_pass(world, Shard(1, 2)), one_pass(world, Shard(2, 2))
    assert [(done.claimed, done.drained) for done in (first, second)] == [(5, False), (5, False)]
    assert dispatch.standing().in_flight == 10
    assert [one_pass(world, Shard(number, 2)).claimed for number in (1, 2)] == [0, 0]


@pytest.mark.usefixtures("_publishing")
def test_a_shard_is_drained_when_its_rows_are_whatever_others_have(world: World) -> None:
    world.due(PEOPLE)
    done = one_pass(world, Shard(2, 2))
    assert (done.claimed, done.drained) == (len(members(Shard(2, 2))), True)
    assert one_pass(world, Shard(2, 2)).drained
    assert dispatch.standing().is_due(world.now)


@pytest.mark.usefixtures("_publishing")
def test_the_backlog_of_a_shard_is_claimed_within_its_part(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_IN_FLIGHT_CAP = 16
    world.due(PEOPLE)
    Occurrence.objects.update(available_at=world.now - DAY, due_at=world.now - DAY)
    assert [one_pass(world, Shard(number, 2)).claimed for number in (1, 2)] == [4, 4]
    assert one_pass(world, WHOLE).claimed == 0  # half of the cap is the backlog's, and it is taken


@pytest.mark.usefixtures("_publishing")
def test_the_throttle_of_a_backlog_counts_all_shards_together(world: World, settings: Settings) -> None:
    settings.PUNCTUAL_CATCH_UP_PER_SECOND = 6
    world.due(PEOPLE)
    Occurrence.objects.update(available_at=world.now - DAY, due_at=world.now - DAY)
    sweeps = [one_pass(world, Shard(number, 3)) for number in (1, 2, 3)]
    assert sum(done.claimed for done in sweeps) == 6
    assert [done.drained for done in sweeps] == [False, False, False]


@pytest.mark.usefixtures("_publishing")
def test_a_shard_without_an_entity_has_nothing_to_do(world: World) -> None:
    world.due(1)
    (only,) = members(WHOLE)
    empty = Shard((only + 1) % 1024 + 1, 1024)
    done = one_pass(world, empty)
    assert (done.claimed, done.recovered, done.drained) == (0, 0, True)
    assert dispatch.standing(empty).next_due is None
    assert one_pass(world, Shard(only % 1024 + 1, 1024)).claimed == 1


@pytest.mark.usefixtures("_publishing")
def test_a_sweep_of_a_shard_fires_the_latest_though_no_rule_is_planned_that_far(world: World) -> None:
    """What a catch-up policy must know belongs to the rule: a sweep plans it for all before it looks at its own."""
    world.people({f"p{number}": "UTC" for number in range(4)})
    world.rule(catch_up="latest", timezone="UTC", local_time=world.now.time())
    world.now += 10 * DAY
    ours = Shard(1, 2)
    sweeping.sweep_once(clock=world.clock, sweeper="test", shard=ours)
    due = Occurrence.objects.filter(due_at__lte=world.now)
    claimed = due.filter(state="PENDING")
    assert sorted(claimed.values_list("entity_id", flat=True)) == members(ours)
    assert set(claimed.values_list("due_at", flat=True)) == {max(due.values_list("due_at", flat=True))}
    touched = due.exclude(state="SCHEDULED").values_list("entity_id", flat=True)
    assert set(touched) == set(members(ours))


def test_an_operator_may_edit_between_two_shards(world: World) -> None:
    rows = world.due(PEOPLE)
    claim(world, Shard(1, 2))
    operations.cancel([row.pk for row in rows], why="enough", origin=world.origin())
    assert claim(world, Shard(2, 2)) == []
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"CANCELLED"}
