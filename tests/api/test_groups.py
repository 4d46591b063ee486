"""Groups by the API: the note's payload as it is, and all that one may want of a group afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from events import clock, operations, queries
from events.management.yaml_files import read_text
from events.models import Group, GroupItem, GroupType, LoggedMove, Occurrence
from events.operations import declared
from events.operations.declared import File
from handlers.log.models import Delivery
from tests.api.conftest import Account, account

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

EXAMPLES = Path(__file__).parents[2] / "examples" / "groups"
NOTE = json.loads((EXAMPLES / "upload.json").read_text())
LATER = "2090-01-01T09:00:00Z"
SAID = {"execute_at": LATER, "id": "user-7", "type": "UPLOAD", "data": [1]}


@pytest.fixture
def types(world: World) -> None:
    """The operators' types of the example."""
    text = (EXAMPLES / "types.yaml").read_text()
    meant = declared.read_files([File("types.yaml", read_text("types.yaml", text))])
    declared.make_so(meant, prune=False, horizon=world.horizon, origin=world.origin())


@pytest.fixture
def uploads(alice: Account) -> Account:
    """Alice, with a type of her own."""
    made = alice.put("/group-types/UPLOAD", {"handler": "log", "moves": "latest"})
    assert (made.status_code, made["ETag"]) == (201, '"1"'), made.content
    return alice


def fields(refused: Any) -> list[str]:
    assert refused.status_code == 422, refused.content
    return [error["field"] for error in refused.json()["errors"]]


def test_the_notes_payload_is_taken_as_it_is_and_dispatched_at_once(
    alice: Account, types: None, world: World
) -> None:
    assert json.loads((EXAMPLES.parent / "notes" / "group.json").read_text()) == NOTE
    answer = alice.post("/groups", NOTE)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["position"], told["sealed"], told["repeated"]) == (1, True, False)
    world.now = clock.now()
    assert world.sweep() == 1
    payload = Delivery.objects.get().payload
    due = payload.pop("execute_at")
    assert datetime.fromisoformat(due) == datetime.fromisoformat(told["execute_at"])
    assert payload == {
        "type": "UPLOAD", "id": "random-id-4", "group": told["group"], "items": 1,
        "data": NOTE["data"], "message": NOTE["message"],
    }  # fmt: skip
    assert alice.get(f"/groups/{told['group']}").json()["state"] == "dispatched"


def test_what_its_sender_asked_for_is_kept(alice: Account, types: None) -> None:
    told = alice.post("/groups", NOTE).json()
    (item,) = alice.get(f"/groups/{told['group']}").json()["messages"]
    assert datetime.fromisoformat(item["execute_at"]) == datetime(2020, 4, 8, 20, 26, 9, tzinfo=UTC)


def test_a_second_message_is_appended_in_order(uploads: Account) -> None:
    first = uploads.post("/groups", SAID)
    second = uploads.post("/groups", {**SAID, "data": [2], "message": ["hi"]})
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {
        "group": first.json()["group"], "position": 2, "execute_at": LATER, "sealed": False, "repeated": False,
    }  # fmt: skip
    shown = uploads.get(f"/groups/{first.json()['group']}").json()
    assert [item["data"] for item in shown["messages"]] == [[1], [2]]
    assert (shown["state"], shown["items"], shown["key"], shown["type"]) == ("open", 2, "user-7", "UPLOAD")


def test_a_message_with_a_key_is_taken_once(uploads: Account) -> None:
    first = uploads.post("/groups", {**SAID, "key": "a"}).json()
    again = uploads.post("/groups", {**SAID, "key": "a"})
    assert (again.status_code, again.json()) == (200, {**first, "repeated": True})
    assert GroupItem.objects.count() == 1


def test_an_idempotency_key_goes_with_it(uploads: Account) -> None:
    first = uploads.post("/groups", SAID, Idempotency_Key="once")
    again = uploads.post("/groups", SAID, Idempotency_Key="once")
    assert (again.status_code, again.json(), again["Idempotent-Replayed"]) == (201, first.json(), "true")
    assert GroupItem.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"type": "UPLAOD"}, "type"),
        ({"type": 5}, "type"),
        ({"id": ""}, "id"),
        ({"id": "  "}, "id"),
        ({"id": "a\x00"}, "id"),
        ({"execute_at": "soon"}, "execute_at"),
        ({"execute_at": 1586377569}, "execute_at"),
        ({"execute_at": None}, "execute_at"),
        ({"data": {"upload_id": "1"}}, "data"),
        ({"data": [], "message": []}, "data"),
        ({"data": ["\x00"]}, "data.0"),
        ({"key": "x" * 256}, "key"),
        ({"kye": "x"}, "kye"),
    ],
)
def test_a_wrong_message_is_refused_by_field(uploads: Account, wrong: dict[str, Any], field: str) -> None:
    assert fields(uploads.post("/groups", {**SAID, **wrong})) == [field]
    assert not Group.objects.exists()


def test_lists_are_narrowed_and_paged(uploads: Account, types: None) -> None:
    for number in range(3):
        uploads.post("/groups", {**SAID, "id": f"user-{number}"})
    uploads.post("/groups", {**SAID, "type": "SIMULATION"})
    uploads.post("/groups", NOTE)
    assert [row["key"] for row in uploads.get("/groups?state=open").json()["items"]] == [
        "user-7", "user-2", "user-1", "user-0",
    ]  # fmt: skip
    assert [row["key"] for row in uploads.get("/groups?state=due").json()["items"]] == ["random-id-4"]
    assert len(uploads.get("/groups?type=SIMULATION").json()["items"]) == 1
    assert len(uploads.get("/groups?key=user-1&type=UPLOAD").json()["items"]) == 1
    assert uploads.get("/groups?state=cancelled").json() == {"items": [], "next": None}
    page = uploads.get("/groups?limit=2").json()
    rest = uploads.get(f"/groups?limit=200&cursor={page['next']}").json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 3, None)
    assert fields(uploads.get("/groups?state=closed")) == ["state"]


def test_a_message_is_dropped_and_a_group_flushed(uploads: Account, world: World) -> None:
    group = uploads.post("/groups", SAID).json()["group"]
    uploads.post("/groups", {**SAID, "data": [2]})
    assert uploads.delete(f"/groups/{group}/items/1").status_code == 204
    assert uploads.delete(f"/groups/{group}/items/1").status_code == 409
    assert uploads.delete(f"/groups/{group}/items/3").status_code == 404
    flushed = uploads.post(f"/groups/{group}/flush", {"reason": "they wait"})
    assert (flushed.status_code, flushed.json()["state"]) == (200, "due")
    world.now = clock.now()
    world.sweep()
    assert Delivery.objects.get().payload["data"] == [2]
    assert uploads.post(f"/groups/{group}/flush").status_code == 409
    assert uploads.delete(f"/groups/{group}/items/2").status_code == 409
    said = LoggedMove.objects.filter(reason__in=("amended", "fire_now")).order_by("number")
    assert [move.actor for move in said] == ["user:alice"] * 2
    assert (said[1].detail or {})["why"] == "they wait"


def test_a_group_is_cancelled_and_the_next_message_opens_another(uploads: Account) -> None:
    group = uploads.post("/groups", SAID).json()["group"]
    cancelled = uploads.post(f"/groups/{group}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert uploads.post("/groups", SAID).status_code == 201
    assert uploads.post(f"/groups/{group}/cancel").status_code == 409


# --- types ---


def test_a_type_is_made_changed_and_retired(alice: Account) -> None:
    given = {
        "handler": "log", "payload": {"template": "uploads"}, "moves": "earliest", "max_wait": "PT15M",
        "max_items": 10, "max_bytes": 5000, "max_attempts": 3, "grace": "PT1M",
    }  # fmt: skip
    made = alice.put("/group-types/UPLOAD", given)
    assert made.status_code == 201, made.content
    told = made.json()
    assert {name: told[name] for name in given} == given
    assert (told["name"], told["version"], told["follows"], told["entity_kind"]) == (
        "UPLOAD",
        1,
        False,
        "group",
    )
    shown = alice.get("/group-types/UPLOAD")
    assert (shown.json(), shown["ETag"]) == (told, '"1"')
    assert alice.put("/group-types/UPLOAD", {"handler": "log"}).status_code == 428
    changed = alice.put("/group-types/UPLOAD", {"handler": "log"}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"], changed.json()["max_items"]) == (200, '"2"', None)
    assert alice.put("/group-types/UPLOAD", {"handler": "log"}, If_Match='"1"').status_code == 412
    assert alice.put("/group-types/UPLOAD", {"handler": "log"}, If_None_Match="*").status_code == 412
    group = alice.post("/groups", SAID).json()["group"]
    assert alice.delete("/group-types/UPLOAD").status_code == 428
    assert alice.delete("/group-types/UPLOAD", If_Match='"2"').status_code == 204
    assert alice.get("/group-types/UPLOAD").status_code == 404
    assert alice.get(f"/groups/{group}").json()["state"] == "cancelled"
    assert fields(alice.post("/groups", SAID)) == ["type"]
    again = alice.put("/group-types/UPLOAD", {"handler": "log"})
    assert again.status_code == 201
    assert alice.post("/groups", SAID).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"handler": "lgo"}, "handler"),
        ({"handler": None}, "handler"),
        ({"moves": "sometimes"}, "moves"),
        ({"max_wait": "an hour"}, "max_wait"),
        ({"max_wait": "PT0S"}, "max_wait"),
        ({"max_wait": "P99999D"}, "max_wait"),
        ({"max_items": 0}, "max_items"),
        ({"max_items": "many"}, "max_items"),
        ({"max_bytes": 1_000_000_000}, "max_bytes"),
        ({"entity_kind": ""}, "entity_kind"),
        ({"grace": "P99999D"}, "grace"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"payload": ["x"]}, "payload"),
        ({"handler": "webhook"}, "payload.url"),
        ({"handler": "webhook", "payload": {"url": "https://example.com/"}}, "max_bytes"),
        ({"name": "OTHER"}, "name"),
        ({"maxitems": 5}, "maxitems"),
    ],
)
def test_a_wrong_type_is_refused_by_field(alice: Account, wrong: dict[str, Any], field: str) -> None:
    assert fields(alice.put("/group-types/UPLOAD", {"handler": "log", **wrong})) == [field]
    assert not GroupType.objects.exists()


def test_a_webhook_is_told_of_a_group_as_its_data(alice: Account) -> None:
    hook = {"handler": "webhook", "payload": {"url": "https://example.com/hook"}, "max_bytes": 50_000}
    assert alice.put("/group-types/UPLOAD", hook).status_code == 201
    group = alice.post("/groups", SAID).json()["group"]
    told = queries.payload_of(Occurrence.objects.get())
    assert told.payload["url"] == "https://example.com/hook"
    assert told.payload["data"] == {
        "type": "UPLOAD", "id": "user-7", "group": group, "execute_at": LATER, "items": 1, "data": [1], "message": [],
    }  # fmt: skip


def test_a_name_that_a_rule_has_is_refused(alice: Account) -> None:
    rule = {"name": "UPLOAD", "audience_kind": "person", "phrase": "every day at 9:00", "handler": "log"}
    assert alice.post("/rules", rule).status_code == 201
    assert alice.put("/group-types/UPLOAD", {"handler": "log"}).status_code == 422


# --- the operators' types, and whose groups are whose ---


def test_an_account_uses_the_operators_types_and_follows_them(
    alice: Account, types: None, world: World
) -> None:
    alice.post("/groups", SAID)
    own = alice.get("/group-types/UPLOAD").json()
    assert (own["follows"], own["payload"], own["moves"]) == (True, None, "latest")
    operations.put_group_type("UPLOAD", handler="log", moves="keep", origin=world.origin())
    followed = alice.get("/group-types/UPLOAD").json()
    assert (followed["follows"], followed["moves"], followed["version"]) == (True, "keep", 2)
    alice.put("/group-types/UPLOAD", {"handler": "log", "moves": "last"}, If_Match='"2"')
    operations.put_group_type("UPLOAD", handler="log", moves="earliest", origin=world.origin())
    parted = alice.get("/group-types/UPLOAD").json()
    assert (parted["follows"], parted["moves"], parted["payload"]) == (False, "last", {})


def test_a_type_that_the_operators_retire_is_retired_for_those_who_follow(
    alice: Account, charlie: Account, types: None, world: World
) -> None:
    alice.post("/groups", SAID)
    charlie.put("/group-types/UPLOAD", {"handler": "log"})
    charlie.post("/groups", SAID)
    offered = GroupType.objects.get(rule__owner=None, rule__name="UPLOAD")
    assert operations.retire_group_type(offered, why="enough", origin=world.origin()) == 1
    assert fields(alice.post("/groups", SAID)) == ["type"]
    assert charlie.post("/groups", SAID).status_code == 200


def test_two_accounts_never_meet_in_a_group(alice: Account, charlie: Account, types: None) -> None:
    ours = alice.post("/groups", SAID).json()["group"]
    theirs = charlie.post("/groups", SAID)
    assert theirs.status_code == 201
    assert theirs.json()["group"] != ours
    assert len(charlie.get("/groups").json()["items"]) == 1
    for method, path in (
        ("GET", f"/groups/{ours}"),
        ("POST", f"/groups/{ours}/flush"),
        ("POST", f"/groups/{ours}/cancel"),
        ("DELETE", f"/groups/{ours}/items/1"),
    ):
        assert charlie.call(method, path).status_code == 404
    assert alice.get(f"/groups/{ours}").json()["state"] == "open"


def test_a_key_that_may_only_read_takes_nothing(db: None) -> None:
    reader = account("reader", scope="read")
    assert reader.post("/groups", SAID).status_code == 403
    assert reader.get("/groups").status_code == 200


def test_the_longest_wait_holds(alice: Account) -> None:
    alice.put("/group-types/UPLOAD", {"handler": "log", "max_wait": "PT1H"})
    told = alice.post("/groups", SAID).json()
    due = datetime.fromisoformat(told["execute_at"])
    assert abs(due - clock.now() - timedelta(hours=1)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/groups?key=%00"),
        ("GET", "/groups?type=%00"),
        ("GET", f"/groups/{10**30}"),
        ("DELETE", f"/groups/1/items/{10**30}"),
        ("GET", "/group-types/%00"),
        ("GET", "/group-types/%ff%fe"),
        ("GET", f"/group-types/{'x' * 5000}"),
        ("GET", "/groups?cursor=nonsense"),
    ],
)
def test_nonsense_is_refused_or_not_found_and_never_a_fault(alice: Account, method: str, path: str) -> None:
    assert alice.call(method, path).status_code in {404, 422}


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"5", b"{", b'{"handler": "log", "payload": {"a": "\\u0000"}}']
)
def test_a_body_that_is_no_type_is_refused(alice: Account, body: bytes) -> None:
    assert alice.put("/group-types/UPLOAD", body).status_code in {400, 422}
    assert alice.put(f"/group-types/{'x' * 201}", {"handler": "log"}).status_code == 422
    assert not GroupType.objects.exists()


def test_the_list_of_types_says_which_follow(alice: Account, types: None) -> None:
    alice.post("/groups", SAID)
    alice.put("/group-types/MINE", {"handler": "log"})
    told = alice.get("/group-types").json()["items"]
    assert {each["name"]: (each["follows"], each["payload"]) for each in told} == {
        "UPLOAD": (True, None), "MINE": (False, {}),
    }  # fmt: skip
