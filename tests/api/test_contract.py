"""What holds for every call: its id, its limits, and each error as a problem that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from events.api import api, problems
from events.models import Entity, LoggedMove
from tests.api.conftest import Account

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

ANN = "/entities/person/ann"
MIB = 1_048_576


def problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """The problem, once its form is checked."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    told: dict[str, Any] = orjson.loads(answer.content)
    assert list(told) == ["type", "title", "status", "detail", "instance", "request_id", "errors"]
    assert (told["type"], told["status"]) == (f"/problems/{slug}", status)
    assert told["request_id"] == answer["X-Request-Id"]
    assert told["detail"].endswith((".", "?"))
    assert all(set(error) == {"field", "problem", "remedy"} for error in told["errors"])
    return told


def test_a_call_has_the_clients_id_where_it_is_a_uuid_and_its_moves_carry_it(
    alice: Account, world: World
) -> None:
    ours = uuid4()
    assert alice.get("/account", X_Request_Id=ours)["X-Request-Id"] == str(ours)
    for odd in ("", "1", "x" * 500, "a\tb"):
        made = UUID(alice.get("/account", X_Request_Id=odd)["X-Request-Id"])
        assert made.version == 4
    alice.put(ANN, {"timezone": "UTC"})
    given = {"name": "tea", "audience_kind": "person", "handler": "log", "phrase": "every day at 16:00"}
    assert alice.post("/rules", given, X_Request_Id=ours).status_code == 201
    assert set(LoggedMove.objects.values_list("correlation_id", "actor")) == {(ours, "user:alice")}


def test_no_cache_keeps_an_answer(alice: Account) -> None:
    assert alice.get("/account")["Cache-Control"] == "no-store"


def test_an_address_that_is_none_and_a_method_that_is_none_say_what_there_is(alice: Account) -> None:
    assert "/api/v1/openapi.json" in problem(alice.get("/nothing"), 404, "missing")["detail"]
    assert "/api/v1/openapi.json" in problem(alice.post("/nothing", {}), 404, "missing")["detail"]
    refused = alice.post("/account", {})
    assert (
        problem(refused, 405, "wrong-method")["detail"]
        == "This address does not take POST. Use GET or PATCH."
    )
    assert sorted(refused["Allow"].split(", ")) == ["GET", "PATCH"]
    problem(alice.call("OPTIONS", "/account"), 405, "wrong-method")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"{'a': 1}", b'{"a": NaN}', b'"\\ud800"', b"[1,]"])
def test_what_is_not_json_is_said_to_be_none(alice: Account, body: bytes) -> None:
    assert "not JSON" in problem(alice.put(ANN, body), 400, "bad-request")["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'"text"', b"null"])
def test_what_is_no_object_is_refused(alice: Account, body: bytes) -> None:
    problem(alice.put(ANN, body), 422, "invalid")
    problem(alice.post("/rules", body), 422, "invalid")
    problem(alice.post("/preview", body), 422, "invalid")


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "x"],
)
def test_what_is_of_another_type_is_not_read(alice: Account, media_type: str) -> None:
    told = problem(alice.put(ANN, b'{"timezone": "UTC"}', Content_Type=media_type), 415, "wrong-type")
    assert "application/json" in told["detail"]
    encoded = alice.put(ANN, b'{"timezone": "UTC"}', Content_Encoding="gzip")
    problem(encoded, 415, "wrong-type")
    assert (
        alice.put(ANN, b'{"timezone": "UTC"}', Content_Type='application/json; charset="UTF-8"').status_code
        == 201
    )


def test_what_is_too_large_is_not_read(alice: Account) -> None:
    largest = b'{"timezone": "UTC"' + b" " * (MIB - 19) + b"}"
    assert len(largest) == MIB
    assert alice.put(ANN, largest).status_code == 201
    problem(alice.put("/entities/person/bob", largest + b" "), 413, "too-large")
    many = b"\n" * (16 * MIB + 1)
    problem(alice.post("/entities/bulk", many, Content_Type="application/x-ndjson"), 413, "too-large")
    assert Entity.objects.count() == 1


def test_no_text_holds_nul(alice: Account) -> None:
    problem(alice.get("/entities?kind=%00"), 422, "invalid")
    problem(alice.get("/entities/person/%00"), 404, "missing")
    problem(alice.put(ANN, {"timezone": "UTC", "attributes": {"a": ["\x00"]}}), 422, "invalid")
    problem(alice.put(ANN, {"timezone": "UTC", "attributes": {"\x00": 1}}), 422, "invalid")


def test_numbers_that_no_id_can_be_are_of_nothing(alice: Account) -> None:
    for path in ("/rules/{}", "/occurrences/{}", "/rules/{}/next"):
        problem(alice.get(path.format(10**30)), 404, "missing")
    problem(alice.delete(f"/account/keys/{10**30}"), 404, "missing")
    problem(alice.get(f"/occurrences?rule={10**30}"), 422, "invalid")


def test_what_is_not_there_and_what_is_anothers_is_told_alike(alice: Account, charlie: Account) -> None:
    alice.put(ANN, {"timezone": "UTC"})
    hers = problem(charlie.get(ANN), 404, "missing")
    Entity.objects.all().delete()
    nobodys = problem(charlie.get(ANN), 404, "missing")
    assert hers | {"request_id": ""} == nobodys | {"request_id": ""}


def test_a_fault_shows_nothing_of_its_inside(alice: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret place 10.0.0.1")

    monkeypatch.setattr("events.operations.put_entity", broken)
    told = problem(alice.put(ANN, {"timezone": "UTC"}), 500, "broken")
    assert "secret" not in str(told)


def test_the_documents_are_for_everybody_and_ask_no_other_server(db: None) -> None:
    page = Client().get("/api/v1/docs").content.decode()
    assert "//" not in page.replace("/static/", "").replace('"/api/v1/openapi.json"', "")
    assert finders.find("ninja/swagger-ui-bundle.js")
    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert {"422", "429", "503"} <= set(operation["responses"]), (method, path)


def test_every_body_that_may_be_sent_has_an_example() -> None:
    document = api.get_openapi_schema(path_prefix="")
    bodies = {
        operation["operationId"]: operation["requestBody"]["content"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    }
    told = {name: orjson.dumps(_resolved(content, document)) for name, content in bodies.items()}
    assert [name for name, content in told.items() if b'"examples"' not in content] == []


def _resolved(part: Any, document: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_resolved(item, document) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _resolved(document["components"]["schemas"][part["$ref"].rpartition("/")[2]], document)
    return {name: _resolved(item, document) for name, item in part.items()}


def test_every_problem_has_a_status_of_its_own_kind() -> None:
    assert all(400 <= status < 600 and title for status, title in problems.PROBLEMS.values())
