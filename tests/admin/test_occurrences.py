"""What operators do to occurrences, and how they find them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_results.models import TaskResult

from events import operations
from events.admin import acting, base
from events.models import LoggedMove, Occurrence, OneAttempt
from tests.admin.conftest import messages_of

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
LIST = "admin:events_occurrence_changelist"


def act(client: Client, verb: str, *rows: Occurrence, **values: str) -> Any:
    address = reverse("admin:events_occurrence_act", args=[verb])
    ids = ",".join(str(row.pk) for row in rows)
    return client.post(address, {"ids": ids, "why": "because I say so", **values}, follow=True)


def listed(client: Client, **asked: Any) -> list[int]:
    return [row.pk for row in client.get(reverse(LIST), asked).context["cl"].result_list]


def page_of(client: Client, row: Occurrence) -> Any:
    return client.get(reverse("admin:events_occurrence_change", args=[row.pk]))


# --- actions ---


@pytest.mark.parametrize(
    ("verb", "values", "state", "reason"),
    [
        ("fire-now", {}, "SCHEDULED", "fire_now"),
        ("cancel", {}, "CANCELLED", "cancelled"),
    ],
)
def test_a_waiting_occurrence_is_acted_upon_and_the_log_keeps_who_and_why(
    alice: Client, scheduled: Occurrence, verb: str, values: dict[str, str], state: str, reason: str
) -> None:
    page = act(alice, verb, scheduled, **values)
    assert page.status_code == 200
    moved = LoggedMove.objects.latest("number")
    assert (moved.to_state, moved.reason, moved.actor) == (state, reason, "user:alice")
    assert moved.detail == {"why": "because I say so"}
    assert messages_of(page)[0].startswith("1 occurrence ")


@pytest.mark.parametrize(
    ("verb", "values", "state"),
    [
        ("replay", {}, "RETRYING"),
        ("resolve", {"to_state": "COMPLETED"}, "COMPLETED"),
        ("resolve", {"to_state": "CANCELLED"}, "CANCELLED"),
    ],
)
def test_a_dead_letter_is_replayed_or_settled_by_a_person(
    alice: Client, dead_letter: Occurrence, verb: str, values: dict[str, str], state: str
) -> None:
    act(alice, verb, dead_letter, **values)
    dead_letter.refresh_from_db()
    moved = LoggedMove.objects.latest("number")
    assert (dead_letter.state, moved.to_state, moved.actor) == (state, state, "user:alice")
    assert moved.detail == {"why": "because I say so"}


def test_fire_now_makes_it_claimable_at_once(alice: Client, scheduled: Occurrence) -> None:
    act(alice, "fire-now", scheduled)
    due_at = scheduled.due_at
    scheduled.refresh_from_db()
    assert scheduled.available_at < due_at == scheduled.due_at


def test_without_a_reason_nothing_happens_and_the_page_asks_for_one(
    alice: Client, scheduled: Occurrence
) -> None:
    page = act(alice, "cancel", scheduled, why="  ")
    assert "Say why" in page.content.decode()
    scheduled.refresh_from_db()
    assert scheduled.state == "SCHEDULED"


def test_what_cannot_be_done_is_said_with_the_reason(alice: Client, dead_letter: Occurrence) -> None:
    page = act(alice, "cancel", dead_letter)
    assert messages_of(page) == [
        "Nothing to cancel: the chosen are FAILED. Only what is SCHEDULED, PENDING or RETRYING can be."
    ]


def test_of_a_mixed_choice_what_can_move_moves_and_the_rest_is_explained(
    alice: Client, dead_letter: Occurrence, scheduled: Occurrence
) -> None:
    page = act(alice, "replay", dead_letter, scheduled)
    assert messages_of(page) == [
        "1 occurrence will be tried again.",
        "1 stayed as before: SCHEDULED. Only what is FAILED or UNKNOWN can be.",
    ]


def test_the_list_leads_to_the_page_that_asks_for_the_reason(
    alice: Client, dead_letter: Occurrence, scheduled: Occurrence
) -> None:
    chosen = {"action": "cancel", "_selected_action": [dead_letter.pk, scheduled.pk], "select_across": "0"}
    page = alice.post(reverse(LIST), chosen)
    assert page.context["verb"].key == "cancel"
    assert page.context["ids"] == ",".join(str(pk) for pk in sorted([dead_letter.pk, scheduled.pk]))
    assert LoggedMove.objects.filter(reason="cancelled").count() == 0


def test_too_many_at_once_are_refused_with_a_remedy(
    alice: Client, dead_letter: Occurrence, scheduled: Occurrence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "MOST_AT_ONCE", 1)
    chosen = {"action": "cancel", "_selected_action": [dead_letter.pk, scheduled.pk], "select_across": "0"}
    page = alice.post(reverse(LIST), chosen, follow=True)
    assert messages_of(page) == ["Choose 1 at most; narrow the list by its filters."]


@pytest.mark.parametrize("verb", ["fire-now", "cancel", "edit-payload", "replay", "resolve"])
def test_charlie_who_may_only_look_cannot_act(charlie: Client, scheduled: Occurrence, verb: str) -> None:
    assert act(charlie, verb, scheduled, to_state="COMPLETED", how="replace").status_code == 403
    assert page_of(charlie, scheduled).context["page"]["verbs"] == []
    chosen = {"action": verb, "_selected_action": [scheduled.pk], "select_across": "0"}
    charlie.post(reverse(LIST), chosen)
    scheduled.refresh_from_db()
    assert (scheduled.state, scheduled.available_at) == ("SCHEDULED", scheduled.due_at)


def test_an_unknown_verb_is_not_found(alice: Client, scheduled: Occurrence) -> None:
    assert act(alice, "explode", scheduled).status_code == 404


def test_ids_that_are_no_numbers_choose_nothing(alice: Client, scheduled: Occurrence) -> None:
    address = reverse("admin:events_occurrence_act", args=["cancel"])
    page = alice.post(address, {"ids": "1; DROP TABLE,½,99999999999999999999", "why": "x"}, follow=True)
    assert messages_of(page) == [
        "Nothing to cancel: no such occurrence exists. Only what is SCHEDULED, PENDING or RETRYING can be."
    ]


# --- the page ---


def test_its_page_tells_the_story_in_words(charlie: Client, dead_letter: Occurrence) -> None:
    TaskResult.objects.create(task_id=OneAttempt.objects.get().task_id, status="SUCCESS")
    page = page_of(charlie, dead_letter)
    story = page.context["page"]["story"]
    assert [move.words for move in story.moves] == [
        "planned from its rule",
        "a sweep claimed it and handed it to the broker",
        "a worker started an attempt",
        "the handler said that it can never succeed",
    ]
    assert [(each.number, each.outcome, each.status) for each in story.attempts] == [
        (1, "rejected", "SUCCESS")
    ]
    assert "no such address" in page.content.decode()


def test_its_page_shows_what_an_operator_said(alice: Client, dead_letter: Occurrence) -> None:
    act(alice, "replay", dead_letter, why="the bell is <repaired>")
    assert "the bell is &lt;repaired&gt;" in page_of(alice, dead_letter).content.decode()


@pytest.mark.parametrize(
    ("fixture", "verbs"),
    [("scheduled", ["fire-now", "cancel"]), ("dead_letter", ["edit-payload", "replay", "resolve"])],
)
def test_its_page_offers_what_its_state_allows(
    alice: Client, fixture: str, verbs: list[str], request: pytest.FixtureRequest
) -> None:
    page = page_of(alice, request.getfixturevalue(fixture))
    assert [each["verb"].key for each in page.context["page"]["verbs"]] == verbs


def test_a_held_occurrence_says_what_would_let_it_go_and_cannot_be_fired(alice: Client, world: World) -> None:
    held = world.due(name="Paused")[0]
    operations.pause_rule(held.rule, origin=world.origin())
    world.claim()
    page = page_of(alice, held)
    assert "Resume the rule." in page.content.decode()
    assert [each["verb"].key for each in page.context["page"]["verbs"]] == ["cancel"]
    assert "Resume the rule." in alice.get(reverse(LIST), {"held": "any"}).content.decode()


def test_a_missing_occurrence_leads_back_with_a_message(alice: Client, world: World) -> None:
    assert alice.get(reverse("admin:events_occurrence_change", args=[404]), follow=True).status_code == 200


# --- finding ---


def test_filters_by_state_combine(charlie: Client, dead_letter: Occurrence, scheduled: Occurrence) -> None:
    assert listed(charlie, state="FAILED") == [dead_letter.pk]
    assert listed(charlie, state=["FAILED", "SCHEDULED"]) == [scheduled.pk, dead_letter.pk]
    assert len(listed(charlie, state="nonsense")) == 2


def test_the_list_shows_the_latest_due_first_whatever_was_written_last(charlie: Client, world: World) -> None:
    later = world.due(name="Tomorrow", start_date=(world.now + timedelta(days=1)).date())[0]
    sooner = world.due(name="Now")[0]
    assert listed(charlie) == [later.pk, sooner.pk]


def test_where_sorting_would_take_long_the_latest_written_come_first_unless_asked_otherwise(
    charlie: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = world.due(name="Tomorrow", start_date=(world.now + timedelta(days=1)).date())[0]
    sooner = world.due(name="Now")[0]
    monkeypatch.setattr(base, "CHEAP", 0)
    assert listed(charlie) == [sooner.pk, later.pk]
    assert listed(charlie, o="-5") == [later.pk, sooner.pk]


def test_filters_by_rule_and_zone(charlie: Client, dead_letter: Occurrence, scheduled: Occurrence) -> None:
    assert listed(charlie, rule__id__exact=scheduled.rule_id) == [scheduled.pk]
    assert len(listed(charlie, timezone="UTC")) == 2
    assert listed(charlie, timezone="Asia/Kathmandu") == []


def test_filters_by_hold(charlie: Client, world: World, scheduled: Occurrence) -> None:
    held = world.due(name="Paused")[0]
    operations.pause_rule(held.rule, origin=world.origin())
    world.claim()
    assert listed(charlie, held="rule_paused") == listed(charlie, held="any") == [held.pk]
    assert listed(charlie, held="handler_missing") == []


def test_filters_by_a_range_of_due_moments(
    charlie: Client, world: World, dead_letter: Occurrence, scheduled: Occurrence
) -> None:
    tomorrow = world.now + timedelta(hours=12)
    asked = {"due_at_from_0": f"{tomorrow:%Y-%m-%d}", "due_at_from_1": f"{tomorrow:%H:%M:%S}"}
    assert listed(charlie, **asked) == [scheduled.pk]


@pytest.mark.parametrize("by", ["pk", "idempotency_key", "external_id", "name"])
def test_it_is_found_by_what_has_an_index(charlie: Client, scheduled: Occurrence, by: str) -> None:
    scheduled = Occurrence.objects.get(pk=scheduled.pk)
    term = getattr(scheduled, by, None) or getattr(scheduled.entity, by)
    assert scheduled.pk in listed(charlie, q=str(term))
    assert listed(charlie, q=str(uuid4())) == []


def test_the_list_asks_as_often_for_a_hundred_rows_as_for_one(
    charlie: Client, world: World, scheduled: Occurrence
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert charlie.get(reverse(LIST)).status_code == 200
        return len(asked)

    queries()
    few = queries()
    world.due(40, name="Many")
    assert queries() == few <= 10


def test_a_list_too_long_to_count_is_estimated_and_says_so(
    charlie: Client, dead_letter: Occurrence, scheduled: Occurrence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "CHEAP", 0)
    with CaptureQueriesContext(connection) as asked:
        page = charlie.get(reverse(LIST)).content.decode()
    assert "about " in page
    assert "filters reach the others" in page
    assert not [query for query in asked.captured_queries if query["sql"].startswith("SELECT COUNT(*)")]
