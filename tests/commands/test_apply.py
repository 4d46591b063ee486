"""`manage.py apply`: what a file declares comes true, all of it or nothing, after a look at what that means."""

from __future__ import annotations

import json
from datetime import date, time, timedelta
from typing import TYPE_CHECKING

import pytest

from events import operations
from events.models import Calendar, LoggedMove, Occurrence, Rule
from events.operations import StaleVersion, declared
from tests.commands.conftest import ROOT, run
from tests.commands.yaml_text import RULE, apply, make_so, meant, yaml_file

if TYPE_CHECKING:
    from pathlib import Path

    from events.operations.declared import Plan
    from tests.engine.world import World

pytestmark = pytest.mark.django_db


def rows() -> list[tuple[str, str]]:
    """State and reason of each row."""
    return list(Occurrence.objects.order_by("pk").values_list("state", "reason"))


def test_a_rule_is_created_with_its_rows_and_a_second_run_finds_nothing_to_do(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    assert apply(tmp_path, RULE).out == "create rule 'Rent': 2 rows written\n1 change made.\n"
    rule = Rule.objects.get()
    assert (rule.name, rule.start_date, rule.local_time) == ("Rent", date(2026, 1, 1), time(9))
    assert rows() == [("SCHEDULED", "planned")] * 2
    log = LoggedMove.objects.count()
    assert apply(tmp_path, RULE).out == "Nothing to do; 1 unchanged.\n"
    rule.refresh_from_db()
    assert (rule.version, LoggedMove.objects.count()) == (1, log)


def test_a_change_is_told_key_by_key_with_the_rows_that_it_moves_or_withdraws(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE)
    changed = RULE.replace("09:00", "10:30").replace(
        "handler: log", "handler: log\n        payload: {text: Hi}"
    )
    assert apply(tmp_path, changed).out.splitlines() == [
        "change rule 'Rent': 2 rows written, 2 rows cancelled",
        '    local_time: "09:00" -> "10:30"',
        '    payload.text: nothing -> "Hi"',
        "1 change made.",
    ]
    assert sorted(rows()) == [("CANCELLED", "superseded")] * 2 + [("SCHEDULED", "planned")] * 2
    moved = changed.replace("rrule:", "timezone: Asia/Tokyo\n        rrule:")
    assert apply(tmp_path, moved).out.startswith("change rule 'Rent': ")
    assert " moved" in apply(tmp_path, changed).out
    assert Rule.objects.get().version == 4


def test_long_texts_are_told_from_where_they_part(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    long = f"{RULE}        payload: {{text: {'a' * 500} old {'b' * 500}}}\n"
    apply(tmp_path, long)
    told = apply(tmp_path, long.replace("old", "new")).out.splitlines()[1]
    assert told == (f"    payload.text: …{'a' * 24} old {'b' * 71}… -> …{'a' * 24} new {'b' * 71}…")
    assert len(apply(tmp_path, long.replace("old", "new") + "        catch_up: skip\n").out) < len(told)


def test_a_rule_takes_another_way_to_be_repeated(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE)
    cron = RULE.replace("local_time: 09:00", "").replace("rrule: FREQ=DAILY", "cron: 0 9 * * *")
    assert apply(tmp_path, cron).out.splitlines() == [
        "change rule 'Rent'",
        '    local_time: "09:00" -> nothing',
        '    rrule: "FREQ=DAILY" -> nothing',
        '    cron: nothing -> "0 9 * * *"',
        "1 change made.",
    ]


def test_what_a_file_leaves_out_has_its_default_again(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE.replace("handler: log", "handler: log\n        grace: PT1H\n        catch_up: skip"))
    assert Rule.objects.get().grace == timedelta(hours=1)
    assert apply(tmp_path, RULE).out.splitlines()[1:3] == [
        '    grace: "PT1H" -> "PT5M"',
        '    catch_up: "skip" -> "all"',
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    text = (
        RULE
        + "        state: paused\n    calendars:\n      - name: Office\n        closed_weekdays: [SA, SU]\n"
    )
    lines = [
        "create calendar 'Office'",
        "create rule 'Rent': 2 rows written",
        "pause rule 'Rent'",
    ]
    assert apply(tmp_path, text, "--dry-run").out.splitlines() == [*lines, "3 changes to be made."]
    assert not any(model.objects.exists() for model in (Rule, Calendar, LoggedMove))
    assert apply(tmp_path, text).out.splitlines() == [*lines, "3 changes made."]


def test_without_a_terminal_nobody_is_asked_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    file = yaml_file(tmp_path, RULE)
    said = run("apply", file)
    assert said.out.splitlines()[-1] == "1 change to be made."
    assert said.refused == (
        "Nothing was written: there is no terminal to ask on. Say --yes to have it written, or --dry-run."
    )
    assert not Rule.objects.exists()
    run("apply", file, "--yes")
    assert run("apply", file).refused == ""  # nothing to be asked about


def test_json_tells_every_step_and_asks_nobody(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    told = json.loads(apply(tmp_path, RULE, "--yes", "--json").out)
    rows = {"written": 2, "moved": 0, "cancelled": 0, "released": 0}
    step = {"action": "create", "kind": "rule", "name": "Rent", "changes": [], "rows": rows}
    assert told == {"applied": True, "steps": [step], "unchanged": []}
    changed = RULE.replace("2026-01-01", "2026-01-02")
    told = json.loads(apply(tmp_path, changed, "--dry-run", "--json").out)
    assert told["applied"] is False
    assert told["steps"][0]["changes"] == [{"field": "start_date", "old": "2026-01-01", "new": "2026-01-02"}]
    assert "a program is not asked" in apply(tmp_path, changed, "--json").refused


def test_a_rule_is_paused_and_resumed_by_word_and_left_as_it_is_without(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE)
    operations.pause_rule(Rule.objects.get(), origin=world.origin())
    assert apply(tmp_path, RULE).out == "Nothing to do; 1 unchanged.\n"
    active = RULE + "        state: active\n"
    assert apply(tmp_path, active).out == "resume rule 'Rent'\n1 change made.\n"
    paused = RULE.replace("09:00", "08:00") + "        state: paused\n"
    assert apply(tmp_path, paused).out.splitlines()[0].startswith("change rule 'Rent': ")
    assert Rule.objects.get().state == "paused"


def test_a_retired_rule_does_not_come_back(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE)
    operations.retire_rule(Rule.objects.get(), why="over", origin=world.origin())
    assert (
        apply(tmp_path, RULE)
        .refused.splitlines()[1]
        .endswith(
            "line 4: rule 'Rent': name: the rule of this name is retired, and never fires again. "
            "Give the new one another name."
        )
    )


def test_prune_retires_what_no_file_declares_and_nothing_else_does(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    apply(tmp_path, RULE)
    other = RULE.replace("Rent", "Tea")
    assert apply(tmp_path, other).out == "create rule 'Tea': 2 rows written\n1 change made.\n"
    said = apply(tmp_path, other, "--prune", "--dry-run").out
    assert said == "retire rule 'Rent': 2 rows cancelled\n1 change to be made; 1 unchanged.\n"
    assert apply(tmp_path, "version: 1\ncalendars: []\n", "--prune", "--yes").out == "Nothing to do.\n"
    apply(tmp_path, other, "--prune", "--yes")
    assert dict(Rule.objects.values_list("name", "state")) == {"Rent": "retired", "Tea": "active"}
    assert set(LoggedMove.objects.filter(reason="rule_retired").values_list("detail__why", flat=True)) == {
        "no file declares it any more"
    }
    assert apply(tmp_path, other, "--prune", "--yes").out == "Nothing to do; 1 unchanged.\n"


def test_calendars_come_before_the_rules_that_name_them_and_move_their_rows(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    text = RULE.replace("handler:", "calendar: Office\n        roll: next\n        handler:")
    office = "    calendars:\n      - name: Office\n        closed_weekdays: [{days}]\n"
    assert apply(tmp_path, text + office.format(days="SU")).refused == ""
    assert Rule.objects.get().calendar == Calendar.objects.get()
    days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    closed = days[: world.now.weekday()] + days[world.now.weekday() + 1 :]
    said = apply(tmp_path, text + office.format(days=", ".join(closed))).out.splitlines()
    assert said[0].startswith("change calendar 'Office': ")
    assert said[1] == f'    closed_weekdays: ["SU"] -> {json.dumps(closed)}'
    assert said[2] == "1 change made; 1 unchanged."


def test_a_rule_is_examined_with_its_calendar_as_the_same_file_changes_it(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    text = RULE.replace("handler:", "calendar: Office\n        handler:")
    office = "    calendars:\n      - name: Office\n        closed_weekdays: [{}]\n"
    apply(tmp_path, text + office.format("SA"))
    sundays = text.replace("FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SA")
    assert "rule 'Rent': calendar: " in apply(tmp_path, sundays + office.format("SA")).refused
    assert apply(tmp_path, sundays + office.format("SU")).refused == ""


def test_several_files_are_one_and_nothing_of_them_is_written_if_one_rule_is_wrong(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    good = yaml_file(tmp_path, RULE, name="a.yaml")
    bad = yaml_file(tmp_path, RULE.replace("Rent", "Tea").replace("DAILY", "DALY"), name="b.yaml")
    said = run("apply", good, bad, "--yes")
    assert said.refused.splitlines()[1].startswith(f"- {bad}, line 8: rule 'Tea': rrule: 'FREQ=DALY'")
    assert not any(model.objects.exists() for model in (Rule, Occurrence))
    twice = yaml_file(tmp_path, RULE, name="b.yaml")
    assert (
        f"{twice}, line 4: rule 'Rent': name: it is declared in {good}, line 4 too"
        in run("apply", good, twice, "--yes").refused
    )


def test_what_somebody_changed_since_the_plan_is_not_overwritten(world: World) -> None:
    world.person(timezone="UTC")
    make_so(world, RULE)
    changed = RULE.replace("09:00", "10:00")
    plan = declared.foresee(meant(changed), prune=False, horizon=world.horizon, origin=world.origin())
    rule = Rule.objects.get()
    rule.payload = {"text": "Bob was here"}
    operations.change_rule(rule, horizon=world.horizon, origin=world.origin("user:bob"))
    before = rows()
    with pytest.raises(StaleVersion, match="rule 'Rent' has version 2 now, and version 1 was expected"):
        declared.make_so(
            meant(changed), prune=False, horizon=world.horizon, origin=world.origin(), foreseen=plan
        )
    assert (Rule.objects.get().local_time, rows()) == (time(9), before)


def test_what_came_or_went_since_the_plan_is_seen_too(world: World) -> None:
    world.person(timezone="UTC")

    def again(plan: Plan, *, prune: bool) -> None:
        declared.make_so(
            meant(RULE), prune=prune, horizon=world.horizon, origin=world.origin(), foreseen=plan
        )

    plan = declared.foresee(meant(RULE), prune=False, horizon=world.horizon, origin=world.origin())
    world.rule(name="Rent")
    with pytest.raises(StaleVersion, match="rule 'Rent' exists now, and did not before"):
        again(plan, prune=False)
    plan = declared.foresee(meant(RULE), prune=True, horizon=world.horizon, origin=world.origin())
    world.rule(name="Bob's")
    with pytest.raises(StaleVersion, match='rule "Bob\'s" exists now'):
        again(plan, prune=True)
    assert not Rule.objects.filter(state="retired").exists()


def test_old_rules_over_by_now_stay_unchanged_and_may_be_edited_in_other_respects(
    world: World, tmp_path: Path
) -> None:
    world.person(timezone="UTC")
    once = RULE.replace("        rrule: FREQ=DAILY\n", "").replace("2026-01-01", "2020-01-01")
    assert "is over, so it would never fire" in apply(tmp_path, once).refused
    rule = world.rule(name="Rent", rrule="", start_date=world.now.date() + timedelta(days=1))
    Rule.objects.filter(pk=rule.pk).update(start_date=date(2020, 1, 1))
    assert apply(tmp_path, once).out == "Nothing to do; 1 unchanged.\n"
    assert "max_attempts: 5 -> 7" in apply(tmp_path, once + "        max_attempts: 7\n").out


def test_a_rule_of_somebody_who_is_gone_stays_and_none_comes_to_them(world: World, tmp_path: Path) -> None:
    bob = world.person("bob", "UTC")
    text = RULE.replace("audience_kind: person", "entity: {kind: person, external_id: bob}")
    apply(tmp_path, text)
    operations.delete_entities([bob.pk], why="left", origin=world.origin())
    assert apply(tmp_path, text).out == "Nothing to do; 1 unchanged.\n"
    refused = apply(tmp_path, text.replace("Rent", "Tea")).refused
    assert "line 5: rule 'Tea': entity: there is no person 'bob'. Import it first" in refused


def test_the_example_is_taken_on_the_samples_people(db: None) -> None:
    run("load_sample")
    said = run("apply", ROOT / "examples" / "schedule.yaml", "--yes")
    assert said.out.splitlines()[-1] == "7 changes made."
    assert Rule.objects.get(name="Plants").state == "paused"
    again = run("apply", ROOT / "examples" / "schedule.yaml", "--yes")
    assert again.out == "Nothing to do; 6 unchanged.\n"
