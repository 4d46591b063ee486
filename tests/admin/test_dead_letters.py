"""Dead letters in the admin: their payloads edited, many at once, and the story that tells of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events import queries
from events.handling import Reject
from events.models import LoggedMove, Occurrence, Rule
from tests.admin.conftest import messages_of
from tests.admin.test_occurrences import act, listed, page_of
from tests.engine import handlers

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
LIST = reverse("admin:events_occurrence_changelist")
EDIT = reverse("admin:events_occurrence_act", args=["edit-payload"])


def edit(client: Client, *rows: Occurrence, payload: str, how: str = "replace") -> Any:
    return act(client, "edit-payload", *rows, payload=payload, how=how)


def dead(world: World, count: int, **rule: Any) -> list[Occurrence]:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    rows = world.due(count, **{"handler": "idempotent", "payload": {"to": "nobody"}} | rule)
    world.sweep()
    return rows


def test_a_payload_is_edited_and_the_story_tells_the_difference(
    alice: Client, dead_letter: Occurrence
) -> None:
    Rule.objects.update(payload={"to": "nobody", "text": "hé"})
    form = alice.get(EDIT, {"ids": dead_letter.pk}).content.decode()
    assert "&quot;text&quot;: &quot;hé&quot;" in form
    page = edit(alice, dead_letter, payload='{"to": "<Bob>", "text": "hé"}')
    assert messages_of(page) == ["1 occurrence edited; replay what should be tried again."]
    shown = page_of(alice, dead_letter).content.decode()
    assert "an operator gave it a payload of its own" in shown
    assert "<del>&quot;nobody&quot;</del> → <ins>&quot;&lt;Bob&gt;&quot;</ins>" in shown
    assert "/to</span>" in shown
    assert "its own, given by a person" in shown
    kept = LoggedMove.objects.latest("number")
    assert (kept.actor, kept.detail) == (
        "user:alice", {"why": "because I say so", "changes": {"/to": ["nobody", "<Bob>"]}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ("{", "Enter a valid JSON"),
        ("[1]", "it is not a JSON object that PostgreSQL can keep"),
        ('"text"', "it is not a JSON object that PostgreSQL can keep"),
        ('{"a": "\\u0000"}', "without NUL characters"),
    ],
)
@pytest.mark.parametrize("how", ["replace", "merge"])
def test_what_is_no_payload_is_said_beside_it_and_what_was_typed_stays(
    alice: Client, dead_letter: Occurrence, payload: str, sentence: str, how: str
) -> None:
    page = edit(alice, dead_letter, payload=payload, how=how)
    assert page.status_code == 200
    assert sentence in " ".join(page.context["form"].errors["payload"])
    assert page.context["form"].data["why"] == "because I say so"
    assert Occurrence.objects.get(pk=dead_letter.pk).payload is None


def test_what_the_handler_refuses_is_said_beside_the_payload(alice: Client, world: World) -> None:
    (row,) = dead(world, 1)
    Rule.objects.update(handler="webhook", payload={"url": "https://example.com"})
    page = edit(alice, row, payload='{"url": "ftp://example.com"}')
    assert page.context["form"].errors["payload"] == [
        f"payload.url: the scheme 'ftp' is not for webhooks (occurrence {row.pk}). Begin it with https:// or http://."
    ]
    assert LoggedMove.objects.latest("number").reason == "refused"


def test_an_empty_object_is_a_payload(alice: Client, world: World) -> None:
    (row,) = dead(world, 1)
    edit(alice, row, payload="{}")
    assert Occurrence.objects.get(pk=row.pk).payload == {}


def test_all_that_a_filter_finds_is_edited_replayed_and_settled_in_one_action_each(
    alice: Client, world: World
) -> None:
    rows = dead(world, 120, name="Doomed")
    done = world.due(name="Done")[0]
    ids = sorted(row.pk for row in rows)
    world.sweep()

    def choose(verb: str) -> Any:
        asked = {"action": verb, "_selected_action": [ids[0]], "select_across": "1"}
        return alice.post(f"{LIST}?state=FAILED&rule__id__exact={rows[0].rule_id}", asked)

    page = choose("edit-payload")
    assert page.context["count"] == "120 occurrences"
    assert page.context["form"].initial == {"payload": {}, "how": "merge"}
    values = {
        "ids": page.context["ids"],
        "payload": '{"to": "Bob"}',
        "how": "merge",
        "why": "the address book",
    }
    said = messages_of(alice.post(EDIT, values, follow=True))
    assert said == ["120 occurrences edited; replay what should be tried again."]
    assert set(Occurrence.objects.filter(pk__in=ids).values_list("payload__to", flat=True)) == {"Bob"}

    page = choose("replay")
    address = reverse("admin:events_occurrence_act", args=["replay"])
    said = messages_of(alice.post(address, {"ids": page.context["ids"], "why": "mended"}, follow=True))
    assert said == ["120 occurrences will be tried again."]
    assert LoggedMove.objects.filter(reason="replayed").count() == 120
    done.refresh_from_db()
    assert done.state == "COMPLETED"


def test_dead_letters_are_found_by_what_their_last_attempt_said(
    charlie: Client, world: World, scheduled: Occurrence
) -> None:
    rows = dead(world, 2)
    assert listed(charlie, why="NO SUCH") == sorted((row.pk for row in rows), reverse=True)
    assert listed(charlie, why="nothing of the kind") == listed(charlie, why="such", state="SCHEDULED") == []
    assert len(listed(charlie, why=" ")) == len(listed(charlie, why="\x00")) == len(listed(charlie))
    assert "last attempt said" in charlie.get(LIST).content.decode()


def test_the_list_offers_to_choose_all_that_it_found(alice: Client, world: World) -> None:
    dead(world, 60)
    shown = " ".join(alice.get(LIST, {"state": "FAILED"}).content.decode().split())
    assert "Select all 60 occurrences" in shown


def test_a_completed_one_is_not_replayed_however_it_is_asked_and_its_log_tells_of_it(
    alice: Client, world: World
) -> None:
    (row,) = world.due(1)
    world.sweep()
    page = act(alice, "replay", row)
    assert messages_of(page)[0].startswith("Nothing to replay: the chosen are COMPLETED.")
    shown = page_of(alice, row).content.decode()
    assert queries.reason_in_words("refused") in shown
    assert "state: COMPLETED" in shown
    assert Occurrence.objects.get().state == "COMPLETED"


def test_a_resolution_to_a_state_that_nobody_may_choose_is_refused_by_the_form(
    alice: Client, dead_letter: Occurrence
) -> None:
    page = act(alice, "resolve", dead_letter, to_state="SKIPPED")
    assert "SKIPPED is not one of the available choices" in " ".join(page.context["form"].errors["to_state"])
    assert Occurrence.objects.get(pk=dead_letter.pk).state == "FAILED"


def test_charlie_who_may_only_look_sees_the_payload_and_cannot_edit_it(
    charlie: Client, dead_letter: Occurrence
) -> None:
    assert edit(charlie, dead_letter, payload="{}").status_code == 403
    assert json.dumps(page_of(charlie, dead_letter).context["page"]["told"].payload) == "{}"
