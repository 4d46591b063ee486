"""Groups and their types, as operators see them and act on them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events import operations
from events.models import Group, GroupItem, GroupType, LoggedMove, Occurrence
from tests.admin.conftest import messages_of
from tests.engine.grouping import HOUR, collecting, group_of, take

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

TYPES, ADD = reverse("admin:events_grouptype_changelist"), reverse("admin:events_grouptype_add")
GROUPS = reverse("admin:events_group_changelist")
FILLED: dict[str, Any] = {
    "name": "UPLOAD", "handler": "log", "payload": "{}", "moves": "latest", "max_wait": "1:00:00", "max_items": "50",
    "max_bytes": "20000", "entity_kind": "group", "max_attempts": "5", "backoff_base": "10", "backoff_cap": "1:00:00",
    "grace": "5:00", "expires_after": "", "overlap": "allow", "when_unknown": "ask",
}  # fmt: skip


def address(model: str, page: str, *args: object) -> str:
    return reverse(f"admin:events_{model}_{page}", args=args)


def act(client: Client, verb: str, group: Group, **values: Any) -> Any:
    posted = {"ids": str(group.pk), "why": "they asked", **values}
    return client.post(address("group", "act", verb), posted, follow=True)


def errors_of(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    errors: dict[str, list[str]] = page.context["adminform"].form.errors
    return errors


# --- types ---


def test_a_type_is_created_changed_and_retired(alice: Client, world: World) -> None:
    assert alice.get(ADD).status_code == 200
    made = alice.post(ADD, FILLED)
    assert made.status_code == 302, errors_of(made)
    row = GroupType.objects.select_related("rule").get()
    assert (row.rule.name, row.rule.handler, row.rule.role, row.max_wait) == ("UPLOAD", "log", "groups", HOUR)
    page = address("grouptype", "change", row.pk)
    text = alice.get(page).content.decode()
    assert 'name="version" value="1"' in text
    changed = FILLED | {"version": "1", "max_items": "", "payload": '{"template": "x"}', "at_most_once": "on"}
    assert alice.post(page, changed).status_code == 302
    row = GroupType.objects.select_related("rule").get()
    assert (row.max_items, row.rule.payload, row.rule.at_most_once) == (None, {"template": "x"}, True)
    assert (row.version, row.rule.name) == (2, "UPLOAD")
    stale = errors_of(alice.post(page, changed))
    assert "has version 2 now" in str(stale["__all__"])
    take(world)
    assert alice.get(address("grouptype", "delete", row.pk)).status_code == 302
    said = alice.post(
        address("grouptype", "act", "retire"), {"ids": str(row.pk), "why": "no longer"}, follow=True
    )
    assert messages_of(said) == ["1 group type retired; 1 group cancelled."]
    assert alice.get(page).status_code == 200
    assert alice.get(TYPES).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"name": ""}, "name", "This field is required"),
        ({"handler": ""}, "handler", "This field is required"),
        ({"handler": "webhook"}, "payload", "the address to call is missing"),
        ({"payload": "[1]"}, "payload", "not a JSON object"),
        ({"payload": "{"}, "payload", "Enter a valid JSON"),
        ({"max_items": "0"}, "__all__", "Limits are one or more"),
        ({"max_bytes": "99999999"}, "max_bytes", "too many"),
        ({"max_wait": "-1"}, "max_wait", "no time to wait"),
        ({"backoff_base": "2:00:00"}, "__all__", "backoff"),
        ({"entity_kind": " "}, "entity_kind", "This field is required"),
    ],
)
def test_wrong_input_is_said_beside_its_field(
    alice: Client, wrong: dict[str, Any], field: str, sentence: str
) -> None:
    errors = errors_of(alice.post(ADD, FILLED | wrong))
    assert sentence in " ".join(errors[field]), errors
    assert not GroupType.objects.exists()


def test_a_name_that_is_taken_is_refused(alice: Client, world: World) -> None:
    world.rule(name="UPLOAD")
    assert "There is a rule of this name" in str(errors_of(alice.post(ADD, FILLED)))


# --- groups ---


def test_a_group_shows_its_messages_and_how_it_stands(alice: Client, world: World) -> None:
    collecting(world, handler="log")
    taken = take(world, {"upload_id": "one & only"}, message=["hello"])
    page = alice.get(address("group", "change", taken.group_id)).content.decode()
    assert "takes messages until its moment" in page
    assert "one &amp; only" in page
    assert "Flush" in page
    assert "alice" in alice.get(GROUPS).content.decode()


def test_lists_are_narrowed_by_how_groups_stand(alice: Client, world: World) -> None:
    collecting(world, handler="log")
    take(world, key="waits")
    take(world, key="over", at=-HOUR)
    world.sweep()
    for stands, key in (("open", "waits"), ("dispatched", "over")):
        rows = alice.get(GROUPS, {"stands": stands}).context["cl"].result_list
        assert [row.key for row in rows] == [key]
    assert [row.key for row in alice.get(GROUPS, {"q": "over"}).context["cl"].result_list] == ["over"]
    assert not alice.get(GROUPS, {"stands": "due"}).context["cl"].result_list


def test_a_group_is_flushed_and_the_log_says_who_and_why(alice: Client, world: World) -> None:
    collecting(world, handler="log")
    group = group_of(take(world))
    assert messages_of(act(alice, "flush", group)) == ["1 group sent on their way."]
    move = LoggedMove.objects.get(reason="fire_now")
    assert (move.actor, (move.detail or {})["why"]) == ("user:alice", "they asked")
    world.now += timedelta(minutes=1)
    world.sweep()
    said = messages_of(act(alice, "flush", group))
    assert "the chosen are COMPLETED" in said[0]


def test_a_message_is_dropped_by_its_number(alice: Client, world: World) -> None:
    collecting(world, handler="log")
    group = group_of(take(world, 1))
    take(world, 2)
    act(alice, "drop", group, position="1")
    assert list(GroupItem.objects.filter(dropped_at=None).values_list("position", flat=True)) == [2]
    assert "<del>" in alice.get(address("group", "change", group.pk)).content.decode()
    assert "Nothing to drop from" in messages_of(act(alice, "drop", group, position="1"))[0]
    assert "Nothing to drop from" in messages_of(act(alice, "drop", group, position="7"))[0]


def test_a_group_is_cancelled(alice: Client, world: World) -> None:
    collecting(world, handler="log")
    group = group_of(take(world))
    act(alice, "cancel", group)
    assert Occurrence.objects.get().state == "CANCELLED"
    assert Group.objects.get().sealed_at is not None


def test_who_may_only_look_sees_all_and_changes_nothing(charlie: Client, world: World) -> None:
    collecting(world, handler="log")
    group = group_of(take(world))
    row = GroupType.objects.get()
    for page in (TYPES, GROUPS, address("group", "change", group.pk), address("grouptype", "change", row.pk)):
        answer = charlie.get(page)
        assert answer.status_code == 200
        assert "Flush" not in answer.content.decode()
    assert charlie.post(address("group", "act", "cancel"), {"ids": "1", "why": "x"}).status_code == 403
    assert charlie.post(ADD, FILLED).status_code == 403


def test_a_dead_letters_form_begins_with_what_its_group_has_collected(alice: Client, world: World) -> None:
    from events.handling import Reject
    from tests.engine import handlers

    collecting(world)
    handlers.answer(Reject("no"))
    take(world, {"upload_id": "7"}, at=-HOUR)
    world.sweep()
    row = Occurrence.objects.get(state="FAILED")
    form = alice.get(address("occurrence", "act", "edit-payload"), {"ids": str(row.pk)})
    assert "upload_id" in form.content.decode()
    page = alice.get(address("occurrence", "change", row.pk)).content.decode()
    assert "what its group has collected" in page


def test_a_retired_type_is_only_read(alice: Client, world: World) -> None:
    row = collecting(world, handler="log")
    operations.retire_group_type(row, why="over", origin=world.origin())
    text = alice.get(address("grouptype", "change", row.pk)).content.decode()
    assert 'name="_save"' not in text
