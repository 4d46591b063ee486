"""Messages are merged under (type, key) and dispatched once, together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import operations, planning, transitions
from events.handling import Completed, Reject, Retry
from events.models import Entity, Group, GroupItem, LoggedMove, Occurrence
from events.operations import EntityFacts, InvalidMessage, NothingMoved
from events.transitions import Given
from tests.engine import handlers
from tests.engine.grouping import HOUR, collecting, group_of, message, occurrence_of, take

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db


def dispatched() -> list[dict[str, Any]]:
    """The payloads that handlers were called with."""
    return [dict(call.payload) for call in handlers.Bidden.calls]


# --- merged, in order, once ---


def test_messages_of_a_key_are_dispatched_once_together_in_order(world: World) -> None:
    collecting(world)
    first = take(world, {"upload_id": "1"}, {"upload_id": "2"}, message=[{"message": "message"}])
    second = take(world, {"upload_id": "3"}, message=[{"message": "second"}, "free"], at=HOUR)
    assert (first.is_first, first.position, second.position) == (True, 1, 2)
    assert first.group_id == second.group_id
    assert world.sweep() == 0
    world.now += HOUR
    assert world.sweep() == 1
    assert dispatched() == [
        {
            "type": "UPLOAD", "id": "alice", "group": first.group_id, "items": 2,
            "execute_at": world.now.isoformat().replace("+00:00", "Z"),
            "data": [{"upload_id": "1"}, {"upload_id": "2"}, {"upload_id": "3"}],
            "message": [{"message": "message"}, {"message": "second"}, "free"],
        }
    ]  # fmt: skip
    assert (world.only().state, world.only().given) == ("COMPLETED", True)
    assert world.sweep() == 0


def test_types_and_keys_and_accounts_have_groups_of_their_own(world: World, django_user_model: Any) -> None:
    charlie = django_user_model.objects.create_user("charlie")
    for name in ("UPLOAD", "SIMULATION"):
        collecting(world, name)
    collecting(world, owner=charlie.pk)
    groups = {
        take(world).group_id,
        take(world, key="bob").group_id,
        take(world, type="SIMULATION").group_id,
        take(world, owner=charlie.pk).group_id,
    }
    assert len(groups) == 4
    assert Entity.objects.filter(owner=charlie, kind="group", external_id="alice", timezone="UTC").exists()


def test_all_three_types_of_the_note_are_dispatched(world: World) -> None:
    names = ("UPLOAD", "SIMULATION", "GROUPED_ACTION")
    for name in names:
        collecting(world, name)
        take(world, name, type=name)
    world.now += HOUR
    assert world.sweep() == 3
    assert sorted((each["type"], each["data"]) for each in dispatched()) == sorted(
        (name, [name]) for name in names
    )


def test_a_message_after_the_dispatch_opens_another_group(world: World) -> None:
    collecting(world)
    first = take(world, 1)
    world.now += HOUR
    world.sweep()
    second = take(world, 2)
    assert (second.is_first, second.position) == (True, 1)
    assert second.group_id != first.group_id
    world.now += HOUR
    world.sweep()
    assert [each["data"] for each in dispatched()] == [[1], [2]]


def test_an_append_is_one_statement(world: World) -> None:
    collecting(world)
    take(world)
    with CaptureQueriesContext(connection) as asked:
        take(world, 2, item_key="k", at=HOUR * 2)
    assert len(asked) == 1


def test_what_is_no_group_is_not_asked_for_its_messages(world: World) -> None:
    world.due(3, handler="transactional")
    chunk = world.claim_together()
    with CaptureQueriesContext(connection) as asked:
        world.run(chunk)
    assert not [query for query in asked if "events_group" in query["sql"]]


def test_the_groups_of_a_chunk_are_read_with_one_question(world: World) -> None:
    collecting(world, handler="transactional")
    for number in range(5):
        take(world, number, key=f"key {number}")
    world.now += HOUR
    chunk = world.claim_together()
    with CaptureQueriesContext(connection) as asked:
        world.run(chunk)
    assert sum("events_groupitem" in query["sql"] for query in asked) == 1
    assert sorted(each["data"][0] for each in dispatched()) == list(range(5))


@pytest.mark.parametrize(("max_bytes", "sizes"), [(1024 * 1024, [3, 2]), (16 * 1024 * 1024, [2, 2, 1])])
def test_a_worker_never_holds_more_messages_than_it_has_room_for(
    world: World, max_bytes: int, sizes: list[int]
) -> None:
    collecting(world, max_bytes=max_bytes)
    for number in range(5):
        take(world, number, key=f"key {number}")
    world.now += HOUR
    assert [len(chunk.ids) for chunk in world.claim()] == sizes


def test_opening_a_group_asks_little(world: World) -> None:
    collecting(world)
    take(world)
    world.now += HOUR
    with CaptureQueriesContext(connection) as asked:
        assert take(world).is_first
    assert len(asked) <= 9, [query["sql"][:80] for query in asked]


# --- its moment ---


@pytest.mark.parametrize(
    ("moves", "wishes", "due"),
    [
        ("last", [1, 3, 2], 2),
        ("latest", [1, 3, 2], 3),
        ("earliest", [2, 1, 3], 1),
        ("keep", [2, 1, 3], 2),
    ],
)
def test_a_later_message_moves_the_moment_as_its_type_says(
    world: World, moves: str, wishes: list[int], due: int
) -> None:
    collecting(world, moves=moves)
    taken = [take(world, at=hours * HOUR) for hours in wishes]
    row = occurrence_of(taken[-1])
    promised = world.now + due * HOUR
    assert (taken[-1].due_at, row.due_at, row.available_at) == (promised,) * 3
    assert row.slot == promised.replace(tzinfo=None)
    world.now = promised - timedelta(seconds=1)
    assert world.sweep() == 0
    world.now = promised
    assert world.sweep() == 1


def test_no_group_waits_longer_than_its_longest_wait(world: World) -> None:
    collecting(world, max_wait=2 * HOUR)
    opened = world.now
    assert take(world, at=9 * HOUR).due_at == opened + 2 * HOUR
    for _ in range(3):
        world.now += HOUR / 2
        assert take(world, at=9 * HOUR).due_at == opened + 2 * HOUR


def test_what_is_past_already_is_due_now(world: World) -> None:
    collecting(world)
    taken = take(world, at=-1000 * HOUR)
    assert (taken.due_at, taken.is_sealed) == (world.now, True)
    assert world.sweep() == 1
    assert take(world).group_id != taken.group_id


def test_an_open_group_that_is_told_a_past_moment_goes_at_once(world: World) -> None:
    collecting(world)
    take(world, 1)
    taken = take(world, 2, at=-HOUR)
    assert (taken.due_at, taken.is_sealed) == (world.now, True)
    assert world.sweep() == 1
    assert dispatched()[0]["data"] == [1, 2]
    moves = LoggedMove.objects.filter(occurrence=world.only(), reason="moved")
    assert (moves.get().detail or {})["sealed"] == "due"


def test_two_groups_of_a_key_may_be_promised_for_one_instant(world: World) -> None:
    collecting(world, max_items=1)
    taken = [take(world, number) for number in range(4)]
    rows = [occurrence_of(each) for each in taken]
    assert {row.due_at for row in rows} == {world.now}
    assert [row.slot for row in rows] == [
        (world.now + timedelta(microseconds=number)).replace(tzinfo=None) for number in range(4)
    ]
    assert world.sweep() == 4


def test_an_open_group_is_moved_beside_a_cancelled_one_of_that_instant(world: World) -> None:
    collecting(world)
    gone = take(world, 1, at=2 * HOUR)
    operations.cancel_group(group_of(gone), why="enough", origin=world.origin())
    take(world, 2)
    moved = take(world, 3, at=2 * HOUR)
    assert moved.due_at == gone.due_at
    assert occurrence_of(moved).slot == occurrence_of(gone).slot + timedelta(microseconds=1)
    assert occurrence_of(gone).state == "CANCELLED"


# --- limits ---


def test_so_many_messages_seal_it_at_once(world: World) -> None:
    collecting(world, max_items=2)
    assert not take(world, 1).is_sealed
    full = take(world, 2)
    assert (full.is_sealed, full.due_at) == (True, world.now)
    assert world.sweep() == 1
    assert take(world, 3).is_first


def test_so_many_bytes_seal_it_and_it_never_has_more(world: World) -> None:
    collecting(world, max_bytes=400)
    first = take(world, "x" * 100)
    second = take(world, "y" * 250)
    assert first.group_id != second.group_id
    assert group_of(first).sealed_at == world.now
    assert not second.is_sealed
    assert world.sweep() == 1
    assert dispatched()[0]["data"] == ["x" * 100]
    with pytest.raises(InvalidMessage, match="its type takes 400 at most"):
        take(world, "z" * 400)


# --- the sender's own key ---


def test_a_message_that_comes_twice_under_its_key_counts_once(world: World) -> None:
    collecting(world)
    first = take(world, 1, item_key="order-7")
    again = take(world, "another", item_key="order-7", at=5 * HOUR)
    assert (again.group_id, again.position, again.due_at) == (first.group_id, 1, first.due_at)
    assert again.is_repeated
    assert not take(world, 2, item_key="order-8").is_repeated
    world.now += HOUR
    world.sweep()
    assert dispatched()[0]["data"] == [1, 2]


def test_its_key_is_known_for_a_day_after_it_was_sent(world: World) -> None:
    collecting(world)
    first = take(world, 1, item_key="order-7")
    world.now += HOUR
    world.sweep()
    again = take(world, 1, item_key="order-7")
    assert (again.group_id, again.is_repeated, again.is_sealed) == (first.group_id, True, True)
    world.now += timedelta(hours=23)
    assert take(world, 1, item_key="order-7").is_first


def test_keys_are_known_within_their_type_and_key_alone(world: World) -> None:
    collecting(world)
    collecting(world, "SIMULATION")
    assert take(world, item_key="k").is_first
    assert take(world, item_key="k", key="bob").is_first
    assert take(world, item_key="k", type="SIMULATION").is_first


# --- entities ---


def test_an_entity_that_exists_is_not_touched(world: World) -> None:
    known = world.person("alice", "Asia/Tokyo", birthday="1990-01-01")
    collecting(world, entity_kind="person")
    row = occurrence_of(take(world))
    assert (row.entity_id, row.timezone) == (known.pk, "UTC")
    known.refresh_from_db()
    assert (known.timezone, known.version) == ("Asia/Tokyo", 1)


def test_an_entity_that_a_message_makes_gets_the_rows_of_its_kinds_rules(world: World) -> None:
    rule = world.rule(timezone="UTC")
    collecting(world, entity_kind="person")
    take(world, key="newcomer")
    assert Occurrence.objects.filter(rule=rule, entity__external_id="newcomer").exists()


def test_a_deleted_entity_lives_again_with_its_next_message(world: World) -> None:
    collecting(world)
    first = take(world, 1)
    entity = Entity.objects.get(external_id="alice")
    operations.delete_entities([entity.pk], why="gone", origin=world.origin())
    assert occurrence_of(first).state == "CANCELLED"
    second = take(world, 2)
    assert second.is_first
    world.now += HOUR
    world.sweep()
    assert dispatched()[0]["data"] == [2]


def test_an_edit_of_the_entity_leaves_its_groups_where_they_are(world: World) -> None:
    world.person("alice", "UTC")
    collecting(world, entity_kind="person")
    taken = take(world)
    operations.put_entities([EntityFacts("person", "alice", "Asia/Tokyo")], origin=world.origin())
    row = occurrence_of(taken)
    assert (row.state, row.due_at) == ("SCHEDULED", taken.due_at)


# --- what goes wrong ---


def test_a_failed_dispatch_keeps_every_message_and_retries_tell_the_same(world: World) -> None:
    collecting(world, max_attempts=3)
    handlers.Idempotent.answer = staticmethod(lambda _: Retry("busy", after=timedelta(minutes=1)))
    first = take(world, 1)
    take(world, 2)
    world.now += HOUR
    world.sweep()
    other = take(world, 3)
    assert other.group_id != first.group_id
    with pytest.raises(NothingMoved, match="drop from"):
        operations.drop_item(group_of(first), 1, why="late", origin=world.origin())
    for _ in range(2):
        world.now += timedelta(minutes=2)
        world.sweep()
    assert occurrence_of(first).state == "FAILED"
    told = dispatched()
    assert len(told) == 3
    assert told[0] == told[1] == told[2]
    assert told[0]["data"] == [1, 2]
    handlers.answer(Completed())
    operations.replay([occurrence_of(first).pk], why="mended", origin=world.origin())
    world.sweep()
    assert dispatched()[-1] == told[0]
    assert occurrence_of(first).state == "COMPLETED"


@pytest.mark.parametrize("handler", ["idempotent", "transactional", "non-idempotent"])
def test_a_dead_letters_payload_can_be_amended_and_that_is_told(world: World, handler: str) -> None:
    collecting(world, handler=handler)
    handlers.answer(Reject("no such address"))
    taken = take(world, 1)
    world.now += HOUR
    world.sweep()
    row = occurrence_of(taken)
    assert row.state == "FAILED"
    operations.amend([row.pk], payload={"message": ["mended"]}, merge=True, why="typo", origin=world.origin())
    handlers.answer(Completed())
    operations.replay([row.pk], why="mended", origin=world.origin())
    world.sweep()
    assert dispatched()[-1] == dispatched()[0] | {"message": ["mended"]}
    changed = LoggedMove.objects.get(occurrence=row, reason="amended").detail or {}
    assert changed["changes"] == {"/message": [[], ["mended"]]}


def test_a_lost_worker_loses_no_message(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    world.now += HOUR
    world.lose(world.claim()[0])
    assert take(world, 2).group_id != taken.group_id
    world.now += HOUR / 2
    world.recover()
    world.sweep()
    assert dispatched()[0]["data"] == [1]


def test_a_type_that_is_edited_while_a_group_runs_keeps_no_sweep_from_it(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    world.now += HOUR
    world.lose(world.claim()[0])
    world.now += timedelta(seconds=1)
    collecting(world, max_items=5)
    world.now += HOUR / 2
    world.recover()
    assert occurrence_of(taken).state == "RETRYING"
    planning.replan_edited(origin=world.origin())
    world.sweep()
    assert occurrence_of(taken).state == "COMPLETED"


# --- what people do ---


def test_a_dropped_message_is_left_out(world: World) -> None:
    collecting(world)
    taken = [take(world, number) for number in range(3)]
    operations.drop_item(group_of(taken[0]), 2, why="a mistake", origin=world.origin("user:bob"))
    world.now += HOUR
    world.sweep()
    assert (dispatched()[0]["data"], dispatched()[0]["items"]) == ([0, 2], 2)
    log = LoggedMove.objects.get(occurrence=world.only(), reason="amended")
    assert (log.actor, log.detail) == ("user:bob", {"why": "a mistake", "dropped": 2})
    assert GroupItem.objects.count() == 3


@pytest.mark.parametrize("handler", ["idempotent", "transactional"])
def test_a_group_with_nothing_left_is_skipped_without_a_call(world: World, handler: str) -> None:
    collecting(world, handler=handler)
    gone, kept = take(world, 1), take(world, 2, key="bob")
    operations.drop_item(group_of(gone), 1, why="a mistake", origin=world.origin())
    world.now += HOUR
    world.run(world.claim_together())
    assert (occurrence_of(gone).state, occurrence_of(gone).reason) == ("SKIPPED", "declined")
    assert occurrence_of(kept).state == "COMPLETED"
    assert [each["data"] for each in dispatched()] == [[2]]


def test_a_row_whose_group_is_not_known_is_a_dead_letter_and_calls_nobody(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    row = occurrence_of(taken)
    other = Given(row.rule_id, row.entity_id, world.now.replace(tzinfo=None), 0, "UTC", world.now)
    transitions.give([other], tzdata_version="", origin=world.origin())
    world.sweep()
    lost = Occurrence.objects.exclude(pk=row.pk).get()
    assert (lost.state, lost.reason) == ("FAILED", "rejected")
    assert dispatched() == []


def test_a_position_that_is_not_there_or_dropped_already_is_refused(world: World) -> None:
    collecting(world)
    group = group_of(take(world))
    with pytest.raises(NothingMoved):
        operations.drop_item(group, 2, why="?", origin=world.origin())
    operations.drop_item(group, 1, why="?", origin=world.origin())
    with pytest.raises(NothingMoved):
        operations.drop_item(group, 1, why="?", origin=world.origin())


def test_a_flushed_group_goes_at_once_and_the_next_message_opens_another(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    operations.flush_group(group_of(taken), why="they wait", origin=world.origin("user:bob"))
    assert take(world, 2).group_id != taken.group_id
    assert world.sweep() == 1
    assert dispatched()[0]["data"] == [1]
    log = LoggedMove.objects.get(occurrence=occurrence_of(taken), reason="fire_now")
    assert (log.actor, (log.detail or {})["why"]) == ("user:bob", "they wait")
    with pytest.raises(NothingMoved, match="the chosen are COMPLETED"):
        operations.flush_group(group_of(taken), why="again", origin=world.origin())


def test_a_group_that_is_fired_by_hand_takes_no_more(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    operations.fire_now([occurrence_of(taken).pk], why="now", origin=world.origin())
    assert take(world, 2).group_id != taken.group_id
    world.sweep()
    assert [each["data"] for each in dispatched()] == [[1]]


def test_a_cancelled_group_is_never_sent_and_keeps_its_messages(world: World) -> None:
    collecting(world)
    taken = take(world, 1)
    operations.cancel_group(group_of(taken), why="enough", origin=world.origin())
    assert group_of(taken).sealed_at == world.now
    other = take(world, 2)
    world.now += HOUR
    world.sweep()
    assert [each["data"] for each in dispatched()] == [[2]]
    assert other.group_id != taken.group_id
    assert GroupItem.objects.filter(group=taken.group_id).exists()


def test_a_paused_type_collects_and_sends_when_it_is_resumed(world: World) -> None:
    rule = collecting(world).rule
    operations.pause_rule(rule, origin=world.origin())
    taken = take(world, 1)
    world.now += HOUR
    assert world.sweep() == 0
    assert occurrence_of(taken).hold == "rule_paused"
    assert take(world, 2).group_id != taken.group_id
    operations.resume_rule(rule, origin=world.origin())
    assert world.sweep() == 1


# --- refusals ---


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"type": "UPLAOD"}, "type", "Did you mean 'UPLOAD'"),
        ({"type": ""}, "type", "it is empty"),
        ({"key": "  "}, "id", "it is empty"),
        ({"key": "x" * 201}, "id", "it has 201 characters"),
        ({"key": "a\x00b"}, "id", "cannot keep"),
        ({"item_key": "x" * 256}, "key", "it has 256 characters"),
        ({"data": [], "message": []}, "data", "neither data nor message"),
        ({"data": [{"text": "a\x00b"}]}, "data", "not JSON that PostgreSQL can keep"),
        ({"message": [float("nan")]}, "message", "not JSON that PostgreSQL can keep"),
        ({"message": ["\ud800"]}, "message", "not JSON that PostgreSQL can keep"),
    ],
)
def test_a_wrong_message_is_refused_by_field_and_nothing_is_written(
    world: World, wrong: dict[str, Any], field: str, sentence: str
) -> None:
    collecting(world)
    with pytest.raises(InvalidMessage, match=sentence) as refused:
        operations.take_message(message(world, **wrong), origin=world.origin())
    assert list(refused.value.by_field()) == [field]
    assert not Group.objects.exists()
    assert not Entity.objects.exists()


def test_what_is_nested_too_deeply_is_refused(world: World) -> None:
    collecting(world)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidMessage, match="levels deep"):
        take(world, deep)
