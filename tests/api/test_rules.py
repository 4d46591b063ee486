"""Rules by the keys of configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from events.models import Occurrence, Rule
from tests.api.conftest import Account

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db

ANN = {"kind": "person", "external_id": "ann"}
DAILY = {
    "name": "tea", "entity": ANN, "start_date": "2030-01-01", "local_time": "16:00", "rrule": "FREQ=DAILY",
    "handler": "log", "payload": {"text": "Tea?", "cups": 2, "of": [1.5, None, True, "true", "5"]},
}  # fmt: skip


@pytest.fixture
def ann(alice: Account) -> Account:
    """Alice, who has a person called ann in Berlin."""
    assert alice.put("/entities/person/ann", {"timezone": "Europe/Berlin"}).status_code == 201
    return alice


def fields(refused: Any) -> list[str]:
    assert refused.status_code == 422, refused.content
    return [error["field"] for error in refused.json()["errors"]]


def test_a_rule_says_back_what_it_was_given_and_when_it_fires(ann: Account) -> None:
    made = ann.post("/rules", DAILY)
    assert (made.status_code, made["ETag"]) == (201, '"1"')
    told = made.json()
    assert {name: told[name] for name in DAILY} == DAILY
    assert told["when"].startswith("every day at 16:00 in Europe/Berlin")
    assert (told["state"], told["catch_up"], told["backoff_base"]) == ("active", "all", "PT10S")
    assert made["Location"] == f"/api/v1/rules/{told['id']}"
    assert ann.get(f"/rules/{told['id']}").json() == told
    assert Rule.objects.get().owner == ann.user


def test_a_phrase_stands_in_place_of_a_recurrence(ann: Account) -> None:
    said = {"name": "standup", "entity": ANN, "handler": "log", "phrase": "every weekday at 9am"}
    told = ann.post("/rules", said).json()
    assert (told["local_time"], told["rrule"]) == ("09:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
    changed = ann.patch(f"/rules/{told['id']}", {"phrase": "every friday at 17:00"}, If_Match='"1"').json()
    assert (changed["local_time"], changed["rrule"], changed["name"]) == (
        "17:00", "FREQ=WEEKLY;BYDAY=FR", "standup",
    )  # fmt: skip


def test_a_change_in_part_leaves_all_else_and_null_has_the_default(ann: Account, world: World) -> None:
    told = ann.post("/rules", {**DAILY, "start_date": world.now.date().isoformat(), "max_attempts": 3}).json()
    before = {row.pk: row.due_at for row in Occurrence.objects.all()}
    changed = ann.patch(f"/rules/{told['id']}", {"local_time": "17:30", "max_attempts": None}, If_Match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    new = changed.json()
    assert {name for name in new if new[name] != told[name]} == {
        "local_time", "max_attempts", "version", "updated_at", "when",
    }  # fmt: skip
    assert (new["local_time"], new["max_attempts"]) == ("17:30", 5)
    unsent = Occurrence.objects.filter(state="SCHEDULED")
    assert unsent
    assert {row.due_at.minute for row in unsent} == {30}
    assert before


@pytest.mark.parametrize("change", [{"cron": "30 9 * * *"}, {"phrase": "every friday at 17:00", "cron": "x"}])
def test_two_recurrences_at_once_are_refused(ann: Account, change: dict[str, Any]) -> None:
    made = ann.post("/rules", DAILY).json()
    refused = ann.patch(f"/rules/{made['id']}", change, If_Match='"1"')
    assert "cron" in fields(refused)[0]
    assert ann.get(f"/rules/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rrule": "FREQ=NEVER"}, "rrule"),
        ({"timezone": "EST"}, "timezone"),
        ({"handler": "pigeon"}, "handler"),
        ({"entity": {"kind": "person", "external_id": "bob"}}, "entity"),
        ({"entity": "ann"}, "entity"),
        ({"local_time": "9am"}, "local_time"),
        ({"local_time": 9}, "local_time"),
        ({"start_date": "2030-02-30"}, "start_date"),
        ({"max_attempts": "many"}, "max_attempts"),
        ({"max_attempts": 0}, "body"),
        ({"payload": []}, "payload"),
        ({"window": "an hour"}, "window"),
        ({"state": "paused"}, "state"),
        ({"owner": 1}, "owner"),
        ({"role": "reminder"}, "role"),
        ({"nmae": "tea"}, "nmae"),
        ({"name": ""}, "name"),
        ({"calendar": "holidays"}, "calendar"),
        ({"exdates": "2030-01-01"}, "exdates"),
        ({"phrase": "every now and then", "rrule": None, "start_date": None, "local_time": None}, "phrase"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(ann: Account, change: dict[str, Any], field: str) -> None:
    refused = ann.post("/rules", {**DAILY, **change})
    assert field in fields(refused)
    assert "\n" not in refused.json()["detail"]
    assert not Rule.objects.exists()


def test_all_that_cannot_be_read_is_told_at_once(ann: Account) -> None:
    refused = ann.post("/rules", {"nmae": "tea", "local_time": "9am", "payload": 5, "fold": "both"})
    assert fields(refused) == ["nmae", "local_time", "payload"]
    assert refused.json()["errors"][0]["remedy"] == "Did you mean name?"


def test_a_name_is_taken_within_an_account_alone(ann: Account, charlie: Account) -> None:
    assert ann.post("/rules", DAILY).status_code == 201
    assert ann.post("/rules", DAILY).status_code == 422
    charlie.put("/entities/person/ann", {"timezone": "UTC"})
    assert charlie.post("/rules", DAILY).status_code == 201


def test_a_rule_is_for_the_accounts_own_entities_alone(ann: Account, charlie: Account, world: World) -> None:
    world.person("eve", "Asia/Tokyo")
    assert fields(charlie.post("/rules", DAILY)) == ["entity"]
    charlie.put("/entities/person/dan", {"timezone": "UTC"})
    everybody = {
        **DAILY,
        "entity": None,
        "audience_kind": "person",
        "start_date": world.now.date().isoformat(),
    }
    made = charlie.post("/rules", everybody).json()
    assert set(Occurrence.objects.filter(rule=made["id"]).values_list("entity__external_id", flat=True)) == {
        "dan"
    }


def test_a_rule_rests_and_goes_on(ann: Account) -> None:
    rule = ann.post("/rules", DAILY).json()["id"]
    assert ann.post(f"/rules/{rule}/pause", {"reason": "holidays"}).json()["state"] == "paused"
    assert ann.post(f"/rules/{rule}/pause").json()["version"] == 2
    assert ann.get("/rules?state=paused").json()["items"][0]["id"] == rule
    assert ann.post(f"/rules/{rule}/resume").json()["state"] == "active"


def test_a_retired_rule_stays_to_be_looked_at_and_nothing_else(ann: Account) -> None:
    rule = ann.post("/rules", DAILY).json()["id"]
    assert ann.delete(f"/rules/{rule}").status_code == 428
    assert ann.delete(f"/rules/{rule}", If_Match='"7"').status_code == 412
    assert ann.delete(f"/rules/{rule}", If_Match='"1"').status_code == 204
    assert ann.get(f"/rules/{rule}").json()["state"] == "retired"
    assert ann.get(f"/rules/{rule}/next").json()["items"] == []
    for refused in (
        ann.patch(f"/rules/{rule}", {"name": "x"}, If_Match='"2"'),
        ann.post(f"/rules/{rule}/pause"),
        ann.post(f"/rules/{rule}/resume"),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
        assert "retired" in refused.json()["detail"]


def test_of_two_changes_with_one_version_one_is_refused(ann: Account) -> None:
    rule = ann.post("/rules", DAILY).json()["id"]
    codes = [ann.patch(f"/rules/{rule}", {"name": name}, If_Match='"1"').status_code for name in ("a", "b")]
    assert codes == [200, 412]
    assert ann.get(f"/rules/{rule}").json()["name"] == "a"


def test_the_next_firings_are_told_with_zone_and_instant(ann: Account) -> None:
    rule = ann.post("/rules", DAILY).json()["id"]
    told = ann.get(f"/rules/{rule}/next?limit=2").json()
    assert told["sentence"].startswith("every day at 16:00 in Europe/Berlin")
    assert [one["due_at"] for one in told["items"]] == ["2030-01-01T15:00:00Z", "2030-01-02T15:00:00Z"]
    assert told["items"][0]["local"] == "2030-01-01T16:00:00+01:00"
    assert not told["items"][0]["hidden"]


def test_of_random_moments_only_their_windows_are_told(ann: Account) -> None:
    rule = ann.post("/rules", {**DAILY, "window": "PT2H"}).json()["id"]
    (told,) = ann.get(f"/rules/{rule}/next?limit=1").json()["items"]
    assert (told["due_at"], told["local"], told["hidden"]) == (None, None, True)
    assert (told["opens"], told["closes"]) == ("2030-01-01T15:00:00Z", "2030-01-01T18:00:00+01:00")


def test_reminders_and_the_like_are_not_among_the_rules(ann: Account) -> None:
    rule = ann.post("/rules", DAILY).json()["id"]
    Rule.objects.update(role="reminder")
    assert ann.get("/rules").json()["items"] == []
    assert ann.get(f"/rules/{rule}").status_code == 404


def test_a_rule_may_be_given_as_icalendar_text(ann: Account) -> None:
    text = "DTSTART;TZID=Europe/Berlin:20300101T090000\nRRULE:FREQ=WEEKLY;COUNT=3"
    told = ann.post("/rules", {"name": "sync", "entity": ANN, "handler": "log", "ics": text}).json()
    assert (told["start_date"], told["local_time"], told["timezone"]) == (
        "2030-01-01", "09:00", "Europe/Berlin",
    )  # fmt: skip
    assert told["rrule"] == "FREQ=WEEKLY;COUNT=3"


def test_a_deep_payload_is_refused(ann: Account) -> None:
    deep: Any = 1
    for _ in range(60):
        deep = {"x": deep}
    assert fields(ann.post("/rules", {**DAILY, "payload": deep})) == ["payload"]
