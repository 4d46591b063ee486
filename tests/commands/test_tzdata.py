"""Zone data is released anew while rows wait: what they were resolved with, what moves, and what stays."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from events import clock, operations
from events.management import database_checks
from events.management.findings import Status
from events.models import Entity, LoggedMove, Occurrence, Rule
from events.operations import EntityFacts
from events.queries.audit import audit_log
from events.queries.zone_data import compare_with_postgresql
from events.timing import TZDATA_VERSION, Fold, Gap, canonical_zones, resolve, zone
from tests.commands.conftest import csv_file, run
from tests.commands.releases import Release, clocks
from tests.engine.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Process
    from tests.harness.database import CommittedDatabase

OLD, NEW = "2001a", "2099z"
HOUR = timedelta(hours=1)
KATHMANDU = timedelta(hours=5, minutes=45)


@pytest.fixture
def now(committed_db: CommittedDatabase) -> datetime:
    return clock.now().replace(microsecond=0)


@pytest.fixture
def world(now: datetime) -> World:
    return World(now)


@pytest.fixture
def old(tmp_path: Path) -> Release:
    """The release before: Berlin's clocks were Kathmandu's, New York's Honolulu's, and Kyiv was called Kiev."""
    release = Release.copied(tmp_path / "old", OLD)
    release.like("Europe/Berlin", "Asia/Kathmandu")
    release.like("America/New_York", "Pacific/Honolulu")
    release.rename("Europe/Kyiv", "Europe/Kiev")
    return release


def people(world: World, **zones: str) -> None:
    facts = [EntityFacts("person", name, timezone, name.title()) for name, timezone in zones.items()]
    operations.put_entities(facts, origin=world.origin())


def unplanned(name: str, wall: datetime, **fields: Any) -> Rule:
    """A daily rule that nobody has planned yet, at this time of day."""
    values = {
        "audience_kind": "person", "start_date": wall.date() - timedelta(days=2), "local_time": wall.time(),
        "rrule": "FREQ=DAILY", "handler": "log",
    } | fields  # fmt: skip
    return Rule.objects.create(name=name, **values)


def due(rule: Rule | None = None) -> dict[tuple[str, datetime], datetime]:
    rows = Occurrence.objects.filter(state="SCHEDULED").order_by("due_at")
    rows = rows if rule is None else rows.filter(rule=rule)
    return {(row.timezone, row.slot): row.due_at for row in rows}


def really(slot: datetime, name: str) -> datetime:
    (found,) = resolve(slot, zone(name), gap=Gap.SHIFT, fold=Fold.FIRST)
    return found.due_at


def frozen() -> list[Any]:
    """Everything that a command might have written."""
    return [list(model.objects.order_by("pk").values()) for model in (Occurrence, LoggedMove, Entity, Rule)]


def test_what_an_old_release_planned_is_told_moved_once_and_stays_itself(
    manage: Process, world: World, old: Release
) -> None:
    people(world, berta="Europe/Berlin", rana="Asia/Kolkata")
    wall = (world.now + 12 * HOUR + KATHMANDU).replace(tzinfo=None)
    rule = unplanned("Nine", wall)
    planned = manage("plan", **old.environment)
    assert planned.returncode == 0, planned.stderr
    slots = [wall, wall + timedelta(days=1)]
    assert {key: at for key, at in due().items() if key[0] == "Europe/Berlin"} == {
        ("Europe/Berlin", slot): slot.replace(tzinfo=UTC) - KATHMANDU for slot in slots
    }
    assert set(Occurrence.objects.values_list("tzdata_version", flat=True)) == {OLD}
    rana = due_of("rana")
    before, keys = frozen(), set(Occurrence.objects.values_list("pk", "idempotency_key"))

    told = run("tzdata")
    assert frozen() == before
    first = really(slots[0], "Europe/Berlin")
    assert f"Punctual plans with tzdata {TZDATA_VERSION}.\n" in told.out
    assert (
        f"  'Nine' in Europe/Berlin: 2 occurrences moved, first that of {minute(slots[0])}: "
        f"{minute(slots[0] - KATHMANDU)} -> {minute(first)} UTC\n"
    ) in told.out
    assert f"{len(rana)} occurrences of other releases stay where they are, to be marked" in told.out
    assert f"Unsent occurrences were resolved: {2 + len(rana)} with tzdata {OLD}.\n" in told.out
    assert told.out.endswith("Nothing was written. To have it done: manage.py tzdata --apply\n")

    logged = LoggedMove.objects.count()
    applied = run("tzdata", "--apply", "--actor", "carol")
    assert f"tzdata {TZDATA_VERSION} has changed:\n" in applied.out
    assert f"Unsent occurrences were resolved: {2 + len(rana)} with tzdata {TZDATA_VERSION}.\n" in applied.out
    assert {slot: at for (name, slot), at in due(rule).items() if name == "Europe/Berlin"} == {
        slot: really(slot, "Europe/Berlin") for slot in slots
    }
    assert set(Occurrence.objects.values_list("pk", "idempotency_key")) == keys
    assert due_of("rana") == rana
    # Who moved says so; who holds is stamped without a word.
    assert LoggedMove.objects.count() == logged + 2
    move = LoggedMove.objects.filter(reason="moved").earliest("number")
    assert (move.actor, move.from_state, move.to_state) == ("user:carol", "SCHEDULED", "SCHEDULED")
    assert move.detail is not None
    assert move.detail["tzdata"] == [OLD, TZDATA_VERSION]
    assert move.detail["timezone"] == ["Europe/Berlin", "Europe/Berlin"]
    assert audit_log().total == 0

    after = frozen()
    again = run("tzdata", "--apply")
    assert "Nothing that is unsent moves.\n" in again.out
    assert "Nothing was written" not in again.out
    assert frozen() == after
    assert world_plans_nothing(world)


def due_of(name: str) -> list[datetime]:
    rows = Occurrence.objects.filter(entity__external_id=name, state="SCHEDULED").order_by("due_at")
    return list(rows.values_list("due_at", flat=True))


def minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def world_plans_nothing(world: World) -> bool:
    return world.plan() == 0


def test_what_the_new_release_makes_overdue_fires_late_and_what_was_sent_keeps_its_release(
    manage: Process, world: World, old: Release
) -> None:
    people(world, nora="America/New_York")
    # In three hours by Honolulu's clocks is two or three hours ago by New York's.
    wall = (world.now + 2 * HOUR - 10 * HOUR).replace(tzinfo=None)
    unplanned("Nine", wall)
    manage("plan", **old.environment)
    early = Occurrence.objects.earliest("due_at")
    sent = Occurrence.objects.exclude(pk=early.pk).earliest("due_at")
    operations.fire_now([sent.pk], why="the client waits", origin=world.origin())
    assert world.sweep() == 1

    run("tzdata", "--apply")
    early.refresh_from_db()
    assert (early.state, early.due_at) == ("SCHEDULED", really(early.slot, "America/New_York"))
    assert early.due_at < world.now
    assert world.sweep() == 1
    early.refresh_from_db()
    sent.refresh_from_db()
    assert (early.state, early.tzdata_version) == ("COMPLETED", TZDATA_VERSION)
    assert (sent.state, sent.tzdata_version, sent.due_at) == (
        "COMPLETED", OLD, sent.slot.replace(tzinfo=UTC) + 10 * HOUR,
    )  # fmt: skip
    assert audit_log().total == 0


def test_rows_in_flight_and_between_attempts_move_and_a_late_message_starts_nothing(
    manage: Process, world: World, old: Release
) -> None:
    people(world, berta="Europe/Berlin")
    unplanned("Nine", (world.now + KATHMANDU + HOUR).replace(tzinfo=None))
    manage("plan", **old.environment)
    world.now += HOUR
    (chunk,) = world.claim()
    pending = Occurrence.objects.get(state="PENDING")

    run("tzdata", "--apply")
    pending.refresh_from_db()
    assert (pending.state, pending.claim_token) == ("SCHEDULED", None)
    assert pending.due_at == really(pending.slot, "Europe/Berlin") > world.now
    assert world.run(chunk).not_started == 1
    move = pending.moves.get(reason="moved")
    assert (move.from_state, move.to_state, move.claim_token) == ("PENDING", "SCHEDULED", chunk.token)
    assert audit_log().total == 0


def test_a_rule_that_keeps_what_is_planned_moves_it_in_the_zone_that_it_was_planned_with(
    manage: Process, world: World, old: Release
) -> None:
    people(world, berta="Europe/Berlin", bruno="Europe/Berlin")
    wall = (world.now + 12 * HOUR + KATHMANDU).replace(tzinfo=None)
    rule = unplanned("Nine", wall, rrule="FREQ=DAILY;COUNT=4", on_move="keep")
    manage("plan", **old.environment)
    people(world, berta="Asia/Tokyo", bruno="America/New_York")
    slots = [wall, wall + timedelta(days=1)]
    assert list(due(rule)) == [("Europe/Berlin", slot) for slot in slots]

    assert "'Nine' in Europe/Berlin: 4 occurrences moved" in run("tzdata", "--apply").out
    assert due(rule) == {("Europe/Berlin", slot): really(slot, "Europe/Berlin") for slot in slots}
    assert "Nothing that is unsent moves." in run("tzdata").out


MOMENTS: dict[str, dict[str, Any]] = {
    "drawn": {"window": HOUR},
    "elapsed": {"rrule": "", "every": "PT12H"},
    "after completion": {"rrule": "", "every": "P1D", "every_from": "completion"},
}


@pytest.mark.parametrize("kind", MOMENTS)
@pytest.mark.parametrize("on_move", ["follow", "keep"])
def test_what_is_drawn_or_elapsed_follows_and_a_second_run_finds_nothing(
    manage: Process, world: World, old: Release, on_move: str, kind: str
) -> None:
    people(world, berta="Europe/Berlin")
    wall = (world.now + 12 * HOUR + KATHMANDU).replace(tzinfo=None)
    rule = unplanned("Some time", wall, on_move=on_move, **MOMENTS[kind])
    manage("plan", **old.environment)
    before = due(rule)
    run("tzdata", "--apply")
    moved = due(rule)
    if kind != "elapsed":
        assert moved == {
            (name, slot): at + (really(slot, name) - (slot - KATHMANDU).replace(tzinfo=UTC))
            for (name, slot), at in before.items()
        }
    else:  # twelve hours apart, without one twice
        moments = list(moved.values())
        assert {later - earlier for earlier, later in pairwise(moments)} == {12 * HOUR}
    assert audit_log().total == 0
    assert "Nothing that is unsent moves." in run("tzdata").out


@pytest.mark.parametrize("on_move", ["follow", "keep"])
def test_a_gap_and_a_fold_of_the_new_release_do_what_the_rules_say(
    manage: Process, world: World, tmp_path: Path, on_move: str
) -> None:
    """From half past eleven tomorrow until half past twelve the new clocks of Reykjavik jump; a month on, back."""
    people(world, rosa="Atlantic/Reykjavik")
    noon = datetime.combine(world.now.date() + timedelta(days=1), datetime.min.time()) + 12 * HOUR
    if noon.replace(tzinfo=UTC) - world.now < 14 * HOUR:
        noon += timedelta(days=1)
    once = {"rrule": "", "start_date": noon.date(), "on_move": on_move}
    skips, waits = (
        unplanned("skips", noon, gap="skip", **once),
        unplanned("waits", noon, gap="next_valid", **once),
    )
    run("plan")
    assert due() == {("Atlantic/Reykjavik", noon): noon.replace(tzinfo=UTC)}
    assert Occurrence.objects.count() == 2
    new = Release.copied(tmp_path / "new", NEW)
    new.put(
        "Atlantic/Reykjavik", clocks(f"AAA0BBB,J{julian(noon)}/11:30,J{(julian(noon) + 29) % 365 + 1}/12:30")
    )

    told = json.loads(manage("tzdata", "--apply", "--json", **new.environment).stdout)
    assert {(each["rule"], each["change"], each["rows"], each["after"]) for each in told["changes"]} == {
        ("skips", "withdrawn", 1, None),
        ("waits", "moved", 1, f"{(noon - HOUR / 2).isoformat()}Z"),
    }
    gone, moved = Occurrence.objects.get(rule=skips), Occurrence.objects.get(rule=waits)
    assert (gone.state, gone.reason) == ("CANCELLED", "superseded")
    assert gone.moves.latest("number").detail == {"tzdata": [TZDATA_VERSION, NEW]}
    assert moved.note.startswith("gap: 12:00 does not exist")
    # The release is taken back: so is what it did.
    run("tzdata", "--apply")
    assert set(Occurrence.objects.values_list("state", "due_at", "tzdata_version")) == {
        ("SCHEDULED", noon.replace(tzinfo=UTC), TZDATA_VERSION)
    }
    assert audit_log().total == 0


def julian(day: datetime) -> int:
    """The number of the day in a year without a leap day, as POSIX's Jn counts."""
    return day.replace(year=2027, day=min(day.day, 28) if day.month == 2 else day.day).timetuple().tm_yday


def test_renamed_zones_get_their_own_names_and_both_spellings_go_on(
    manage: Process, world: World, old: Release, tmp_path: Path
) -> None:
    csv = csv_file(tmp_path, "external_id,timezone\nolena,Europe/Kyiv\npetro,Europe/Kiev\nyuri,US/Eastern\n")
    manage("import_entities", csv, **old.environment)
    unplanned("Fixed", (world.now + 12 * HOUR).replace(tzinfo=None), timezone="Europe/Kiev")
    own = unplanned("Own", (world.now + 12 * HOUR).replace(tzinfo=None))
    manage("plan", **old.environment)
    assert set(Entity.objects.values_list("external_id", "timezone")) == {
        ("olena", "Europe/Kiev"), ("petro", "Europe/Kiev"), ("yuri", "America/New_York"),
    }  # fmt: skip
    before = due(own)
    told = run("tzdata").out
    rows = Occurrence.objects.filter(timezone="Europe/Kiev").count()
    assert (
        f"Europe/Kiev is to be kept as Europe/Kyiv now: 2 entities, 1 rule, {rows} unsent occurrences.\n"
        in told
    )
    finding = database_checks.releases(world.now)
    assert finding.status is Status.WARN
    assert "Europe/Kiev is kept as Europe/Kyiv now" in finding.says
    assert (
        f"{Occurrence.objects.count()} rows were resolved with tzdata {OLD}, {TZDATA_VERSION} is installed"
        in (finding.says)
    )
    assert "manage.py tzdata" in finding.next_step

    run("tzdata", "--apply")
    assert not Entity.objects.filter(timezone="Europe/Kiev").exists()
    assert not Occurrence.objects.filter(timezone="Europe/Kiev").exists()
    assert Rule.objects.get(name="Fixed").timezone == "Europe/Kyiv"
    kyiv = {slot: at for (name, slot), at in before.items() if name == "Europe/Kiev"}
    assert {slot: at for (name, slot), at in due(own).items() if name == "Europe/Kyiv"} == kyiv
    assert not LoggedMove.objects.filter(reason="moved", occurrence__timezone="Europe/Kyiv").exists()
    finding = database_checks.releases(world.now)
    assert (finding.status, finding.says) == (
        Status.OK, f"All that is unsent was resolved with tzdata {TZDATA_VERSION}.",
    )  # fmt: skip
    assert "Nothing that is unsent moves." in run("tzdata").out


def test_a_zone_that_nobody_knows_is_named_and_left_to_people(world: World) -> None:
    people(world, ana="Europe/Lisbon")
    Entity.objects.update(timezone="Atlantis/Capital")
    rule = unplanned("Nine", world.now.replace(tzinfo=None))
    told = run("tzdata", "--apply")
    assert (
        f"'Atlantis/Capital' is no zone of tzdata {TZDATA_VERSION} (1 entity, 0 rules, 0 unsent" in told.out
    )
    assert "1 rule could not be planned; all others were looked at.\n- 'Nine': timezone: " in told.refused
    finding = database_checks.releases(world.now)
    assert (finding.status, "Atlantis/Capital" in finding.says) == (Status.WARN, True)
    assert rule.occurrence_set.count() == 0


def test_a_rule_that_cannot_be_planned_stops_no_other(manage: Process, world: World, old: Release) -> None:
    people(world, berta="Europe/Berlin")
    wall = (world.now + 12 * HOUR + KATHMANDU).replace(tzinfo=None)
    broken, sound = unplanned("Broken", wall), unplanned("Sound", wall)
    manage("plan", **old.environment)
    Rule.objects.filter(pk=broken.pk).update(rrule="FREQ=NEVER")
    before = due(broken)
    for arguments in ((), ("--apply",)):
        told = run("tzdata", *arguments)
        assert "1 rule could not be planned; all others were looked at.\n- 'Broken': " in told.refused
        assert "'Sound' in Europe/Berlin: 2 occurrences moved" in told.out
    assert due(broken) == before
    assert list(due(sound).values()) == [really(slot, "Europe/Berlin") for _, slot in due(sound)]


def test_paused_rules_move_and_retired_ones_have_nothing_to_move(
    manage: Process, world: World, old: Release
) -> None:
    people(world, berta="Europe/Berlin")
    wall = (world.now + 12 * HOUR + KATHMANDU).replace(tzinfo=None)
    paused, retired = unplanned("Paused", wall), unplanned("Retired", wall)
    manage("plan", **old.environment)
    operations.pause_rule(paused, origin=world.origin())
    operations.retire_rule(retired, why="over", origin=world.origin())
    told = json.loads(run("tzdata", "--apply", "--json").out)
    assert [(each["rule"], each["rows"], each["change"]) for each in told["changes"]] == [
        ("Paused", 2, "moved")
    ]
    assert (told["applied"], told["tzdata"], told["hold"], told["broken"]) == (True, TZDATA_VERSION, 0, {})
    assert told["unsent"] == {TZDATA_VERSION: 2}


def test_in_an_empty_installation_there_is_nothing_to_do(world: World) -> None:
    told = run("tzdata")
    assert "Nothing that is unsent moves.\nNothing is unsent.\n" in told.out
    assert "Nothing was written" not in told.out


def test_postgresql_is_compared_at_every_change_of_every_zone(db: None) -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    found = compare_with_postgresql(at)
    assert (found.zones, found.missing) == (len(canonical_zones()), ())
    for each in found.different:
        assert each.ours == each.at.astimezone(zone(each.zone)).replace(tzinfo=None)
        assert each.theirs == asked(each.zone, each.at) != each.ours


def test_a_zone_of_other_clocks_differs_from_the_next_instant_or_its_change_on(
    manage: Process, now: datetime, tmp_path: Path
) -> None:
    release = Release.copied(tmp_path / "new", NEW)
    release.like("Asia/Tokyo", "Asia/Kathmandu")
    begins = datetime(now.year, 4, 10, tzinfo=UTC)  # the next one that is not here yet
    begins = begins if begins > now + timedelta(days=2) else begins.replace(year=now.year + 1)
    ends = begins + timedelta(days=60)
    release.put("Pacific/Palau", clocks(f"<+09>-9<+10>,J{julian(begins)}/0,J{julian(ends)}/0"))
    release.put("Pacific/Nauru", clocks("<+12>-12"))
    told = json.loads(manage("tzdata", "--json", **release.environment).stdout)["postgresql"]
    found = {each["zone"]: each for each in told["different"]}
    assert abs(datetime.fromisoformat(found["Asia/Tokyo"]["at"]) - now) < HOUR
    tokyo = datetime.fromisoformat(found["Asia/Tokyo"]["theirs"])
    assert tokyo - datetime.fromisoformat(found["Asia/Tokyo"]["ours"]) == 9 * HOUR - KATHMANDU
    # Summer time, which begins at this very second.
    at = datetime.fromisoformat(found["Pacific/Palau"]["at"])
    assert at + 9 * HOUR == begins
    assert datetime.fromisoformat(found["Pacific/Palau"]["ours"]) == at.replace(tzinfo=None) + 10 * HOUR
    assert "Pacific/Nauru" not in found
    said = manage("tzdata", **release.environment).stdout
    assert "What fires is right: Punctual never asks PostgreSQL for local times." in said
    assert f"  Asia/Tokyo: at {found['Asia/Tokyo']['at'][:10]}" in said


def asked(name: str, at: datetime) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s AT TIME ZONE %s", [at, name])
        return cursor.fetchone()[0]  # type: ignore[no-any-return]  # timestamp
