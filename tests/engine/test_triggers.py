"""Triggers: one row per function and event, moved by identity; what is posted twice, late, or no more is told so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from django.contrib.auth.models import User

from events import handling, operations
from events.handling import Completed, Handler, HandlerContext, Kind, Outcome
from events.models import Entity, Occurrence, Rule, RuleRole, RuleState
from events.operations import EntityFacts, InvalidTrigger, Trigger
from events.transitions import start
from handlers.log.handler import LogHandler
from handlers.log.models import Delivery
from tests.engine import handlers
from tests.engine.world import World, audited_world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Together(Handler):
    """A function that gets all that is due together: how many at once is kept in `batches`."""

    name = "together"
    kind = Kind.TRANSACTIONAL
    batches: ClassVar[list[int]] = []

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """Write a Delivery for each."""
        Together.batches.append(len(contexts))
        LogHandler().handle_batch(contexts)
        return [Completed() for _ in contexts]


@pytest.fixture(autouse=True)
def together(settings: Settings, bidden_handlers: None) -> Iterator[list[int]]:
    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, f"{__name__}.Together"]
    handling.installed.cache_clear()
    yield Together.batches
    Together.batches.clear()


world = audited_world(NOW)


@pytest.fixture
def alice(db: None) -> int:
    return User.objects.create_user("alice").pk


def post(world: World, owner: int | None, *posted: dict[str, Any], **one: Any) -> list[str]:
    """What became of each, as it is posted by a back end."""
    given = posted or ({"eventid": "42", "functiontorun": "log", "triggerUtc": NINE.isoformat(), **one},)
    triggers = [operations.read_trigger(each) for each in given]
    return [placed.change for placed in operations.put_triggers(triggers, owner=owner, origin=world.origin())]


def only() -> Occurrence:
    return Occurrence.objects.select_related("rule", "entity").get()


def fire(world: World, at: datetime) -> list[Any]:
    """Whatever is due by then runs; whom the handler was called for, since the beginning."""
    world.now = at
    world.sweep()
    return [delivery.due_at for delivery in Delivery.objects.order_by("id")]


def test_the_first_makes_rule_event_and_row_and_it_fires_at_its_instant(world: World, alice: int) -> None:
    assert post(world, alice, vapidKey="BEl62i", payload={"title": "Begins"}) == ["created"]
    row = only()
    assert (row.rule.role, row.rule.name, row.rule.handler) == (RuleRole.TRIGGERS, "trigger log", "log")
    assert (row.rule.owner_id, row.rule.audience_kind, row.rule.start_date) == (alice, "event", None)
    assert (row.entity.owner_id, row.entity.kind, row.entity.external_id) == (alice, "event", "42")
    assert (row.due_at, row.timezone, row.given) == (NINE, "UTC", True)
    facts = {"event_id": "42", "function": "log", "push_subscription": "BEl62i", "title": "Begins"}
    assert row.payload == facts
    assert fire(world, NINE - timedelta(seconds=1)) == []
    assert fire(world, NINE) == [NINE]
    assert Delivery.objects.get().payload == facts


def test_posted_again_it_is_the_same_one(world: World, alice: int) -> None:
    assert [post(world, alice), post(world, alice)] == [["created"], ["unchanged"]]
    assert [reason for *_, reason in world.story(only())] == ["given"]


def test_the_user_later_changes_the_date(world: World, alice: int) -> None:
    """A date was removed by its new value once, so that the old one stayed, and fired."""
    post(world, alice)
    key = only().idempotency_key
    assert post(world, alice, triggerUtc=(NINE + HOUR).isoformat(), payload={"n": 2}) == ["moved"]
    assert fire(world, NINE) == []
    assert fire(world, NINE + HOUR) == [NINE + HOUR]
    row = only()
    assert (row.idempotency_key, row.payload) == (key, {"n": 2, "event_id": "42", "function": "log"})
    assert [reason for *_, reason in world.story(row)] == [
        "given",
        "moved",
        "claimed",
        "started",
        "completed",
    ]


def test_the_old_instant_never_fires_even_if_it_was_claimed(world: World, alice: int) -> None:
    post(world, alice)
    world.now = NINE
    [chunk] = world.claim()
    assert post(world, alice, triggerUtc=(NINE + HOUR).isoformat()) == ["moved"]
    assert world.run(chunk).as_result()["outcomes"] == {}
    assert only().state == "SCHEDULED"
    assert fire(world, NINE + HOUR) == [NINE + HOUR]


def test_what_is_running_runs_and_the_new_date_is_a_new_row(world: World, alice: int) -> None:
    post(world, alice)
    world.now = NINE
    [chunk] = world.claim()
    start(
        chunk.ids, token=chunk.token, handler="log", kind="transactional", task_id="", lease_until=NINE + HOUR,
        origin=world.origin("worker:slow"),
    )  # fmt: skip
    assert post(world, alice, triggerUtc=(NINE + HOUR).isoformat()) == ["created"]
    assert set(Occurrence.objects.values_list("state", "due_at")) == {
        ("PROCESSING", NINE), ("SCHEDULED", NINE + HOUR),
    }  # fmt: skip


def test_what_a_worker_has_taken_up_still_moves_and_its_effect_does_not_stay(
    world: World, alice: int
) -> None:
    post(world, alice)
    world.now = NINE
    [chunk] = world.claim()
    world.lose(chunk)
    assert post(world, alice, triggerUtc=(NINE + HOUR).isoformat()) == ["moved"]
    world.now = NINE + HOUR
    world.recover()
    assert fire(world, NINE + HOUR) == [NINE + HOUR]
    assert only().attempt == 1


def test_an_instant_at_which_it_has_fired_is_not_fired_again(world: World, alice: int) -> None:
    post(world, alice)
    fire(world, NINE)
    assert post(world, alice) == ["fired"]
    assert post(world, alice, timezone="Asia/Tokyo") == ["fired"]
    assert only().state == "COMPLETED"
    assert post(world, alice, triggerUtc=(NINE + HOUR).isoformat()) == ["created"]
    assert post(world, alice) == ["fired"]
    assert fire(world, NINE + HOUR) == [NINE]
    assert Occurrence.objects.get(due_at=NINE + HOUR).state == "CANCELLED"


def test_moved_away_and_back_it_is_one_row_all_the_time(world: World, alice: int) -> None:
    for hours in (0, 1, 0, 2, 0):
        post(world, alice, triggerUtc=(NINE + hours * HOUR).isoformat())
    assert only().due_at == NINE
    assert fire(world, NINE + 3 * HOUR) == [NINE]


def test_moved_to_an_instant_at_which_it_was_withdrawn_it_keeps_its_identity(
    world: World, alice: int
) -> None:
    post(world, alice)
    post(world, alice, status="cancelled")
    post(world, alice, triggerUtc=(NINE + HOUR).isoformat())
    moving = Occurrence.objects.get(state="SCHEDULED")
    assert post(world, alice) == ["moved"]
    moving.refresh_from_db()
    assert (moving.due_at, moving.state) == (NINE, "SCHEDULED")
    assert fire(world, NINE + 2 * HOUR) == [NINE]


@pytest.mark.parametrize("status", ["cancelled", "draft", "inactive", ""])
def test_an_event_that_is_not_active_any_more_does_not_fire(world: World, alice: int, status: str) -> None:
    post(world, alice)
    assert post(world, alice, status=status) == ["withdrawn"]
    assert post(world, alice, status=status) == ["unchanged"]
    assert fire(world, NINE) == []
    assert (only().state, only().reason) == ("CANCELLED", "cancelled")


def test_it_is_withdrawn_by_its_id_whatever_date_comes_along(world: World, alice: int) -> None:
    post(world, alice)
    assert post(world, alice, {"eventid": "42", "functiontorun": "log", "status": "off"}) == ["withdrawn"]
    post(world, alice)
    assert post(world, alice, status="off", triggerUtc=(NINE + HOUR).isoformat()) == ["withdrawn"]


def test_active_again_the_same_row_lives_again(world: World, alice: int) -> None:
    post(world, alice)
    post(world, alice, status="cancelled")
    assert post(world, alice, status="active") == ["created"]
    assert [reason for *_, reason in world.story(only())] == ["given", "cancelled", "reinstated"]
    assert fire(world, NINE) == [NINE]


def test_another_payload_is_told_without_moving_anything_also_on_its_way(world: World, alice: int) -> None:
    post(world, alice, payload={"title": "Begins"})
    world.now = NINE
    [chunk] = world.claim()
    assert post(world, alice, payload={"title": "Begins soon"}) == ["changed"]
    world.run(chunk)
    assert Delivery.objects.get().payload["title"] == "Begins soon"
    [told] = only().moves.filter(reason="amended").values_list("detail", flat=True)
    assert told == {"changes": {"/title": ["Begins", "Begins soon"]}}


def test_any_offset_means_the_same_instant_and_the_row_is_told_in_its_own_zone(
    world: World, alice: int
) -> None:
    post(world, alice, timezone="europe/berlin")
    row = only()
    assert (row.slot.hour, row.timezone, row.entity.timezone) == (10, "Europe/Berlin", "Europe/Berlin")
    for same in ("Sun, 22 Nov 2026 09:00:00 GMT", "2026-11-22T18:00+09:00", "2026-11-22T09:00"):
        assert post(world, alice, triggerUtc=same) == ["unchanged"]
    assert post(world, alice, timezone="Asia/Tokyo") == ["moved"]
    assert (only().slot.hour, only().timezone, only().due_at) == (18, "Asia/Tokyo", NINE)
    assert fire(world, NINE) == [NINE]


def test_both_instants_of_a_night_that_comes_twice_are_told_apart(world: World, alice: int) -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    world.now = first - HOUR
    for event, at in (("a", first), ("b", first + HOUR)):
        post(world, alice, eventid=event, triggerUtc=at.isoformat(), timezone="Europe/Berlin")
    slots = Occurrence.objects.order_by("due_at").values_list("slot", "fold")
    assert [(slot.hour, slot.minute, fold) for slot, fold in slots] == [(2, 30, 0), (2, 30, 1)]
    post(world, alice, eventid="a", triggerUtc=(first + HOUR).isoformat(), timezone="Europe/Berlin")
    assert fire(world, first + HOUR) == [first + HOUR] * 2


def test_a_function_and_an_event_are_a_pair_and_accounts_do_not_meet(world: World, alice: int) -> None:
    charlie = User.objects.create_user("charlie").pk
    assert post(world, alice) == ["created"]
    assert post(world, alice, functiontorun="together") == ["created"]
    assert post(world, charlie, triggerUtc=(NINE + HOUR).isoformat()) == ["created"]
    assert post(world, charlie, status="off") == ["withdrawn"]
    rows = Occurrence.objects.filter(state="SCHEDULED").values_list("rule__owner", "rule__handler")
    assert sorted(rows) == [(alice, "log"), (alice, "together")]
    assert Entity.objects.filter(kind="event", external_id="42").count() == 2


def test_many_at_once_are_each_told_what_became_of_them(world: World, alice: int) -> None:
    post(world, alice, *(trigger(each) for each in ("moved", "same", "gone", "told")))
    fire(world, NINE - HOUR)
    later = (NINE + HOUR).isoformat()
    became = post(
        world, alice,
        trigger("moved", trigger_at=later), trigger("same"), trigger("gone", status="off"),
        trigger("told", payload={"n": 1}), trigger("new"), trigger("never", status="off"),
    )  # fmt: skip
    assert became == ["moved", "unchanged", "withdrawn", "changed", "created", "unchanged"]


def test_however_many_they_cost_the_same_few_questions(
    world: World, alice: int, django_assert_max_num_queries: Any
) -> None:
    post(world, alice, *(trigger(f"{number}") for number in range(300)))
    changed = [
        trigger(
            f"{number}",
            trigger_at=(NINE + number % 3 * HOUR).isoformat(),
            payload={"n": 1} if number % 2 else {},
        )
        for number in range(100, 400)
    ]
    with django_assert_max_num_queries(20):
        became = post(world, alice, *changed, *(trigger(f"{number}", status="off") for number in range(100)))
    assert {name: became.count(name) for name in set(became)} == {
        "unchanged": 33, "changed": 33, "moved": 134, "created": 100, "withdrawn": 100,
    }  # fmt: skip


def trigger(event: str, **fields: Any) -> dict[str, Any]:
    return {"event_id": event, "function": "log", "trigger_at": NINE.isoformat(), **fields}


def test_all_that_is_due_together_comes_in_batches_until_none_is_left(
    world: World, alice: int, together: list[int]
) -> None:
    """`fnName(eventids)` gets everything that is due today, by COUNT, until the cursor is 0."""
    for first in range(0, 2_500, 500):
        triggers = [
            Trigger("together", f"event {number}", NINE + timedelta(seconds=number))
            for number in range(first, first + 500)
        ]
        operations.put_triggers(triggers, owner=alice, origin=world.origin())
    Together.batches.clear()
    world.now = NINE + HOUR
    while chunks := world.claim(batch=1_000, chunk=500):
        for chunk in chunks:
            world.run(chunk)
    assert sum(Together.batches) == 2_500
    assert 250 <= min(Together.batches) <= max(Together.batches) <= 500
    assert Delivery.objects.values("entity_external_id").distinct().count() == 2_500
    assert set(Occurrence.objects.values_list("state", flat=True)) == {"COMPLETED"}


def test_a_retry_is_moved_with_the_date_too(world: World, alice: int) -> None:

    handlers.answer(RuntimeError("not now"))
    post(world, alice, functiontorun="idempotent")
    fire(world, NINE)
    assert only().state == "RETRYING"
    assert post(world, alice, functiontorun="idempotent", triggerUtc=(NINE + HOUR).isoformat()) == ["moved"]
    assert (only().state, only().available_at, only().attempt) == ("RETRYING", NINE + HOUR, 1)


def test_a_past_instant_fires_at_once(world: World, alice: int) -> None:
    past = datetime(2020, 4, 8, 20, 26, 9, tzinfo=UTC)
    post(world, alice, triggerUtc="Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)")
    assert fire(world, NOW) == [past]


def test_a_deleted_event_lives_again_with_its_trigger(world: World, alice: int) -> None:
    post(world, alice)
    event = Entity.objects.get(kind="event")
    operations.delete_entities([event.pk], why="gone", origin=world.origin())
    assert only().state == "CANCELLED"
    assert post(world, alice, status="off") == ["unchanged"]
    assert post(world, alice) == ["created"]
    event.refresh_from_db()
    assert event.deleted_at is None
    assert fire(world, NINE) == [NINE]


def test_what_is_known_of_an_event_stays_when_a_trigger_names_it(world: World, alice: int) -> None:
    facts = EntityFacts("event", "42", "Europe/Berlin", "Party", {"room": "7"})
    operations.put_entities([facts], owner=alice, origin=world.origin())
    post(world, alice)
    post(world, alice, timezone="Asia/Tokyo")
    event = only().entity
    assert (event.name, event.attributes, event.timezone) == ("Party", {"room": "7"}, "Asia/Tokyo")


def test_an_event_that_a_trigger_makes_is_everybodys_who_plans_for_events(world: World, alice: int) -> None:
    world.rule(owner_id=alice, audience_kind="event")
    post(world, alice)
    planned = Occurrence.objects.filter(given=False)
    assert planned.exists()
    assert set(planned.values_list("entity__external_id", flat=True)) == {"42"}


def test_after_its_rule_was_retired_a_trigger_makes_another(world: World, alice: int) -> None:
    post(world, alice)
    operations.retire_rule(Rule.objects.get(), why="enough", origin=world.origin())
    assert only().reason == "rule_retired"
    assert post(world, alice) == ["created"]
    assert list(Rule.objects.order_by("pk").values_list("name", "state")) == [
        ("trigger log", RuleState.RETIRED), ("trigger log 2", RuleState.ACTIVE),
    ]  # fmt: skip
    assert fire(world, NINE) == [NINE]


def test_a_name_that_another_rule_has_is_left_to_it(world: World, alice: int) -> None:
    world.rule(owner_id=alice, name="trigger log", entity=None, audience_kind="person")
    post(world, alice)
    assert Rule.objects.get(role=RuleRole.TRIGGERS).name == "trigger log 2"


def test_paused_nothing_fires_and_resumed_it_does(world: World, alice: int) -> None:
    post(world, alice)
    rule = Rule.objects.get()
    operations.pause_rule(rule, origin=world.origin())
    assert fire(world, NINE) == []
    operations.resume_rule(rule, origin=world.origin())
    assert fire(world, NINE + timedelta(minutes=1)) == [NINE]


def test_what_was_posted_survives_that_its_function_is_not_installed_any_more(
    world: World, alice: int
) -> None:
    post(world, alice, functiontorun="together")
    Rule.objects.update(handler="gone-since")
    gone = Trigger("gone-since", "42", None)
    [placed] = operations.put_triggers([gone], owner=alice, origin=world.origin())
    assert placed.change == "withdrawn"


@pytest.mark.parametrize("at", [NINE, None])
def test_a_function_that_nobody_answers_for_is_refused_with_close_ones(
    world: World, alice: int, at: datetime | None
) -> None:
    with pytest.raises(InvalidTrigger, match="Did you mean together"):
        operations.put_triggers([Trigger("togeter", "42", at)], owner=alice, origin=world.origin())
    assert not Entity.objects.exists()
