"""Triggers over HTTP: the note's own payload, both spellings, lists, and nothing of anybody else's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import handling
from events.handling import Completed, Handler, HandlerContext, Kind, Outcome
from events.models import Entity, Occurrence, Rule
from handlers.log.handler import LogHandler
from handlers.log.models import Delivery
from tests.api.conftest import Account, account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django import Settings

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

NOTE = Path(__file__).parents[2] / "examples" / "notes" / "trigger.json"
IN_AN_HOUR = timedelta(hours=1)


class SendPush(Handler):
    """The note's function: it gets all that is due together."""

    name = "sendPush"
    kind = Kind.TRANSACTIONAL

    def handle_batch(self, contexts: Sequence[HandlerContext]) -> Sequence[Outcome]:
        """A Delivery for each."""
        LogHandler().handle_batch(contexts)
        return [Completed() for _ in contexts]


@pytest.fixture(autouse=True)
def send_push(settings: Settings, bidden_handlers: None) -> None:
    settings.PUNCTUAL_HANDLERS = [*settings.PUNCTUAL_HANDLERS, f"{__name__}.SendPush"]
    handling.installed.cache_clear()


def at(world: World, later: timedelta = IN_AN_HOUR) -> str:
    return (world.now + later).strftime("%a, %d %b %Y %H:%M:%S GMT")


def event(world: World, **fields: Any) -> dict[str, Any]:
    return {"triggerUtc": at(world), "functiontorun": "log", "eventid": "42", **fields}


def test_the_notes_payload_is_taken_as_it_is(alice: Account, world: World) -> None:
    posted = json.loads(NOTE.read_text())
    made = alice.post("/triggers", posted)
    assert made.status_code == 201
    assert made.json()["result"] == "created"
    shown = made.json()["trigger"]
    assert (shown["trigger_at"], shown["status"]) == ("2026-04-08T20:26:09Z", "active")
    world.sweep()
    told = Delivery.objects.get()
    assert told.payload == {
        "event_id": "event-1001", "function": "sendPush", "push_subscription": "the-public-vapid-key-of-the-sender",
    }  # fmt: skip
    fired = alice.get("/triggers/sendPush/event-1001").json()
    assert (fired["status"], fired["state"]) == ("fired", "COMPLETED")
    again = alice.post("/triggers", posted)
    assert (again.status_code, again.json()["result"]) == (200, "fired")


def test_both_spellings_mean_the_same_trigger(alice: Account, world: World) -> None:
    assert alice.post("/triggers", event(world, vapidKey="k", status="active")).status_code == 201
    instant = (world.now + IN_AN_HOUR).isoformat()
    ours = {"trigger_at": instant, "function": "log", "event_id": "42", "push_subscription": "k"}
    again = alice.post("/triggers", ours)
    assert (again.status_code, again.json()["result"]) == (200, "unchanged")
    assert Occurrence.objects.count() == 1


def test_another_date_moves_it_and_the_old_one_is_nowhere(alice: Account, world: World) -> None:
    first = alice.post("/triggers", event(world)).json()["trigger"]
    moved = alice.post("/triggers", event(world, triggerUtc=at(world, 2 * IN_AN_HOUR))).json()
    assert moved["result"] == "moved"
    assert moved["trigger"]["occurrence"] == first["occurrence"]
    listed = alice.get("/triggers").json()["items"]
    assert [one["trigger_at"] for one in listed] == [moved["trigger"]["trigger_at"]]
    told = alice.post(
        "/triggers", event(world, triggerUtc=at(world, 2 * IN_AN_HOUR), payload={"n": 1})
    ).json()
    assert (told["result"], told["trigger"]["payload"]["n"]) == ("changed", 1)


def questions(alice: Account, *posted: dict[str, Any]) -> int:
    """How many the database is asked for one post, with savepoints: the least, for each minute clocks are compared."""
    counts = []
    for one in posted:
        with CaptureQueriesContext(connection) as asked:
            assert alice.post("/triggers", one).json()["result"] in {"created", "moved"}
        counts.append(len(asked))
    return min(counts)


def test_a_post_asks_the_database_little(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world))
    later = [event(world, triggerUtc=at(world, hours * IN_AN_HOUR)) for hours in (2, 3)]
    assert questions(alice, event(world, eventid="43"), event(world, eventid="44")) <= 8
    assert questions(alice, *later) <= 10


def test_a_status_that_is_not_active_withdraws_it(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world))
    gone = alice.post("/triggers", {"functiontorun": "log", "eventid": "42", "status": "cancelled"})
    assert (gone.status_code, gone.json()["result"]) == (200, "withdrawn")
    assert gone.json()["trigger"]["status"] == "withdrawn"
    never = alice.post("/triggers", {"functiontorun": "log", "eventid": "43", "status": "cancelled"})
    assert (never.status_code, never.json()) == (200, {"result": "unchanged", "trigger": None})
    assert not Entity.objects.filter(external_id="43").exists()


def test_deleting_withdraws_and_may_be_repeated(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world, eventid="a/b c"))
    path = "/triggers/log/a/b%20c"
    assert alice.get(path).json()["event_id"] == "a/b c"
    assert alice.delete(path).json()["result"] == "withdrawn"
    again = alice.delete(path)
    assert (again.status_code, again.json()["result"]) == (200, "unchanged")
    assert again.json()["trigger"]["status"] == "withdrawn"


def test_local_time_is_the_events_own(alice: Account, world: World) -> None:
    shown = alice.post("/triggers", event(world, timezone="Asia/Kathmandu")).json()["trigger"]
    assert shown["timezone"] == "Asia/Kathmandu"
    assert shown["local"].endswith("+05:45")
    assert datetime.fromisoformat(shown["local"]) == world.now + IN_AN_HOUR


def test_a_list_is_answered_for_one_by_one(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world, eventid="known"))
    answer = alice.post(
        "/triggers",
        [
            event(world, eventid="known"), event(world, eventid="new"), event(world, functiontorun="lgo"),
            event(world, triggerUtc="soon", eventid=""), event(world, eventid="new"), "nonsense",
        ],
    )  # fmt: skip
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert [item["result"] for item in items] == [
        "unchanged",
        "created",
        "refused",
        "refused",
        "refused",
        "refused",
    ]
    [close] = items[2]["errors"]
    assert (close["field"], close["remedy"]) == ("functiontorun", "Did you mean log?")
    assert sorted(error["field"] for error in items[3]["errors"]) == ["eventid", "triggerUtc"]
    assert "item 1 of this list" in items[4]["errors"][0]["problem"]
    assert Occurrence.objects.count() == 2


def test_a_thousand_at_once_are_taken_and_not_one_more(alice: Account, world: World) -> None:
    many = [event(world, eventid=f"event {number}") for number in range(1_000)]
    answer = alice.post("/triggers", many)
    assert {item["result"] for item in answer.json()["items"]} == {"created"}
    assert Occurrence.objects.count() == 1_000
    for wrong in ([*many, event(world)], []):
        refused = alice.post("/triggers", wrong)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body")


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"triggerUtc": 1795338000}, "triggerUtc", "seconds or milliseconds"),
        ({"triggerUtc": "1795338000000"}, "triggerUtc", "seconds or milliseconds"),
        ({"triggerUtc": None}, "triggerUtc", "not text"),
        ({"triggerUtc": "Sun, 22 Nov 2026 09:00:00 EST"}, "triggerUtc", "abbreviation"),
        ({"functiontorun": "looog"}, "functiontorun", "no handler called 'looog'"),
        ({"functiontorun": None}, "functiontorun", "missing"),
        ({"functiontorun": 5}, "functiontorun", "not text"),
        ({"eventid": ""}, "eventid", "empty"),
        ({"eventid": "x" * 201}, "eventid", "201 characters"),
        ({"eventid": 42}, "eventid", "not text"),
        ({"timezone": "EST"}, "timezone", "abbreviation"),
        ({"payload": [1]}, "payload", "not a JSON object"),
        ({"payload": {"x": "y" * 70_000}}, "payload", "65,536"),
        ({"vapidKey": 5}, "vapidKey", "kept as JSON"),
        ({"status": 1}, "status", "not text"),
        ({"event_id": "42"}, "event_id", "both are given"),
        ({"triggerUTC": "x"}, "triggerUTC", "no such field"),
        ({"functiontorun": "webhook"}, "payload.url", "missing"),
        ({"functiontorun": "webhook", "payload": {"url": "https://example.com", "x": 1}}, "payload.x", "no such key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_as_it_was_spelled_and_nothing_is_written(
    alice: Account, world: World, wrong: dict[str, Any], field: str, said: str
) -> None:
    refused = alice.post("/triggers", event(world, **wrong))
    assert refused.status_code == 422
    errors = {error["field"]: error["problem"] for error in refused.json()["errors"]}
    assert said in errors[field]
    assert not Rule.objects.exists()
    assert not Entity.objects.exists()


def test_a_handler_that_knows_its_keys_alone_is_told_by_its_entity(alice: Account, world: World) -> None:
    hook = {"url": "https://example.com/hook", "data": {"title": "Begins"}}
    made = alice.post("/triggers", event(world, functiontorun="webhook", payload=hook))
    assert made.status_code == 201
    assert Occurrence.objects.get().payload == hook


def test_lists_are_filtered_and_go_on_page_by_page(alice: Account, world: World) -> None:
    alice.post("/triggers", [event(world, eventid=f"{number:02}") for number in range(5)])
    alice.post("/triggers", event(world, functiontorun="sendPush", eventid="00"))
    alice.delete("/triggers/log/03")
    assert len(alice.get("/triggers").json()["items"]) == 6
    assert [one["function"] for one in alice.get("/triggers?function=sendPush").json()["items"]] == [
        "sendPush"
    ]
    assert [one["event_id"] for one in alice.get("/triggers?status=withdrawn").json()["items"]] == ["03"]
    seen, path = [], "/triggers?status=active&limit=2"
    page = alice.get(path).json()
    while True:
        seen += [(one["function"], one["event_id"]) for one in page["items"]]
        if page["next"] is None:
            break
        page = alice.get(f"{path}&cursor={page['next']}").json()
    assert sorted(seen) == [*(("log", f"{number:02}") for number in (0, 1, 2, 4)), ("sendPush", "00")]
    assert alice.get("/triggers?status=nonsense").status_code == 422


def test_what_is_to_come_stands_for_an_event_before_whatever_was(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world))
    alice.post("/triggers", event(world, status="off"))
    alice.post("/triggers", event(world, triggerUtc=at(world, 2 * IN_AN_HOUR)))
    alice.post("/triggers", event(world, status="off"))
    assert alice.post("/triggers", event(world)).json()["result"] == "created"  # the first row lives again
    [only] = alice.get("/triggers").json()["items"]
    assert (only["status"], only["trigger_at"]) == (
        "active",
        alice.get("/triggers/log/42").json()["trigger_at"],
    )


def test_charlie_sees_and_moves_nothing_of_alices(alice: Account, charlie: Account, world: World) -> None:
    alice.post("/triggers", event(world))
    assert charlie.get("/triggers").json()["items"] == []
    for answer in (charlie.get("/triggers/log/42"), charlie.delete("/triggers/log/42")):
        assert answer.status_code == 404
    assert charlie.post("/triggers", event(world, status="off")).json()["trigger"] is None
    assert charlie.post("/triggers", event(world)).status_code == 201
    assert alice.get("/triggers/log/42").json()["status"] == "active"


def test_a_reading_key_posts_nothing(world: World) -> None:
    reader = account("bob", scope="read")
    assert reader.post("/triggers", event(world)).status_code == 403
    assert reader.get("/triggers").status_code == 200


def test_the_same_post_with_its_key_is_answered_again(alice: Account, world: World) -> None:
    posted = event(world)
    first = alice.post("/triggers", posted, Idempotency_Key="one")
    again = alice.post("/triggers", posted, Idempotency_Key="one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("body", [b"5", b'"text"', b"null", b"[[]]", b"{}"])
def test_what_is_no_trigger_is_refused(alice: Account, body: bytes) -> None:
    answer = alice.post("/triggers", body)
    refused = answer.status_code == 422 or [one["result"] for one in answer.json()["items"]] == ["refused"]
    assert refused
    assert not Occurrence.objects.exists()


def test_the_actor_is_the_account(alice: Account, world: World) -> None:
    alice.post("/triggers", event(world))
    assert Occurrence.objects.get().moves.get().actor == "user:alice"
    assert Occurrence.objects.get().due_at == (world.now + IN_AN_HOUR).astimezone(UTC)
