"""Several operators at once, on committed rows."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from django.db import transaction

from events import operations
from events.handling import Reject
from events.models import LoggedMove, Occurrence, Rule
from events.operations import NothingMoved
from events.queries import find_dead_letters
from tests.concurrency.test_races import elsewhere, until_waiting
from tests.engine import handlers

if TYPE_CHECKING:
    from tests.concurrency.conftest import Together
    from tests.engine.world import World


def dead(world: World, count: int) -> list[int]:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    ids = [row.pk for row in world.due(count, handler="idempotent")]
    world.sweep()
    return ids


def replays() -> list[int]:
    return sorted(LoggedMove.objects.filter(reason="replayed").values_list("occurrence_id", flat=True))


def test_two_who_replay_the_same_filter_at_once_replay_each_once(world: World, together: Together) -> None:
    ids = dead(world, 300)

    def replay() -> int:
        try:
            return len(operations.replay_found(find_dead_letters(), why="mended", origin=world.origin()))
        except NothingMoved:
            return 0

    assert sum(together(replay, replay, replay)) == 300
    assert replays() == ids


def test_two_who_replay_the_same_named_rows_at_once_replay_each_once_and_one_of_them_is_told(
    world: World,
) -> None:
    ids = dead(world, 5)
    told: list[str] = []

    def replay() -> None:
        try:
            operations.replay(ids, why="mended", origin=world.origin())
        except NothingMoved as error:
            told.append(str(error))

    with transaction.atomic():
        Occurrence.objects.select_for_update().get(pk=ids[2])
        threads = [elsewhere(replay), elsewhere(replay)]
        until_waiting(2)
    for thread in threads:
        thread.join()
    assert replays() == ids
    assert len(told) == 1
    assert told[0].startswith("Nothing to replay: the chosen are RETRYING.")
    refused = LoggedMove.objects.filter(reason="refused").values_list("occurrence_id", "from_state")
    assert sorted(refused) == [(number, "RETRYING") for number in ids]


def test_a_refusal_is_kept_though_an_error_is_raised_and_waits_for_whoever_moves_the_row(
    world: World,
) -> None:
    """The log goes on where the move before it ended: it says CANCELLED, not SCHEDULED."""
    (row,) = world.due()
    told: list[str] = []

    def replay() -> None:
        try:
            operations.replay([row.pk], why="again", origin=world.origin("user:bob"))
        except NothingMoved as error:
            told.append(str(error))

    with transaction.atomic():
        operations.cancel([row.pk], why="enough", origin=world.origin())
        thread = elsewhere(replay)
        until_waiting(1)
    thread.join()
    assert len(told) == 1
    assert world.story(row) == [
        ("", "SCHEDULED", "planned"),
        ("SCHEDULED", "CANCELLED", "cancelled"),
        ("CANCELLED", "CANCELLED", "refused"),
    ]


def test_two_who_edit_the_same_payload_at_once_tell_both_differences(world: World) -> None:
    ids = dead(world, 2)

    def edit(key: str) -> None:
        operations.amend(ids, payload={key: "Bob"}, merge=True, why="more", origin=world.origin())

    with transaction.atomic():
        Occurrence.objects.select_for_update().get(pk=ids[0])
        threads = [elsewhere(lambda: edit("to")), elsewhere(lambda: edit("cc"))]
        until_waiting(2)
    for thread in threads:
        thread.join()
    for row in Occurrence.objects.filter(pk__in=ids):
        assert row.payload == {"to": "Bob", "cc": "Bob"}
        kept = row.moves.filter(reason="amended").values_list("detail__changes", flat=True)
        assert sorted(kept, key=str) == [{"/cc": [None, "Bob"]}, {"/to": [None, "Bob"]}]


def test_of_two_who_change_a_rule_at_once_from_the_same_version_one_is_told(
    world: World, together: Together
) -> None:
    world.person()
    world.rule(name="Good morning")

    def change(minute: int) -> str:
        rule = Rule.objects.get()
        rule.local_time = time(9, minute)
        try:
            operations.change_rule(rule, horizon=world.horizon, origin=world.origin(), expected_version=1)
        except operations.StaleVersion:
            return "stale"
        return "done"

    assert sorted(together(lambda: change(1), lambda: change(2))) == ["done", "stale"]
