"""People and things are put and deleted through operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events.models import Entity, LoggedMove, Occurrence
from tests.admin.conftest import messages_of

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
LIST, ADD = reverse("admin:events_entity_changelist"), reverse("admin:events_entity_add")
FILLED = {
    "kind": "person", "external_id": "bob", "name": "Bob", "timezone": "Europe/Berlin",
    "attributes": '{"birthday": "1988-02-29"}', "leap": "",
}  # fmt: skip


def address(entity: Entity, page: str = "change") -> str:
    return reverse(f"admin:events_entity_{page}", args=[entity.pk])


def delete(client: Client, entity: Entity) -> Any:
    where = reverse("admin:events_entity_act", args=["delete"])
    return client.post(where, {"ids": str(entity.pk), "why": "Bob asked for it"}, follow=True)


def test_a_new_person_gets_their_rows_at_once(alice: Client, world: World) -> None:
    world.rule()
    page = alice.post(ADD, FILLED, follow=True)
    assert page.status_code == 200
    assert "was added successfully" in messages_of(page)[0]
    bob = Entity.objects.get()
    assert bob.occurrences.exists()
    assert reverse("admin:events_entity_change", args=[bob.pk]) in messages_of(page)[0]
    assert set(LoggedMove.objects.filter(occurrence__entity=bob).values_list("actor", flat=True)) == {
        "user:alice"
    }


def test_a_person_who_moves_takes_their_rows_along(alice: Client, world: World) -> None:
    bob = world.person("bob", "Europe/Berlin")
    world.rule()
    assert alice.post(address(bob), FILLED | {"timezone": "asia/katmandu"}).status_code == 302
    bob.refresh_from_db()
    assert bob.timezone == "Asia/Kathmandu"
    assert set(Occurrence.objects.filter(state="SCHEDULED").values_list("timezone", flat=True)) == {
        "Asia/Kathmandu"
    }


def test_the_identity_of_a_known_person_is_fixed(alice: Client, world: World) -> None:
    bob = world.person("bob", "Europe/Berlin")
    alice.post(address(bob), FILLED | {"external_id": "mallory", "name": "Robert"})
    assert [(each.external_id, each.name) for each in Entity.objects.all()] == [("bob", "Robert")]


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"timezone": "EST"}, "timezone", "is an abbreviation, not a zone"),
        ({"timezone": "GMT+3"}, "timezone", "is an offset, not a zone"),
        (
            {"attributes": '{"birthday": "1989-02-29"}'},
            "attributes",
            "birthday: '1989-02-29' is not a date that exists",
        ),
        ({"attributes": "[1]"}, "attributes", "It is not a JSON object"),
        ({"attributes": "{"}, "attributes", "Enter a valid JSON"),
        ({"kind": ""}, "kind", "This field is required"),
        ({"leap": "sideways"}, "leap", "not one of the available choices"),
    ],
)
def test_wrong_input_is_said_beside_its_field_and_nothing_is_written(
    alice: Client, wrong: dict[str, str], field: str, sentence: str
) -> None:
    page = alice.post(ADD, FILLED | wrong)
    errors = page.context["adminform"].form.errors
    assert sentence in " ".join(errors[field]), errors
    assert not Entity.objects.exists()


def test_a_person_without_attributes_is_welcome(alice: Client, world: World) -> None:
    alice.post(ADD, FILLED | {"attributes": ""})
    assert Entity.objects.get().attributes == {}


def test_who_exists_is_not_overwritten_by_adding(alice: Client, world: World) -> None:
    world.person("bob", "Europe/Berlin")
    page = alice.post(ADD, FILLED | {"name": "Another Bob"})
    assert "already exists" in str(page.context["adminform"].form.errors)
    assert Entity.objects.get().name == "Bob"


def test_deleting_asks_for_a_reason_and_cancels_what_was_planned(alice: Client, world: World) -> None:
    bob = world.person("bob", "Europe/Berlin")
    world.rule()
    assert alice.post(address(bob, "delete"), {"post": "yes"}, follow=True).context["verb"].key == "delete"
    said = messages_of(delete(alice, bob))
    assert said == ["1 entity deleted; what was not sent is cancelled, the history stays."]
    assert set(Occurrence.objects.values_list("state", "reason")) == {("CANCELLED", "entity_deleted")}
    assert LoggedMove.objects.latest("number").detail == {"why": "Bob asked for it"}


def test_deleted_people_are_out_of_sight_until_they_are_asked_for(alice: Client, world: World) -> None:
    bob, carol = world.person("bob"), world.person("carol")
    delete(alice, bob)

    def listed(**asked: str) -> list[str]:
        return [row.external_id for row in alice.get(LIST, asked).context["cl"].result_list]

    assert listed() == ["carol"]
    assert listed(presence="deleted") == ["bob"]
    assert listed(presence="all") == ["bob", "carol"]
    assert "Saving brings it back" in alice.get(address(bob)).content.decode()
    asked = {"app_label": "events", "model_name": "rule", "field_name": "entity", "term": ""}
    found = alice.get(reverse("admin:autocomplete"), asked).json()
    assert [each["id"] for each in found["results"]] == [str(carol.pk)]


def test_its_page_shows_what_comes_and_what_was(charlie: Client, world: World) -> None:
    world.due(name="Just now")
    world.tick()
    world.rule(name="Tomorrow and on")
    page = charlie.get(address(Entity.objects.get()))
    assert "Just now" in {row.rule.name for row in page.context["page"]["past"]}
    assert {row.rule.name for row in page.context["page"]["upcoming"]} == {"Tomorrow and on"}


def test_the_list_knows_their_time_and_what_is_next(charlie: Client, world: World) -> None:
    world.person("bob", "Asia/Kathmandu")
    world.rule()
    row = charlie.get(LIST, {"q": "bob", "timezone": "Asia/Kathmandu"}).context["cl"].result_list[0]
    assert row.next_at == Occurrence.objects.earliest("due_at").due_at


def test_charlie_who_may_only_look_cannot_touch_people(charlie: Client, world: World) -> None:
    bob = world.person("bob", "Europe/Berlin")
    assert delete(charlie, bob).status_code == 403
    assert charlie.post(address(bob), FILLED | {"name": "Mallory"}).status_code == 403
    assert charlie.get(ADD).status_code == 403
    assert Entity.objects.get(deleted_at=None).name == "Bob"


def test_of_two_who_edit_a_person_the_second_is_told_and_nothing_is_written(
    alice: Client, world: World
) -> None:
    bob = world.person("bob", "Europe/Berlin")
    world.rule()
    assert '<input type="hidden" name="version" value="1"' in alice.get(address(bob)).content.decode()
    first = FILLED | {"name": "Robert", "version": "1"}
    second = FILLED | {"timezone": "Asia/Tokyo", "version": "1"}
    assert alice.post(address(bob), first).status_code == 302
    page = alice.post(address(bob), second)
    assert page.status_code == 200
    (sentence,) = page.context["adminform"].form.non_field_errors()
    assert sentence.startswith("entity 'Robert' has version 2 now, and version 1 was expected.")
    assert sentence.endswith("The last change here was made by alice.")
    bob.refresh_from_db()
    assert (bob.name, bob.timezone) == ("Robert", "Europe/Berlin")


def test_an_edit_begun_before_a_deletion_does_not_bring_the_person_back(alice: Client, world: World) -> None:
    bob = world.person("bob", "Europe/Berlin")
    delete(alice, bob)
    page = alice.post(address(bob), FILLED | {"version": "1"})
    assert "has version 2 now" in page.context["adminform"].form.non_field_errors()[0]
    assert Entity.objects.get().deleted_at is not None
    alice.post(address(bob), FILLED | {"version": "2"})
    assert Entity.objects.get().deleted_at is None
