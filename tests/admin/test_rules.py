"""Rules are written through operations, with the next firings beside them."""

from __future__ import annotations

import json
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.urls import reverse

from events import handling, operations
from events.models import LoggedMove, Occurrence, Rule
from events.operations import InvalidRule
from events.operations.errors import Refusal
from tests.admin.conftest import logged_in, messages_of

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django.fixtures import Settings

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
LIST, ADD = reverse("admin:events_rule_changelist"), reverse("admin:events_rule_add")
FILLED = {
    "name": "Good morning", "audience_kind": "person", "audience_filter": "{}", "start_date": "2027-01-01",
    "local_time": "09:00:00", "rrule": "FREQ=DAILY", "anchor_offset_days": "0", "gap": "shift", "fold": "first",
    "handler": "log", "payload": "{}", "max_attempts": "5", "backoff_base": "00:00:10", "backoff_cap": "01:00:00",
    "grace": "00:05:00", "catch_up": "all", "overlap": "allow", "when_unknown": "ask", "every_from": "start",
    "roll": "skip", "draws": "1", "spacing": "00:00:00", "on_move": "follow",
}  # fmt: skip


def form_of(rule: Rule, **changes: Any) -> dict[str, Any]:
    values = {name: getattr(rule, name) for name in FILLED}
    shown = {
        name: json.dumps(value) if isinstance(value, dict) else str(value) for name, value in values.items()
    }
    return {**shown, "start_date": rule.start_date or "", **changes}


def address(rule: Rule, page: str = "change") -> str:
    return reverse(f"admin:events_rule_{page}", args=[rule.pk])


def act(client: Client, verb: str, *rules: Rule, why: str = "the bell is broken") -> Any:
    where = reverse("admin:events_rule_act", args=[verb])
    return client.post(where, {"ids": ",".join(str(rule.pk) for rule in rules), "why": why}, follow=True)


def test_a_rule_is_created_with_its_rows_and_its_author(alice: Client, world: World) -> None:
    world.people({"bob": "Europe/Berlin"})
    answer = alice.post(ADD, {**FILLED, "start_date": f"{world.now:%Y-%m-%d}"})
    assert answer.status_code == 302
    assert Occurrence.objects.filter(rule__name="Good morning").count() in {1, 2}
    assert set(LoggedMove.objects.values_list("actor", flat=True)) == {"user:alice"}


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"rrule": "FREQ=SOMETIMES"}, "rrule", "FREQ='SOMETIMES' is not valid"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", "names no slot"),
        ({"timezone": "EST"}, "timezone", "is an abbreviation, not a zone"),
        ({"start_date": "1999-01-01", "rrule": ""}, "start_date", "it would never fire"),
        ({"start_date": "2027-02-30"}, "start_date", "Enter a valid date"),
        ({"anchor": "birthday"}, "anchor", "is not a date attribute"),
        ({"handler": "teleport"}, "handler", "teleport is not one of the available choices"),
        ({"handler": "webhook"}, "payload", "payload.url: the address to call is missing"),
        ({"payload": "[1]"}, "payload", "it is not a JSON object"),
        ({"payload": "{"}, "payload", "Enter a valid JSON"),
        ({"audience_filter": '["blue"]'}, "audience_filter", "It is not a JSON object"),
        ({"audience_kind": ""}, "__all__", "Choose one: an entity, or the kind of an audience."),
        ({"start_date": ""}, "__all__", "Give a start date, or an anchor."),
        ({"backoff_base": "02:00:00"}, "__all__", "not above its cap"),
        ({"name": ""}, "name", "This field is required"),
        ({"anchor_offset_days": "40000"}, "anchor_offset_days", "less than or equal to"),
    ],
)
def test_wrong_input_is_said_beside_its_field_and_nothing_is_written(
    alice: Client, world: World, wrong: dict[str, str], field: str, sentence: str
) -> None:
    world.person()
    page = alice.post(ADD, FILLED | wrong)
    assert page.status_code == 200
    errors = page.context["adminform"].form.errors
    assert sentence in " ".join(errors[field]), errors
    assert not Rule.objects.exists()


def test_what_became_wrong_after_the_check_is_told_and_not_raised(
    alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InvalidRule(
            "rule 'x'", [Refusal(field="anchor", problem="it is gone", remedy="Choose another.")]
        )

    monkeypatch.setattr(operations, "create_rule", refuse)
    page = alice.post(ADD, FILLED, follow=True)
    assert "it is gone" in messages_of(page)[0]


def test_a_changed_rule_moves_its_rows(alice: Client, world: World) -> None:
    world.person(timezone="UTC")
    rule = world.rule(name="Good morning")
    assert alice.post(address(rule), form_of(rule, local_time="10:30:00")).status_code == 302
    rule.refresh_from_db()
    waiting = Occurrence.objects.filter(rule=rule, state="SCHEDULED")
    assert {f"{row.slot:%H:%M}" for row in waiting} == {"10:30"}


def test_what_becomes_of_late_doubtful_and_overlapping_ones_is_said_in_the_form(
    alice: Client, world: World
) -> None:
    world.person(timezone="UTC")
    rule = world.rule(name="Good morning")
    chosen = {"catch_up": "latest", "overlap": "queue", "when_unknown": "complete", "at_most_once": "on"}
    assert alice.post(address(rule), form_of(rule, **chosen)).status_code == 302
    rule.refresh_from_db()
    assert (rule.catch_up, rule.overlap, rule.when_unknown, rule.at_most_once) == (
        "latest", "queue", "complete", True,
    )  # fmt: skip


def test_a_new_handler_is_offered_without_a_migration_and_a_missing_one_is_kept(
    alice: Client, world: World, settings: Settings
) -> None:
    world.person()
    rule = world.rule(handler="idempotent")
    offered = dict(alice.get(address(rule)).context["adminform"].form.fields["handler"].choices)
    assert offered["idempotent"] == "idempotent (idempotent)"
    settings.PUNCTUAL_HANDLERS = ["handlers.log.handler.LogHandler"]
    handling.installed.cache_clear()
    offered = dict(alice.get(address(rule)).context["adminform"].form.fields["handler"].choices)
    assert offered["idempotent"] == "idempotent (not installed)"


def test_its_page_shows_the_next_ten_firings_in_local_time_and_utc(charlie: Client, world: World) -> None:
    world.person("bob", "Asia/Kathmandu")
    page = charlie.get(address(world.rule()))
    firings = page.context["firings"]
    assert len(firings) == 10
    assert {f"{firing.local:%H:%M %z}" for firing in firings} == {"09:00 +0545"}
    assert "UTC+05:45" in page.content.decode()


def test_the_preview_shows_what_the_forms_present_values_would_fire(alice: Client, world: World) -> None:
    world.person("bob", "Europe/Berlin")
    rule = world.rule()
    page = alice.post(
        reverse("admin:events_rule_preview", args=[rule.pk]), form_of(rule, local_time="17:45:00")
    )
    assert {f"{firing.local:%H:%M}" for firing in page.context["firings"]} == {"17:45"}
    assert Rule.objects.get().local_time == time(9)


def test_the_preview_of_a_half_written_rule_says_what_is_missing_and_fires_already(
    alice: Client, world: World
) -> None:
    world.person("bob", "Europe/Berlin")
    half = FILLED | {"name": "", "handler": ""}
    page = alice.post(reverse("admin:events_rule_preview_new"), half)
    assert page.context["missing"] == ["Name", "Handler"]
    assert len(page.context["firings"]) == 10


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"rrule": "FREQ=SOMETIMES"}, "is not valid"),
        ({"timezone": "Europe/Berln"}, "Did you mean Europe/Berlin"),
        ({"rrule": "FREQ=SOMETIMES", "name": ""}, "is not valid"),
        ({"local_time": "25:00"}, "Enter a valid time"),
    ],
)
def test_the_preview_says_what_is_wrong_once(
    alice: Client, world: World, wrong: dict[str, str], sentence: str
) -> None:
    world.person()
    page = alice.post(reverse("admin:events_rule_preview_new"), FILLED | wrong)
    assert page.content.decode().count(sentence) == 1
    assert page.context["firings"] == []


def test_the_preview_of_an_empty_form_is_no_error(alice: Client, world: World) -> None:
    page = alice.post(reverse("admin:events_rule_preview_new"), {})
    assert page.context["problems"] == []


def test_the_preview_is_for_those_who_may_look_and_answers_posts_alone(
    alice: Client, charlie: Client, django_user_model: Any
) -> None:
    where = reverse("admin:events_rule_preview_new")
    assert alice.get(where).status_code == 405
    charlie.force_login(django_user_model.objects.create(username="dave", is_staff=True))
    assert charlie.post(where, FILLED).status_code == 403


def test_pausing_resuming_and_retiring_ask_for_a_reason_and_say_what_came_of_it(
    alice: Client, world: World
) -> None:
    world.person()
    rule = world.rule(name="Good morning")
    assert messages_of(act(alice, "pause", rule)) == [
        "1 rule paused: nothing of it starts until it is resumed."
    ]
    assert messages_of(act(alice, "pause", rule)) == ["1 rule stayed as before: not in a state for that."]
    assert messages_of(act(alice, "resume", rule)) == ["1 rule resumed; 0 held occurrences released."]
    said = messages_of(act(alice, "retire", rule))[0]
    rule.refresh_from_db()
    assert (rule.state, "cancelled, the history stays" in said) == ("retired", True)
    assert LoggedMove.objects.latest("number").detail == {"why": "the bell is broken"}
    reasons = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert reasons == [
        "Pause: the bell is broken",
        "Resume: the bell is broken",
        "Retire: the bell is broken",
    ]


def test_deleting_a_rule_is_retiring_it(alice: Client, world: World) -> None:
    world.person()
    rule = world.rule()
    page = alice.post(address(rule, "delete"), {"post": "yes"}, follow=True)
    assert page.context["verb"].key == "retire"
    assert Rule.objects.filter(state="active").count() == 1


def test_a_retired_rule_is_history(alice: Client, world: World) -> None:
    world.person()
    rule = world.rule()
    act(alice, "retire", rule)
    page = alice.get(address(rule))
    assert page.context["page"]["verbs"] == []
    assert alice.post(address(rule), form_of(rule, name="Risen")).status_code == 403


@pytest.mark.parametrize("verb", ["pause", "resume", "retire"])
def test_charlie_who_may_only_look_cannot_touch_rules(charlie: Client, world: World, verb: str) -> None:
    world.person()
    rule = world.rule(name="Good morning")
    assert act(charlie, verb, rule).status_code == 403
    assert charlie.post(address(rule), form_of(rule, name="Mine")).status_code == 403
    assert charlie.get(ADD).status_code == 403
    assert charlie.get(address(rule)).context["page"]["verbs"] == []
    assert Rule.objects.get(state="active").name == "Good morning"


def test_the_list_says_in_words_when_and_for_whom_and_what_is_next(charlie: Client, world: World) -> None:
    world.person("bob", "UTC", birthday="1990-05-17")
    world.rule(name="Morning")
    world.rule(name="Birthday", anchor="birthday", rrule="FREQ=YEARLY")
    page = charlie.get(LIST).content.decode()
    assert "every day at 09:00 in each person&#x27;s zone<" in page
    assert "every year on the birthday at 09:00 in each person&#x27;s zone<" in page
    assert (
        f"{Occurrence.objects.filter(state='SCHEDULED').earliest('due_at').due_at:%Y-%m-%d %H:%M:%S}" in page
    )


def test_rules_are_offered_by_name_to_the_filter_of_occurrences(charlie: Client, world: World) -> None:
    world.person()
    world.rule(name="Morning")
    asked = {"app_label": "events", "model_name": "occurrence", "field_name": "rule", "term": "morn"}
    found = charlie.get(reverse("admin:autocomplete"), asked).json()
    assert [each["text"] for each in found["results"]] == ["Morning"]


# --- two who edit at once ---


def test_of_two_who_edit_a_rule_the_second_is_told_who_was_faster_and_nothing_is_written(
    alice: Client, world: World
) -> None:
    world.person(timezone="UTC")
    rule = world.rule(name="Good morning")
    seen = alice.get(address(rule)).context["adminform"].form["version"].value()
    assert seen == 1
    assert '<input type="hidden" name="version" value="1"' in alice.get(address(rule)).content.decode()
    bob = logged_in(User.objects.create_superuser("bob"))
    first = form_of(rule, local_time="10:30:00", version=str(seen))
    second = form_of(rule, local_time="11:45:00", version=str(seen))

    assert bob.post(address(rule), first).status_code == 302
    page = alice.post(address(rule), second)
    assert page.status_code == 200
    (sentence,) = page.context["adminform"].form.non_field_errors()
    assert sentence == (
        "rule 'Good morning' has version 2 now, and version 1 was expected. Load it again, look at what has changed, "
        "and repeat your change. The last change here was made by bob."
    )
    assert "and version 1 was expected" in page.content.decode()
    rule.refresh_from_db()
    assert (f"{rule.local_time:%H:%M}", rule.version) == ("10:30", 2)
    slots = Occurrence.objects.filter(rule=rule, state="SCHEDULED").values_list("slot", flat=True)
    assert {f"{slot:%H:%M}" for slot in slots} == {"10:30"}

    again = form_of(rule, local_time="11:45:00", version="2")
    assert alice.post(address(rule), again).status_code == 302


def test_who_is_overtaken_between_the_forms_check_and_the_write_is_told_too(
    alice: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.person(timezone="UTC")
    rule = world.rule(name="Good morning")
    change_rule = operations.change_rule

    def overtaken(edited: Rule, **told: Any) -> int:
        operations.pause_rule(Rule.objects.get(), origin=world.origin("user:bob"))
        return change_rule(edited, **told)

    monkeypatch.setattr(operations, "change_rule", overtaken)
    page = alice.post(address(rule), form_of(rule, local_time="11:45:00", version="1"), follow=True)
    assert "has version 2 now, and version 1 was expected" in messages_of(page)[0]
    assert f"{Rule.objects.get().local_time:%H:%M}" == "09:00"


@pytest.mark.parametrize("version", ["x", "-1", "99999999999999999999"])
def test_a_version_that_is_none_is_no_error_of_ours(alice: Client, world: World, version: str) -> None:
    world.person(timezone="UTC")
    rule = world.rule(name="Good morning")
    page = alice.post(address(rule), form_of(rule, local_time="11:45:00", version=version))
    assert page.status_code == 200
    assert page.context["adminform"].form.errors
    assert f"{Rule.objects.get().local_time:%H:%M}" == "09:00"
