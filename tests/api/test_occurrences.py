"""Occurrences: what comes, what was, their stories, and what nobody may know before it fires."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events import clock, queries
from events.handling import Reject
from events.models import Occurrence
from events.queries import hidden
from tests.api.conftest import Account
from tests.engine import handlers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

ANN = {"kind": "person", "external_id": "ann"}


@pytest.fixture
def ann(alice: Account) -> Account:
    """Alice, who has a person called ann in Berlin."""
    assert alice.put("/entities/person/ann", {"timezone": "Europe/Berlin"}).status_code == 201
    return alice


def a_rule(caller: Account, world: World, **more: Any) -> int:
    """A daily rule of the caller's, from yesterday on; its id."""
    given = {
        "name": "tea", "entity": ANN, "handler": "idempotent", "rrule": "FREQ=DAILY",
        "start_date": (world.now - timedelta(days=1)).date().isoformat(), "local_time": "16:00",
    }  # fmt: skip
    made = caller.post("/rules", given | more)
    assert made.status_code == 201, made.content
    return int(made.json()["id"])


def due_now(caller: Account, world: World, **more: Any) -> Occurrence:
    """One that is due at this very second."""
    rule = a_rule(
        caller,
        world,
        rrule="",
        timezone="UTC",
        start_date=(world.now + timedelta(days=1)).date().isoformat(),
        **more,
    )
    Occurrence.objects.filter(rule=rule).update(due_at=world.now, available_at=world.now)
    return Occurrence.objects.get(rule=rule)


def items(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_of_another_accounts_rule_nothing_is_listed_and_no_row_of_it_is_looked_at(
    ann: Account, charlie: Account, world: World
) -> None:
    rule = a_rule(ann, world)
    assert items(ann.get(f"/occurrences?rule={rule}"))
    with CaptureQueriesContext(connection) as asked:
        assert items(charlie.get(f"/occurrences?when=past&rule={rule}")) == []
    assert not [query["sql"] for query in asked if "events_occurrence" in query["sql"]]


def test_what_comes_is_told_from_the_nearest_on(ann: Account, world: World) -> None:
    rule = a_rule(ann, world)
    coming = items(ann.get("/occurrences?when=upcoming"))
    assert coming
    assert [one["due_at"] for one in coming] == sorted(one["due_at"] for one in coming)
    first = coming[0]
    assert first["rule"] == {"id": rule, "name": "tea", "role": "rule"}
    assert first["entity"] == ANN
    assert first["due_at"].endswith("Z")
    assert datetime.fromisoformat(first["local"]) == datetime.fromisoformat(first["due_at"])
    assert first["local"][11:16] == first["slot"][11:16] == "16:00"
    assert not first["hidden"]


def test_lists_are_narrowed(ann: Account, world: World) -> None:
    tea = a_rule(ann, world)
    rest = a_rule(ann, world, name="rest", local_time="22:00")
    middle = items(ann.get("/occurrences?when=upcoming"))[1]["due_at"]
    assert {one["rule"]["id"] for one in items(ann.get(f"/occurrences?rule={tea}"))} == {tea}
    assert {one["rule"]["id"] for one in items(ann.get("/occurrences?entity=person/ann"))} == {tea, rest}
    assert items(ann.get("/occurrences?entity=person/bob")) == []
    assert items(ann.get("/occurrences?state=COMPLETED")) == []
    assert all(one["due_at"] >= middle for one in items(ann.get(f"/occurrences?due_after={middle}")))
    assert all(one["due_at"] < middle for one in items(ann.get(f"/occurrences?due_before={middle}")))
    for wrong, field in (("state=DONE", "state"), ("rule=x", "rule"), ("entity=ann", "entity"),
                         ("due_after=soon", "due_after"), ("when=now", "when")):  # fmt: skip
        refused = ann.get(f"/occurrences?{wrong}")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


def test_a_page_goes_on_where_the_one_before_ended_whatever_was_planned_meanwhile(
    ann: Account, world: World
) -> None:
    for minute in range(5):
        a_rule(ann, world, name=f"at {minute}", local_time=f"16:0{minute}", rrule="FREQ=DAILY;COUNT=2")
    every = [one["id"] for one in items(ann.get("/occurrences?when=upcoming"))]
    seen: list[int] = []
    cursor = ""
    for page in range(20):
        answer = ann.get(f"/occurrences?when=upcoming&limit=1{cursor}").json()
        seen += [one["id"] for one in answer["items"]]
        if page == 1:
            a_rule(ann, world, name="early", local_time="00:00", rrule="FREQ=DAILY;COUNT=3")
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert [one for one in seen if one in every] == every
    assert len(seen) == len(set(seen))


def test_a_story_tells_moves_and_attempts_and_nothing_of_the_machine(ann: Account, world: World) -> None:
    occurrence = due_now(ann, world)
    world.sweep()
    told = ann.get(f"/occurrences/{occurrence.pk}").json()
    assert told["state"] == "COMPLETED"
    assert [move["to_state"] for move in told["moves"]] == ["SCHEDULED", "PENDING", "PROCESSING", "COMPLETED"]
    assert [move["actor"] for move in told["moves"]] == ["user:alice", "engine", "worker", "worker"]
    assert [attempt["number"] for attempt in told["attempts"]] == [1]
    assert items(ann.get("/occurrences?when=past"))[0]["id"] == occurrence.pk


def test_what_has_not_started_is_cancelled_once(ann: Account, world: World) -> None:
    a_rule(ann, world)
    chosen = items(ann.get("/occurrences?when=upcoming"))[0]["id"]
    cancelled = ann.post(f"/occurrences/{chosen}/cancel", {"reason": "no tea today"})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "CANCELLED")
    again = ann.post(f"/occurrences/{chosen}/cancel")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    moves = ann.get(f"/occurrences/{chosen}").json()["moves"]
    assert [(move["reason"], move["why"]) for move in moves[1:]] == [
        ("cancelled", "no tea today"), ("refused", "by the API"),
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED"])
def test_a_dead_letter_is_replayed_or_settled(ann: Account, world: World, state: str) -> None:
    handlers.Idempotent.answer = staticmethod(lambda _: Reject("no such address"))
    dead = due_now(ann, world)
    world.sweep()
    assert items(ann.get("/occurrences?state=FAILED"))[0]["id"] == dead.pk
    assert ann.post(f"/occurrences/{dead.pk}/replay").json()["state"] == "RETRYING"
    assert ann.post(f"/occurrences/{dead.pk}/replay").status_code == 409
    world.now = clock.now()  # the replay went by the database's own time
    world.sweep()
    assert ann.post(f"/occurrences/{dead.pk}/resolve", {"state": "FAILED"}).status_code == 422
    settled = ann.post(f"/occurrences/{dead.pk}/resolve", {"state": state, "reason": "by phone"})
    assert (settled.status_code, settled.json()["state"]) == (200, state)
    assert ann.post(f"/occurrences/{dead.pk}/resolve", {"state": state}).status_code == 409


@pytest.fixture
def surprise(ann: Account, world: World) -> Occurrence:
    """Due tomorrow at a random moment between 10:00 and 18:00 in Berlin."""
    tomorrow = (world.now + timedelta(days=1)).date().isoformat()
    rule = a_rule(
        ann, world, name="surprise", rrule="", start_date=tomorrow, local_time="10:00", window="PT8H"
    )
    return Occurrence.objects.select_related("rule").get(rule=rule)


def test_a_random_moment_is_hidden_until_it_fires(ann: Account, world: World, surprise: Occurrence) -> None:
    told = ann.get(f"/occurrences/{surprise.pk}")
    body = told.json()
    assert (body["due_at"], body["local"], body["slot"], body["hidden"]) == (None, None, None, True)
    closes = datetime.fromisoformat(body["closes"])
    assert timedelta(0) < closes - surprise.due_at < timedelta(hours=8)
    secret = surprise.due_at.strftime("%H:%M:%S")
    assert secret not in told.content.decode()
    assert secret not in ann.get("/occurrences").content.decode()
    Occurrence.objects.update(due_at=world.now, available_at=world.now)
    world.sweep()
    assert ann.get(f"/occurrences/{surprise.pk}").json()["due_at"] is not None


def test_neither_its_place_nor_a_filter_tells_a_hidden_moment(
    ann: Account, world: World, surprise: Occurrence
) -> None:
    a_rule(ann, world, rrule="FREQ=HOURLY", start_date=surprise.slot.date().isoformat(), local_time="10:00")
    url = f"/occurrences/{surprise.pk}"
    closes = datetime.fromisoformat(ann.get(url).json()["closes"])
    answers = []
    for moment in (closes - timedelta(hours=7, minutes=59), closes - timedelta(minutes=1)):
        Occurrence.objects.filter(pk=surprise.pk).update(due_at=moment, available_at=moment)
        order = [one["id"] for one in items(ann.get("/occurrences?when=upcoming&limit=200"))]
        middle = (closes - timedelta(hours=4)).isoformat().replace("+00:00", "Z")
        before = [one["id"] for one in items(ann.get(f"/occurrences?due_before={middle}&limit=200"))]
        answers.append((order, before, ann.get(url).json()))
    assert answers[0] == answers[1]
    shown = [one["due_at"] or one["closes"] for one in items(ann.get("/occurrences?when=upcoming&limit=200"))]
    assert shown == sorted(shown)


def test_a_moment_that_a_person_chose_is_no_secret(ann: Account, surprise: Occurrence) -> None:
    Occurrence.objects.update(given=True)
    assert not ann.get(f"/occurrences/{surprise.pk}").json()["hidden"]


def test_a_zone_that_the_database_does_not_know_spoils_no_list(
    ann: Account, surprise: Occurrence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.queries.hidden._unknown_to_postgresql", lambda: ["Europe/Moon"])
    Occurrence.objects.filter(pk=surprise.pk).update(timezone="Europe/Moon")
    assert [row.pk for row in queries.find_occurrences(ann.user.pk, queries.Wanted())] == [surprise.pk]


@pytest.fixture
def zone_of_the_machine(tmp_path: Path) -> Iterator[str]:
    """A zone that this machine's own files have, and nobody else."""
    (tmp_path / "Moon").mkdir()
    with files("tzdata.zoneinfo").joinpath("UTC").open("rb") as utc:
        (tmp_path / "Moon" / "Base").write_bytes(utc.read())
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    hidden._unknown_to_postgresql.cache_clear()
    yield "Moon/Base"
    zoneinfo.reset_tzpath()
    hidden._unknown_to_postgresql.cache_clear()


def test_the_machines_own_zones_are_nobodys(db: None, zone_of_the_machine: str) -> None:
    assert zone_of_the_machine in zoneinfo.available_timezones()
    assert zone_of_the_machine not in hidden._unknown_to_postgresql()
