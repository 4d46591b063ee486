"""`simulate`: what the real rules would fire, in words and for programs, and what became of it; nothing is written."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import connection

from events import operations
from events.management.commands import simulate as command
from events.models import Entity, Occurrence, Rule
from events.operations import Trigger
from events.queries import simulations
from tests.commands.conftest import Process, run, terminal
from tests.engine.grouping import collecting, take
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.harness.database import CommittedDatabase

HOUR = timedelta(hours=1)
NIGHT = ("--from", "2025-03-08", "--to", "2025-03-11")


@pytest.fixture
def world(db: None) -> World:
    """Just before a night of change in New York, long before the database's own present."""
    return World(datetime(2025, 3, 7, 23, 59, 30, tzinfo=UTC))


def simulated(*arguments: object) -> list[dict[str, Any]]:
    ran = run("simulate", *arguments, "--json")
    assert ran.refused == ""
    rules: list[dict[str, Any]] = json.loads(ran.out)["rules"]
    return rules


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of ours."""
    tables = [model._meta.db_table for model in apps.get_app_config("events").get_models()]
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = cursor.fetchall()
    return found


def test_a_rule_is_told_by_slot_and_zone_with_what_the_night_did(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "Europe/Berlin", "carol": "Europe/Berlin"})
    world.rule(name="Nightly", local_time=time(2, 30), start_date=date(2025, 1, 1))
    said, count, *table = run("simulate", "--from", "2025-03-09", "--to", "2025-03-10").out.splitlines()
    assert (
        said
        == "Nightly: every day at 02:30 in each person's zone; in the spring gap at 03:30, for every person."
    )
    assert count == "  3 in all, at 2 moments, 1 of them noted."
    assert [re.split(" {2,}", line.strip()) for line in table] == [
        ["local", "zone", "UTC", "for", "note"],
        ["Sun 2025-03-09 02:30:00", "Europe/Berlin", "Sun 2025-03-09 01:30:00", "2 (such as Bob)"],
        ["Sun 2025-03-09 03:30:00", "America/New_York", "Sun 2025-03-09 07:30:00", "Alice",
            "gap: 02:30 does not exist, shifted to 03:30"],
    ]  # fmt: skip
    assert {
        line.index(cell)
        for line, cell in zip(table, ("UTC", "Sun 2025-03-09 01", "Sun 2025-03-09 07"), strict=True)
    } == {table[0].index("UTC")}


def test_programs_read_one_object(world: World) -> None:
    world.people({"alice": "America/New_York"})
    world.rule(name="Nightly", local_time=time(2, 30), start_date=date(2025, 1, 1), gap="skip", fold="both")
    ran = json.loads(
        run("simulate", "--from", "2025-11-02T00:00-04:00", "--to", "2025-11-02T02:00-05:00", "--json").out
    )
    assert (ran["from"], ran["to"], ran["zone"]) == ("2025-11-02T04:00:00Z", "2025-11-02T07:00:00Z", None)
    assert ran["rules"][0]["moments"] == []
    world.rule(name="In the fold", local_time=time(1, 30), start_date=date(2025, 1, 1), fold="both")
    told, _ = simulated("--from", "2025-11-02", "--to", "2025-11-03")
    assert told == {
        "id": Rule.objects.get(name="In the fold").pk, "rule": "In the fold", "for": "every person",
        "says": "every day at 01:30 in each person's zone; in the spring gap at 02:30; in the autumn fold both times",
        "state": "active", "remark": None, "total": 2,
        "moments": [
            {
                "slot": "2025-11-02T01:30:00", "timezone": "America/New_York", "due_at": f"2025-11-02T0{5 + n}:30:00Z",
                "local": f"2025-11-02T01:30:00-0{4 + n}:00", "entities": 1, "whose": "Alice",
                "note": f"fold: 01:30 happens twice, the {which} was taken",
            }
            for n, which in enumerate(("first", "second"))
        ],
    }  # fmt: skip


def test_it_is_what_planning_writes(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "Australia/Lord_Howe", "carol": "Pacific/Apia"})
    world.rule(name="a", local_time=time(2, 30), rrule="", cron="*/50 1-3 * * *", start_date=date(2025, 1, 1))
    world.rule(name="b", rrule="", every="PT7H", start_date=date(2025, 1, 1))
    world.rule(name="c", window=2 * HOUR, draws=3, spacing=timedelta(minutes=5), start_date=date(2025, 1, 1))
    span = (world.now, world.now + world.horizon)
    rows = [
        (row.rule.name, row.slot.isoformat(), row.timezone, f"{row.due_at.replace(tzinfo=None).isoformat()}Z")
        for row in Occurrence.objects.select_related("rule").order_by(
            "rule__name", "due_at", "timezone", "slot"
        )
    ]
    assert len(rows) > 30
    told = simulated("--from", span[0].isoformat(), "--to", span[1].isoformat())
    assert rows == [
        (rule["rule"], moment["slot"], moment["timezone"], moment["due_at"])
        for rule in told
        for moment in rule["moments"]
        for _ in range(moment["entities"])
    ]


def test_birthdays_on_29_february_year_by_year_in_every_zone(world: World) -> None:
    world.people({"leap": "Europe/Berlin", "twin": "Pacific/Auckland"}, birthday="1992-02-29")
    world.people({"other": "Europe/Berlin"}, birthday="not a date")
    Entity.objects.filter(external_id="twin").update(leap="forward")
    world.rule(name="Birthday", rrule="FREQ=YEARLY", anchor="birthday")
    (told,) = simulated("--from", "2025-01-01", "--to", "2029-01-01")
    assert [(m["slot"][:10], m["whose"], m["note"]) for m in told["moments"]] == [
        ("2025-02-28", "Leap", "leap: 29 February observed on 28 February"),
        ("2025-03-01", "Twin", "leap: 29 February observed on 1 March"),
        ("2026-02-28", "Leap", "leap: 29 February observed on 28 February"),
        ("2026-03-01", "Twin", "leap: 29 February observed on 1 March"),
        ("2027-02-28", "Leap", "leap: 29 February observed on 28 February"),
        ("2027-03-01", "Twin", "leap: 29 February observed on 1 March"),
        ("2028-02-29", "Twin", None),
        ("2028-02-29", "Leap", None),
    ]


def test_as_if_everybody_lived_in_one_zone(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "UTC"})
    world.rule(name="own", local_time=time(2, 30), start_date=date(2025, 1, 1))
    world.rule(name="fixed", local_time=time(2, 30), timezone="Asia/Tokyo", start_date=date(2025, 1, 1))
    ran = run(
        "simulate", "--from", "2025-10-05", "--to", "2025-10-06", "--zone", "pacific/auckland", "--json"
    )
    whole = json.loads(ran.out)
    assert (whole["zone"], whole["from"]) == ("Pacific/Auckland", "2025-10-04T11:00:00Z")
    fixed, own = whole["rules"]
    assert {m["timezone"] for m in fixed["moments"]} == {"Asia/Tokyo"}
    assert own["says"].startswith("every day at 02:30 in Pacific/Auckland")
    assert [(m["slot"], m["entities"]) for m in own["moments"]] == [("2025-10-05T02:30:00", 2)]
    (moved,) = simulated(
        "--from", "2025-09-28", "--to", "2025-09-29", "--zone", "Pacific/Auckland", "--rule", "own"
    )
    assert moved["moments"][0]["note"] == "gap: 02:30 does not exist, shifted to 03:30"
    assert set(Rule.objects.values_list("timezone", flat=True)) == {"", "Asia/Tokyo"}


def test_random_moments_are_those_that_are_drawn(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "UTC"})
    world.rule(name="random", window=8 * HOUR, draws=2, spacing=HOUR, start_date=date(2025, 3, 8))
    drawn = set(Occurrence.objects.values_list("entity__name", "due_at"))
    (told,) = simulated("--from", "2025-03-08", "--to", "2025-03-09T12:00")
    seen = {(m["whose"], datetime.fromisoformat(m["due_at"])) for m in told["moments"]}
    span = (datetime(2025, 3, 8, tzinfo=UTC), datetime(2025, 3, 9, 12, tzinfo=UTC))
    assert seen == {(name, due_at) for name, due_at in drawn if span[0] <= due_at < span[1]}
    assert len(seen) >= 4
    assert told["remark"] == "Its moments are random; these are the ones that are drawn."


def test_what_counts_from_completion_knows_the_next_one_alone(world: World) -> None:
    world.people({"alice": "America/New_York"})
    rule = world.rule(
        name="after", rrule="", every="PT6H", every_from="completion", start_date=world.now.date()
    )
    (told,) = simulated(*NIGHT)
    assert told["total"] == 1
    assert (
        told["remark"] == "It counts from the end of the one before, so only the next one of each is known."
    )
    row = Occurrence.objects.get(rule=rule)
    assert told["moments"][0]["due_at"] == f"{row.due_at:%Y-%m-%dT%H:%M:%SZ}"
    assert simulated("--from", "2025-03-01", "--to", "2025-03-02")[0]["total"] == 0
    (compared,) = simulated(*NIGHT, "--diff")
    assert "diff" not in compared


def test_a_paused_rule_says_so_and_a_retired_one_is_not_there(world: World) -> None:
    world.people({"alice": "UTC"})
    rule = world.rule(name="resting")
    operations.pause_rule(rule, origin=world.origin())
    assert "  It is paused: nothing of it starts before it is resumed.\n" in run("simulate", *NIGHT).out
    operations.retire_rule(rule, why="it is over", origin=world.origin())
    assert run("simulate", *NIGHT).out == "There is no live rule, so nothing would fire.\n"
    assert run("simulate", *NIGHT, "--rule", "resting").refused == (
        "--rule: 'resting' is retired, so nothing of it fires. Choose a live rule."
    )


def test_a_rule_that_cannot_be_planned_says_why_and_stops_no_other(world: World) -> None:
    world.people({"alice": "UTC"})
    broken = world.rule(name="broken")
    world.rule(name="sound")
    Rule.objects.filter(pk=broken.pk).update(rrule="FREQ=NEVER")
    told = simulated(*NIGHT, "--diff")
    assert told[0]["remark"].startswith("It cannot be planned: rrule: FREQ='NEVER' is not valid.")
    assert (told[0]["total"], told[1]["total"]) == (0, 3)


def test_a_local_time_is_that_of_the_one_zone_that_the_rule_has(world: World) -> None:
    alice = world.person("alice", "America/New_York")
    world.rule(name="hers", entity=alice)
    world.rule(name="tokyo", timezone="Asia/Tokyo")
    assert (
        json.loads(run("simulate", *NIGHT, "--rule", "hers", "--json").out)["from"] == "2025-03-08T05:00:00Z"
    )
    assert (
        json.loads(run("simulate", *NIGHT, "--rule", "tokyo", "--json").out)["from"] == "2025-03-07T15:00:00Z"
    )
    assert json.loads(run("simulate", *NIGHT, "--json").out)["from"] == "2025-03-08T00:00:00Z"


def test_what_is_too_much_for_a_screen_is_cut_but_not_what_a_policy_touched(world: World) -> None:
    world.people({"alice": "America/New_York"})
    world.rule(name="hourly", rrule="FREQ=DAILY;BYHOUR=0,1,2,3", start_date=date(2025, 1, 1))
    lines = run("simulate", "--from", "2025-02-20", "--to", "2025-03-20").out.splitlines()
    assert lines[-1] == "  … and 90 more: --json shows all of them."
    assert "gap: 02:00 does not exist" in lines[-2]


def test_a_rule_that_fires_for_nobody_is_told_too(world: World) -> None:
    world.people({"alice": "UTC"}, birthday="1992-02-29")
    world.rule(name="Birthday", rrule="FREQ=YEARLY", anchor="birthday")
    Entity.objects.update(attributes={})
    assert run("simulate", "--from", "2025-01-01", "--to", "2029-01-01").out.endswith(
        "  0 in all, at 0 moments.\n"
    )


# --- nothing is written --------------------------------------------------------------------------------------------
def test_nothing_is_written(world: World) -> None:
    world.people({"alice": "America/New_York", "bob": "UTC"}, birthday="1992-02-29")
    world.rule(name="a", rrule="FREQ=YEARLY", anchor="birthday")
    world.rule(name="b", window=2 * HOUR)
    world.rule(name="c", rrule="", every="PT6H", every_from="completion", start_date=world.now.date())
    world.tick()
    before = everything()
    for arguments in (
        [],
        ["--json"],
        ["--diff"],
        ["--zone", "Pacific/Apia"],
        ["--rule", "a", "--diff", "--json"],
    ):
        assert run("simulate", "--from", "2024-01-01", "--to", "2026-01-01", *arguments).refused == ""
    assert everything() == before


# --- bounds and mistakes -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["--from", "2025-03-09", "--to", "2025-03-08"], "--to: 2025-03-08T00:00:00+00:00 is not after --from"),
        (["--from", "2025-03-09", "--to", "2025-03-09"], "--to: "),
        (["--from", "soon", "--to", "2025-03-08"], "--from: 'soon' is not a date or time that exists"),
        (["--from", "2025-02-30", "--to", "2025-03-08"], "--from: '2025-02-30' is not a date or time that exists"),
        (["--from", "2025-03-09", "--to", "10000-01-01"], "--to: '10000-01-01' is not a date or time"),
        (["--from", "0001-01-01", "--to", "2025-01-01"], "--from: the year 1 is too far away. Give one from 1900 to"),
        (["--from", "2025-01-01", "--to", "9999-12-31"], "--to: the year 9999 is too far away."),
        (["--from", "1900-01-01", "--to", "2025-01-01"], "--to: the span has 45,656 days. Keep it to 36,525"),
        ([*NIGHT, "--zone", "EST"], "timezone: 'EST' is an abbreviation"),
        ([*NIGHT, "--zone", "UTC", "--diff"], "--zone: people fired where they live, so there is nothing to compare."),
        ([*NIGHT, "--rule", "Nien"], "--rule: no rule is called 'Nien'"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_in_a_sentence(db: None, arguments: list[str], refused: str) -> None:
    assert run("simulate", *arguments).refused.startswith(refused)


def test_more_than_can_be_worked_out_is_refused_before_a_line_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.people({f"p{number}": "UTC" for number in range(30)})
    world.rule(
        name="seconds",
        rrule="FREQ=SECONDLY",
        start_date=date(2025, 1, 1),
        window=None,
        entity=Entity.objects.first(),
    )
    assert simulations.MOST_MOMENTS == 250_000
    monkeypatch.setattr(simulations, "MOST_MOMENTS", 25_000)
    ran = run("simulate", "--from", "2025-03-08", "--to", "2025-03-11")
    assert (ran.out, ran.refused[:40]) == ("", "--from and --to: the rules would fire ab")
    assert "at most\n5,000,000 times and 25,000 moments" in ran.refused
    world.rule(name="daily", start_date=date(2025, 1, 1))
    assert run("simulate", *NIGHT, "--rule", "daily").refused == ""
    monkeypatch.setattr(simulations, "MOST_ROWS", 89)
    assert "would fire about 90 times" in run("simulate", *NIGHT, "--rule", "daily").refused


def test_who_watches_sees_a_bar(world: World) -> None:
    with terminal() as (screen, said):
        with command._watched(screen, 2) as tell:
            tell()
        assert "Simulating" in said()
    quiet = StringIO()
    with command._watched(quiet, 2) as tell:
        tell()
    assert quiet.getvalue() == ""


def test_as_a_process_it_speaks_on_standard_output_alone(
    committed_db: CommittedDatabase, manage: Process
) -> None:
    world = World(datetime(2025, 3, 7, 23, 59, 30, tzinfo=UTC))
    world.people({"alice": "America/New_York"})
    world.rule(name="Nine")
    told = manage("simulate", *NIGHT)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Nine: every day at 09:00 in each person's zone")
    refused = manage("simulate", "--from", "2025-03-08", "--to", "x")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("CommandError: --to: 'x' is not a date or time that exists")


def test_moments_that_are_given_one_by_one_are_not_worked_out_and_stop_no_other_rule(world: World) -> None:
    world.person("alice", "Europe/Berlin")
    daily = world.rule(name="Daily", local_time=time(9), start_date=date(2025, 1, 1))
    operations.put_triggers([Trigger("log", "42", world.now + HOUR)], owner=None, origin=world.origin())
    collecting(world, handler="log")
    take(world)
    assert [(rule["id"], rule["total"]) for rule in simulated(*NIGHT)] == [(daily.pk, 3)]
    assert [rule["id"] for rule in simulated(*NIGHT, "--diff")] == [daily.pk]
    for name, when in (("trigger log", "one of its triggers says"), ("UPLOAD", "one of its groups says")):
        ran = run("simulate", *NIGHT, "--rule", name)
        assert f"the moments of '{name}' are given one by one, whenever {when}" in ran.refused
