"""Entities, one at a time and many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from events.models import Entity, Occurrence
from tests.api.conftest import Account

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

ANN = "/entities/person/ann"
NDJSON = "application/x-ndjson"


def lines(*given: Any) -> bytes:
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in given)


def told(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == NDJSON
    return [orjson.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "person", "external_id": f"p{number}", "timezone": "UTC", **more}


def test_an_entity_is_put_looked_at_changed_and_deleted(alice: Account) -> None:
    facts = {"timezone": "asia/calcutta", "name": "Ann", "attributes": {"birthday": "1992-02-29"}}
    made = alice.put(ANN, facts)
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    assert made.json()["timezone"] == "Asia/Kolkata"
    assert alice.get(ANN).json() == made.json()

    changed = alice.patch(ANN, {"timezone": "Europe/Berlin"}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert changed.json()["attributes"] == {"birthday": "1992-02-29"}

    written = alice.put(ANN, {"timezone": "Europe/Berlin"}, If_Match='"2"')
    assert (written.status_code, written["ETag"], written.json()["attributes"]) == (200, '"3"', {})

    assert alice.delete(ANN, If_Match='"3"').status_code == 204
    assert alice.get(ANN).status_code == 404
    assert alice.delete(ANN, If_Match='"4"').status_code == 404


def test_who_was_deleted_is_created_again_with_the_same_history(alice: Account) -> None:
    first = alice.put(ANN, {"timezone": "UTC"}).json()["id"]
    alice.delete(ANN, If_Match='"1"')
    again = alice.put(ANN, {"timezone": "UTC"}, If_None_Match="*")
    assert (again.status_code, again.json()["id"], again["ETag"]) == (201, first, '"3"')


def test_a_change_names_the_version_that_it_saw(alice: Account) -> None:
    alice.put(ANN, {"timezone": "UTC"})
    for change in (alice.put, alice.patch):
        assert change(ANN, {"timezone": "Asia/Tokyo"}).status_code == 428
        for stale in ('"2"', 'W/"1"', "1", '"x"', "*", '"1", "2"'):
            refused = change(ANN, {"timezone": "Asia/Tokyo"}, If_Match=stale)
            assert (refused.status_code, refused.json()["type"]) == (412, "/problems/stale")
    assert alice.delete(ANN).status_code == 428
    assert alice.put(ANN, {"timezone": "Asia/Tokyo"}, If_None_Match="*").status_code == 412
    assert alice.put("/entities/person/nobody", {"timezone": "UTC"}, If_Match='"1"').status_code == 412
    assert [row.timezone for row in Entity.objects.all()] == ["UTC"]


def test_attributes_are_merged_and_null_takes_one_out(alice: Account) -> None:
    alice.put(ANN, {"timezone": "UTC", "attributes": {"a": 1, "b": {"c": 2, "d": 3}}})
    changed = alice.patch(ANN, {"attributes": {"a": None, "b": {"c": 4}, "e": []}}, If_Match='"1"')
    assert changed.json()["attributes"] == {"b": {"c": 4, "d": 3}, "e": []}


def test_what_is_planned_follows_an_entity_that_moves(alice: Account, world: World) -> None:
    alice.put(ANN, {"timezone": "UTC"})
    rule = {"name": "tea", "entity": {"kind": "person", "external_id": "ann"}, "handler": "log"}
    start = (world.now + timedelta(days=1)).date().isoformat()
    made = alice.post("/rules", {**rule, "start_date": start, "local_time": "16:00"})
    assert made.status_code == 201
    before = Occurrence.objects.get()
    alice.patch(ANN, {"timezone": "Asia/Tokyo"}, If_Match='"1"')
    after = Occurrence.objects.get()
    assert after.pk == before.pk
    assert after.due_at == before.due_at - timedelta(hours=9)
    alice.delete(ANN, If_Match='"2"')
    assert Occurrence.objects.get().state == "CANCELLED"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "timezone"),
        ({"timezone": "EST"}, "timezone"),
        ({"timezone": 5}, "timezone"),
        ({"timezone": "UTC", "attributes": {"birthday": "1990-02-30"}}, "birthday"),
        ({"timezone": "UTC", "attributes": []}, "attributes"),
        ({"timezone": "UTC", "attributes": {"x": "y" * 20_000}}, "attributes"),
        ({"timezone": "UTC", "name": "a\x00b"}, "name"),
        ({"timezone": "UTC", "leap": "sideways"}, "leap"),
        ({"timezone": "UTC", "nmae": "Ann"}, "nmae"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(alice: Account, given: dict[str, Any], field: str) -> None:
    refused = alice.put(ANN, given)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert all(error["problem"] and error["remedy"].endswith(".") for error in refused.json()["errors"])
    assert not Entity.objects.exists()


def test_names_may_have_slashes_and_other_odd_characters(alice: Account) -> None:
    assert alice.put("/entities/room/2%2F14%20%C3%A9%3F", {"timezone": "UTC"}).status_code == 201
    assert Entity.objects.get().external_id == "2/14 é?"
    assert alice.get("/entities/room/2%2F14%20%C3%A9%3F").status_code == 200
    assert alice.get("/entities/room/2%00").status_code == 404


def test_numbers_of_any_size_come_back(alice: Account) -> None:
    for number in (10**20, 12345678901234567890123, -(2**63), 0.1):
        alice.delete(ANN, If_Match=alice.get(ANN).get("ETag", '"1"'))
        made = alice.put(ANN, f'{{"timezone": "UTC", "attributes": {{"n": {number}}}}}'.encode())
        assert (made.status_code, made.json()["attributes"]["n"]) == (201, number)
        assert made.json()["created_at"].endswith("Z")


def test_lists_are_filtered_and_paged(alice: Account) -> None:
    for number in range(5):
        alice.put(f"/entities/person/p{number}", {"timezone": "UTC" if number % 2 else "Asia/Kolkata"})
    alice.put("/entities/room/p1", {"timezone": "UTC"})

    first = alice.get("/entities?kind=person&limit=2").json()
    assert [item["external_id"] for item in first["items"]] == ["p0", "p1"]
    # What is written meanwhile before the place is not seen, and moves nothing.
    alice.put("/entities/person/a", {"timezone": "UTC"})
    alice.put("/entities/person/p11", {"timezone": "UTC"})
    second = alice.get(f"/entities?kind=person&limit=2&cursor={first['next']}").json()
    assert [item["external_id"] for item in second["items"]] == ["p11", "p2"]
    third = alice.get(f"/entities?kind=person&limit=2&cursor={second['next']}").json()
    assert ([item["external_id"] for item in third["items"]], third["next"]) == (["p3", "p4"], None)

    assert len(alice.get("/entities?timezone=asia/calcutta").json()["items"]) == 3
    assert len(alice.get("/entities?external_id=p1").json()["items"]) == 2
    assert alice.get("/entities?kind=nothing").json() == {"items": [], "next": None}


def test_a_cursor_belongs_to_its_list(alice: Account, charlie: Account) -> None:
    for number in range(3):
        alice.put(f"/entities/person/p{number}", {"timezone": "UTC"})
        charlie.put(f"/entities/person/p{number}", {"timezone": "UTC"})
    cursor = alice.get("/entities?kind=person&limit=1").json()["next"]
    for other in (
        alice.get(f"/entities?kind=room&cursor={cursor}"),
        alice.get(f"/entities?cursor={cursor}"),
        alice.get(f"/rules?cursor={cursor}"),
        alice.get(f"/entities?kind=person&cursor={cursor[:-3]}abc"),
        alice.get("/entities?kind=person&cursor=x"),
        charlie.get(f"/entities?kind=person&cursor={cursor}"),
    ):
        assert other.status_code == 422
        assert other.json()["errors"][0]["field"] == "cursor"
    assert alice.get(f"/entities?kind=person&limit=200&cursor={cursor}").status_code == 200
    for limit in ("0", "201", "x"):
        assert alice.get(f"/entities?limit={limit}").json()["errors"][0]["field"] == "limit"


def test_many_at_once_are_told_line_by_line(alice: Account) -> None:
    alice.put("/entities/person/p1", {"timezone": "UTC"})
    alice.put("/entities/person/p2", {"timezone": "UTC"})
    body = lines(
        person(0), person(1), b"", person(2, timezone="Asia/Tokyo"), person(3, timezone="EST"), b"{", b"[]",
        person(0), person(4, external_id=""), person(5, zone="UTC"), {"kind": "person"}, person(6),
    )  # fmt: skip
    answered = told(alice.post("/entities/bulk", body, Content_Type=NDJSON))
    assert [(each["line"], each["status"]) for each in answered] == [
        (1, "created"), (2, "unchanged"), (4, "changed"), (5, "refused"), (6, "refused"), (7, "refused"),
        (8, "refused"), (9, "refused"), (10, "refused"), (11, "refused"), (12, "created"),
    ]  # fmt: skip
    fields = {each["line"]: [error["field"] for error in each.get("errors", [])] for each in answered}
    assert [fields[number] for number in (5, 6, 7, 8, 9, 10)] == [
        ["timezone"], ["line"], ["body"], ["external_id"], ["external_id"], ["zone"],
    ]  # fmt: skip
    assert fields[11] == ["timezone", "external_id"]
    assert "line 1 names it already" in answered[6]["errors"][0]["problem"]
    ids = {each["line"]: each["id"] for each in answered if "id" in each}
    assert ids[12] == Entity.objects.get(external_id="p6").pk
    assert set(Entity.objects.values_list("owner", flat=True)) == {alice.user.pk}


def test_in_bulk_nobody_elses_entities_are_touched(alice: Account, charlie: Account) -> None:
    charlie.put("/entities/person/p0", {"timezone": "Asia/Tokyo"})
    assert told(alice.post("/entities/bulk", lines(person(0)), Content_Type=NDJSON))[0]["status"] == "created"
    assert charlie.get("/entities/person/p0").json()["timezone"] == "Asia/Tokyo"


def test_ten_thousand_lines_are_taken_and_one_more_is_not(alice: Account) -> None:
    body = lines(*(person(number) for number in range(10_000)))
    answered = told(alice.post("/entities/bulk", body, Content_Type=NDJSON))
    assert [each["line"] for each in answered] == list(range(1, 10_001))
    assert {each["status"] for each in answered} == {"created"}
    assert Entity.objects.count() == 10_000
    more = lines(*(person(number) for number in range(10_001)))
    refused = alice.post("/entities/bulk", more, Content_Type=NDJSON)
    assert (refused.status_code, refused.json()["type"]) == (413, "/problems/too-large")
    assert {each["status"] for each in told(alice.post("/entities/bulk", body, Content_Type=NDJSON))} == {
        "unchanged"
    }


def test_a_line_without_end_is_refused_and_stops_no_other(alice: Account) -> None:
    body = lines(person(0), b"x" * 200_000, person(1))
    answered = told(alice.post("/entities/bulk", body, Content_Type=NDJSON))
    assert [each["status"] for each in answered] == ["created", "refused", "created"]
    assert told(alice.post("/entities/bulk", b"", Content_Type=NDJSON)) == []


def test_a_rules_anchor_must_be_a_date_in_every_line(alice: Account) -> None:
    alice.put(ANN, {"timezone": "UTC", "attributes": {"birthday": "1992-02-29"}})
    rule = {"name": "birthdays", "audience_kind": "person", "anchor": "birthday", "rrule": "FREQ=YEARLY"}
    assert alice.post("/rules", {**rule, "local_time": "09:00", "handler": "log"}).status_code == 201
    body = lines(person(0, attributes={"birthday": "soon"}), person(1, attributes={"birthday": "1992-02-29"}))
    answered = told(alice.post("/entities/bulk", body, Content_Type=NDJSON))
    assert [each["status"] for each in answered] == ["refused", "created"]
    assert answered[0]["errors"][0]["field"] == "birthday"
