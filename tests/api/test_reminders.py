"""Reminders over HTTP: said in many ways, echoed before they count, put off, done, and looked back at."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from events import operations, planning
from events.handling import Reject
from events.models import Entity, Occurrence, Rule, RuleRole
from handlers.log.models import Delivery
from tests.api.conftest import Account, account
from tests.engine import handlers
from tests.engine.world import World

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOTES = Path(__file__).parents[2] / "examples" / "notes"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def berlin(alice: Account, world: World) -> Account:
    """Alice, at home in Berlin."""
    alice.patch("/account", {"timezone": "Europe/Berlin"})
    return alice


def local(world: World, later: timedelta) -> str:
    """A wall time of UTC so much later."""
    return (world.now + later).strftime("%Y-%m-%dT%H:%M:%S")


def remind(who: Account, **given: Any) -> dict[str, Any]:
    answer = who.post("/reminders", {"text": "Call mom", **given})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def texts(who: Account) -> list[str]:
    return [one["text"] for one in who.get("/reminders").json()["items"]]


def fire(world: World, later: timedelta) -> None:
    world.now += later
    world.tick()


def test_a_reminder_is_said_back_in_words_with_zone_and_instant(berlin: Account) -> None:
    answer = berlin.post("/reminders", {"text": "Call mom", "at": "2099-07-01T09:00"})
    assert answer.status_code == 201
    told = answer.json()
    assert told["sentence"] == "once, on 2099-07-01 at 09:00 in Europe/Berlin; in the spring gap at 10:00"
    assert (told["due_at"], told["local"]) == ("2099-07-01T07:00:00Z", "2099-07-01T09:00:00+02:00")
    assert (told["for"], told["state"], told["handler"]) == (
        {"kind": "person", "external_id": "alice"},
        "active",
        "log",
    )
    assert (answer.headers["ETag"], answer.headers["Location"]) == ('"1"', f"/api/v1/reminders/{told['id']}")
    assert berlin.get(f"/reminders/{told['id']}").json() == told


def test_asked_beforehand_it_is_echoed_and_nothing_is_written(berlin: Account) -> None:
    answer = berlin.post(
        "/reminders", {"text": "Call mom", "phrase": "every friday at 18:00", "dry_run": True}
    )
    assert answer.status_code == 200
    told = answer.json()
    assert told["id"] is None
    assert "every Friday at 18:00 in Europe/Berlin" in told["sentence"]
    assert datetime.fromisoformat(told["local"]).strftime("%a %H:%M") == "Fri 18:00"
    assert not Rule.objects.exists()


def test_asked_beforehand_or_refused_not_even_the_account_gets_its_person(alice: Account) -> None:
    asked = {"text": "Call mom", "at": "2099-07-01T09:00", "dry_run": True}
    for key in ({}, {"Idempotency_Key": "one"}):
        assert alice.post("/reminders", asked, **key).json()["due_at"] == "2099-07-01T09:00:00Z"
    assert alice.post("/reminders", {"text": "Call mom", "at": "2009-07-01T09:00"}).status_code == 422
    assert not Entity.objects.exists()


def test_within_a_time_it_is_hidden_until_it_fires(alice: Account, world: World) -> None:
    told = remind(alice, within="3d")
    assert (told["hidden"], told["due_at"], told["local"]) == (True, None, None)
    closes = datetime.fromisoformat(told["closes"])
    assert timedelta(0) <= closes - (world.now + 3 * DAY) < timedelta(minutes=1)
    assert alice.get(f"/reminders/{told['id']}").json()["due_at"] is None
    assert [one["due_at"] for one in alice.get("/occurrences").json()["items"]] in ([], [None])
    assert Rule.objects.get().draws == 1


def test_the_note_of_later_is_a_reminder_within_its_duration(world: World) -> None:
    """A thought that comes back at a random time within the next 72 hours: once, to that user, with its message."""
    note = json.loads((NOTES / "later.json").read_text())
    foo = account(note["username"])
    told = remind(foo, text=note["msg"], within=note["duration"])
    for _ in range(73):
        fire(world, HOUR)
    delivery = Delivery.objects.get()
    assert (delivery.payload, delivery.entity_external_id) == ({"text": "hello"}, "foo")
    [past] = foo.get("/reminders/past").json()["items"]
    assert (past["text"], past["hidden"]) == ("hello", False)
    assert past["due_at"] is not None
    assert foo.get(f"/reminders/{told['id']}").json()["due_at"] is None


def test_the_note_of_reminders_is_a_phrase(world: World) -> None:
    note = json.loads((NOTES / "reminder.json").read_text())
    foo = account(note["user"])
    told = remind(foo, text=note["text"], phrase=note["repeat"])
    assert datetime.fromisoformat(told["local"]).strftime("%a %H:%M") == "Mon 09:00"


@pytest.mark.parametrize(
    "when",
    [
        {"at": "2099-07-01T09:00"}, {"at": "2099-07-01T09:00Z"}, {"at": "2099-07-01T09:00", "timezone": "Asia/Tokyo"},
        {"phrase": "tomorrow at 9am"}, {"rrule": "FREQ=YEARLY", "dtstart": "2099-07-01T09:00"}, {"cron": "0 9 * * *"},
        {"every": "P1D"}, {"every": "PT2H", "dtstart": "2099-07-01T09:00"}, {"within": "P3D"},
        {"within": "next 3 days"},
    ],
)  # fmt: skip
def test_when_may_be_said_in_each_way(alice: Account, when: dict[str, str]) -> None:
    told = remind(alice, **when)
    assert told["hidden"] or told["due_at"].endswith("Z")
    assert texts(alice) == ["Call mom"]


def test_it_may_be_for_anybody_of_the_account(alice: Account, charlie: Account) -> None:
    alice.put("/entities/person/bob", {"timezone": "Asia/Tokyo", "name": "Bob"})
    bob = {"kind": "person", "external_id": "bob"}
    told = remind(alice, **{"for": bob, "at": "2099-07-01T09:00"})
    assert (told["for"], told["local"]) == (bob, "2099-07-01T09:00:00+09:00")
    refused = charlie.post("/reminders", {"text": "Mine", "at": "2099-07-01T09:00", "for": bob})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "for")


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({}, "phrase", "does not say when"),
        ({"at": "2099-07-01T09:00", "within": "3d"}, "within", "exclude each other"),
        ({"at": "2009-07-01T09:00"}, "at", "is over"),
        ({"phrase": "whenever you like"}, "phrase", "whenever"),
        ({"within": "soon"}, "within", "soon"),
        ({"cron": "every day"}, "cron", "every day"),
        ({"at": "2099-07-01T09:00", "text": ""}, "text", "empty"),
        ({"at": "2099-07-01T09:00", "handler": "pigeon"}, "handler", "pigeon"),
        ({"at": "2099-07-01T09:00", "handler": "webhook"}, "payload.url", "missing"),
        ({"at": "2099-07-01T09:00", "timezone": "EST"}, "timezone", "abbreviation"),
        ({"at": "2099-07-01T09:00", "when": "x"}, "when", "no such field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_written(
    alice: Account, given: dict[str, str], field: str, said: str
) -> None:
    refused = alice.post("/reminders", {"text": "Call mom", **given})
    assert refused.status_code == 422
    errors = {error["field"]: error["problem"] for error in refused.json()["errors"]}
    assert said in errors[field]
    assert not Rule.objects.exists()


def test_an_edit_wants_the_version_that_was_seen(alice: Account) -> None:
    path = f"/reminders/{remind(alice, at='2099-07-01T09:00')['id']}"
    assert alice.patch(path, {"text": "Call dad"}).status_code == 428
    changed = alice.patch(path, {"text": "Call dad", "phrase": "every day at 18:00"}, If_Match='"1"')
    assert changed.status_code == 200
    told = changed.json()
    assert (told["text"], told["version"], changed.headers["ETag"]) == ("Call dad", 2, '"2"')
    assert "every day at 18:00" in told["sentence"]
    stale = alice.patch(path, {"text": "Too late"}, If_Match='"1"')
    assert (stale.status_code, texts(alice)) == (412, ["Call dad"])
    assert alice.patch(path, {"at": "2009-07-01T09:00"}, If_Match='"2"').status_code == 422
    assert alice.get(path).json() == told


def test_paused_it_rests_and_goes_on(alice: Account, world: World) -> None:
    path = f"/reminders/{remind(alice, at=local(world, HOUR))['id']}"
    assert alice.patch(path, {"paused": True}, If_Match='"1"').json()["state"] == "paused"
    fire(world, HOUR)
    assert not Delivery.objects.exists()
    resumed = alice.patch(path, {"paused": False, "text": "Now"}, If_Match='"2"')
    assert (resumed.json()["state"], resumed.headers["ETag"]) == ("active", '"4"')
    fire(world, timedelta(seconds=1))
    assert Delivery.objects.get().payload == {"text": "Now"}


def test_only_what_is_active_is_listed_and_what_fired_is_past(alice: Account, world: World) -> None:
    remind(alice, text="Soon", at=local(world, HOUR))
    remind(alice, text="Later", at=local(world, 400 * DAY))
    daily = remind(alice, text="Daily", every="P1D")
    assert texts(alice) == ["Soon", "Later", "Daily"]
    fire(world, HOUR)
    assert texts(alice) == ["Later", "Daily"]
    [past] = alice.get("/reminders/past").json()["items"]
    assert (past["text"], past["state"], past["snoozes"]) == ("Soon", "COMPLETED", [])
    planning.retire_ended(origin=world.origin())
    assert texts(alice) == ["Later", "Daily"]
    assert alice.post(f"/reminders/{daily['id']}/done").json()["state"] == "done"
    assert texts(alice) == ["Later"]
    assert len(alice.get("/reminders/past").json()["items"]) == 1


def test_what_waits_for_a_person_is_listed_and_says_so(
    alice: Account, world: World, settings: Settings
) -> None:
    handlers.answer(Reject("no such address"))
    remind(alice, at=local(world, HOUR), handler="idempotent")
    fire(world, HOUR)
    [told] = alice.get("/reminders").json()["items"]
    assert (told["waiting"], told["due_at"]) == ("FAILED", None)


def test_put_off_it_comes_later_and_the_past_tells_the_whole_chain(alice: Account, world: World) -> None:
    path = f"/reminders/{remind(alice, at=local(world, HOUR))['id']}"
    first = alice.post(f"{path}/snooze", {"until": local(world, 2 * HOUR), "reason": "busy"})
    assert first.status_code == 200
    assert first.json()["note"].startswith("snoozed from")
    assert alice.get(path).json()["snoozed"] is True
    second = alice.post(f"{path}/snooze", {"until": local(world, 3 * HOUR)}).json()
    fire(world, 2 * HOUR)
    assert not Delivery.objects.exists()
    fire(world, HOUR)
    [past] = alice.get("/reminders/past").json()["items"]
    assert past["id"] == second["id"]
    assert [(one["was_due_at"], one["until"], one["reason"]) for one in past["snoozes"]] == [
        (f"{local(world, -2 * HOUR)}Z", f"{local(world, -HOUR)}Z", "busy"),
        (f"{local(world, -HOUR)}Z", f"{local(world, timedelta(0))}Z", "by the API"),
    ]  # fmt: skip


def test_what_comes_in_a_month_is_put_off(alice: Account, world: World) -> None:
    made = alice.post("/reminders", {"text": "Rent", "at": local(world, 30 * DAY)}).json()
    put_off = alice.post(f"/reminders/{made['id']}/snooze", {"until": local(world, 31 * DAY)})
    assert put_off.status_code == 200
    assert put_off.json()["note"].startswith("snoozed from")
    assert alice.get(f"/reminders/{made['id']}").json()["snoozed"] is True


def test_the_series_does_not_shift_by_a_snooze(alice: Account, world: World) -> None:
    start = local(world, HOUR)
    reminder = remind(alice, rrule="FREQ=DAILY", dtstart=start)
    alice.post(f"/reminders/{reminder['id']}/snooze", {"until": local(world, 3 * HOUR)})
    fire(world, 3 * HOUR)
    following = alice.get(f"/reminders/{reminder['id']}").json()
    assert following["due_at"] == f"{local(world, DAY - 2 * HOUR)}Z"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "until"),
        ({"for": "1h", "until": "tomorrow at 9"}, "until"),
        ({"for": "soon"}, "for"),
        ({"until": "2009-01-01T00:00"}, "until"),
    ],
)
def test_a_snooze_that_is_not_understood_is_refused(
    alice: Account, world: World, body: dict[str, str], field: str
) -> None:
    reminder = remind(alice, at=local(world, HOUR))
    refused = alice.post(f"/reminders/{reminder['id']}/snooze", body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


def test_the_next_one_alone_is_skipped(alice: Account, world: World) -> None:
    reminder = remind(alice, rrule="FREQ=YEARLY", dtstart="2099-07-01T09:00")
    skipped = alice.post(f"/reminders/{reminder['id']}/skip-next", {"reason": "away"})
    assert (skipped.status_code, skipped.json()["state"]) == (200, "CANCELLED")
    assert alice.get(f"/reminders/{reminder['id']}").json()["due_at"] == "2100-07-01T09:00:00Z"


def test_deleted_or_done_it_says_so_and_takes_no_more(alice: Account) -> None:
    path = f"/reminders/{remind(alice, at='2099-07-01T09:00')['id']}"
    assert alice.delete(path).status_code == 428
    assert alice.delete(path, If_Match='"1"').status_code == 204
    assert alice.get(path).json()["state"] == "done"
    for answer in (
        alice.patch(path, {"text": "x"}, If_Match='"2"'),
        alice.post(f"{path}/skip-next"),
        alice.post(f"{path}/snooze", {"for": "1h"}),
    ):
        assert answer.status_code == 409


def test_pages_follow_each_other(alice: Account) -> None:
    for number in range(5):
        remind(alice, text=f"{number}", at="2099-07-01T09:00")
    first = alice.get("/reminders?limit=3").json()
    second = alice.get(f"/reminders?limit=3&cursor={first['next']}").json()
    assert [one["text"] for one in first["items"] + second["items"]] == list("01234")
    assert second["next"] is None


def test_charlie_sees_nothing_of_alices(alice: Account, charlie: Account, world: World) -> None:
    path = f"/reminders/{remind(alice, at=local(world, HOUR))['id']}"
    fire(world, HOUR)
    assert charlie.get("/reminders").json()["items"] == []
    assert charlie.get("/reminders/past").json()["items"] == []
    for answer in (
        charlie.get(path), charlie.patch(path, {"text": "x"}, If_Match='"1"'), charlie.delete(path, If_Match='"1"'),
        charlie.post(f"{path}/done"), charlie.post(f"{path}/skip-next"), charlie.post(f"{path}/snooze", {"for": "1h"}),
    ):  # fmt: skip
        assert answer.status_code == 404


def test_a_rule_is_no_reminder_and_a_reminder_no_rule(alice: Account, world: World) -> None:
    person = operations.own_person(alice.user, origin=world.origin())
    rule = world.rule(owner_id=alice.user.pk, entity=person)
    reminder = remind(alice, at="2099-07-01T09:00")
    assert alice.get(f"/reminders/{rule.pk}").status_code == 404
    assert alice.get(f"/rules/{reminder['id']}").status_code == 404
    assert Rule.objects.get(pk=reminder["id"]).role == RuleRole.REMINDER


def test_who_moves_takes_their_reminders_along(berlin: Account, world: World) -> None:
    reminder = remind(berlin, at="2099-07-01T09:00")
    berlin.patch("/account", {"timezone": "America/New_York"})
    told = berlin.get(f"/reminders/{reminder['id']}").json()
    assert told["due_at"] == "2099-07-01T13:00:00Z"
    assert "America/New_York" in told["sentence"]


def test_to_a_webhook_the_text_goes_as_data(alice: Account) -> None:
    hook = {"url": "https://example.com/hook"}
    told = remind(alice, at="2099-07-01T09:00", handler="webhook", payload=hook)
    assert (told["payload"], told["text"]) == ({**hook, "data": {"text": "Call mom"}}, "Call mom")


def test_the_handler_of_who_names_none_is_a_setting(alice: Account, settings: Settings) -> None:
    settings.PUNCTUAL_REMINDER_HANDLER = "idempotent"
    assert remind(alice, at="2099-07-01T09:00")["handler"] == "idempotent"


def test_the_persons_own_entity_is_made_on_the_first_reminder(alice: Account) -> None:
    assert not Entity.objects.exists()
    remind(alice, within="24 hours")
    own = Entity.objects.get()
    assert (own.owner_id, own.kind, own.external_id, own.timezone) == (
        alice.user.pk,
        "person",
        "alice",
        "UTC",
    )
    assert Occurrence.objects.get().entity == own
