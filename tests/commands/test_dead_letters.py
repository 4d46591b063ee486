"""`dead_letters`: listed, shown, put right, tried again, settled; by ids, by filters, or all."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from events import clock, operations
from events.handling import Reject
from events.lifecycle import State
from events.models import LoggedMove, Occurrence, Rule
from tests.commands.conftest import ROOT, Ran, run
from tests.engine import handlers
from tests.engine.conftest import bidden_handlers
from tests.engine.test_guards import put_into
from tests.engine.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.database import CommittedDatabase

__all__ = ["bidden_handlers"]


@pytest.fixture
def world(db: None) -> World:
    """A world at the database's present second: what is due at it is due now."""
    return World(clock.now().replace(microsecond=0))


def dead(world: World, count: int = 1, why: str = "no such address", **rule: Any) -> list[int]:
    """Rows whose handler said that they can never succeed."""
    handlers.Idempotent.answer = staticmethod(lambda _: Reject(why))
    ids = [
        row.pk
        for row in world.due(
            count, **{"name": "Doomed", "handler": "idempotent", "payload": {"to": "x"}} | rule
        )
    ]
    world.sweep()
    return ids


def unsure(world: World, name: str = "Unsure") -> int:
    row = world.due(name=name)[0]
    put_into(row, State.UNKNOWN, world)
    return row.pk


def letters(*arguments: object) -> Ran:
    return run("dead_letters", *arguments)


def states(ids: list[int]) -> set[str]:
    return set(Occurrence.objects.filter(pk__in=ids).values_list("state", flat=True))


# --- list, show ---


def test_the_list_names_each_with_why_it_died(world: World) -> None:
    first, last = dead(world, 2)
    name = dict(Occurrence.objects.values_list("pk", "entity__name"))  # a plan writes its rows in any order
    due = f"{world.now:%Y-%m-%d %H:%M:%S}"
    assert letters("list").out.splitlines() == [
        "id\tstate\trule\tfor\tdue, UTC\tattempts\twhy",
        f"{last}\tFAILED\tDoomed\t{name[last]}\t{due}\t1\tno such address",
        f"{first}\tFAILED\tDoomed\t{name[first]}\t{due}\t1\tno such address",
        "2 dead letters.",
    ]
    assert letters("list", "--limit", 1).out.splitlines()[1:] == [
        f"{last}\tFAILED\tDoomed\t{name[last]}\t{due}\t1\tno such address",
        "2 dead letters; 1 more: --limit shows them.",
    ]


def test_where_nothing_is_dead_the_list_says_so(world: World) -> None:
    assert letters("list").out == "0 dead letters.\n"
    assert json.loads(letters("list", "--json").out) == []


def test_the_list_is_narrowed_by_everything_that_is_said(world: World) -> None:
    row = dead(world)[0]
    other = unsure(world)

    def listed(*asked: object) -> list[int]:
        return [each["id"] for each in json.loads(letters("list", "--json", *asked).out)]

    assert listed() == listed("--all") == [other, row]
    assert listed("--state", "FAILED") == listed("--rule", "Doomed") == listed("--why", "ADDRESS") == [row]
    assert listed("--handler", "log") == listed("--state", "UNKNOWN") == listed(other) == [other]
    assert listed("--since", world.now.isoformat()) == [other, row]
    assert listed("--until", "2020-01-01T00:00Z") == listed("--since", "2100-01-01T00:00Z") == []
    assert listed("--rule", "Doomed", "--why", "nothing of the kind") == []
    assert listed("--limit", 1) == [other]


def test_a_program_reads_what_a_dead_letter_was_told(world: World) -> None:
    (row,) = dead(world)
    (told,) = json.loads(letters("list", "--json").out)
    assert told.pop("rule")["name"] == "Doomed"
    assert told.pop("due_at") == Occurrence.objects.get().due_at.isoformat()
    assert told == {
        "id": row, "state": "FAILED", "reason": "rejected", "attempts": 1, "failures": 1, "why": "no such address",
        "entity": {"kind": "person", "external_id": "p0", "name": "P0"}, "payload": {"to": "x"},
        "payload_from": "rule",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--rule", "Dooomed"), "Did you mean 'Doomed'?"),
        (("--since", "yesterday"), "--since: 'yesterday' is not a date and time that exists"),
        (
            ("--until", "2027-03-28T09:00"),
            "--until: 2027-03-28T09:00 is a local time, and there are many zones",
        ),
        (("--state", "DONE"), "invalid choice"),
        (("--limit", "0"), "argument --limit: '0' is no number of lines"),
        (("--limit", "-1"), "argument --limit: '-1' is no number of lines"),
        ((10**30,), ""),
    ],
)
def test_filters_that_mean_nothing_are_refused_with_a_remedy(
    world: World, asked: tuple[object, ...], said: str
) -> None:
    dead(world)
    assert said in letters("list", *asked).refused


def test_one_is_shown_with_its_story_and_its_payload(world: World) -> None:
    (row,) = dead(world)
    operations.amend([row], payload={"to": "Bob"}, why="typing error", origin=world.origin())
    shown = letters("show", row).out
    for line in (
        f"Occurrence {row}: FAILED, dead letter",
        "rule      Doomed (handler idempotent)",
        "payload   its own, given by a person:",
        '  "to": "Bob"',
        "an operator gave it a payload of its own (user:alice)",
        "    why: typing error",
        '    /to: "x" -> "Bob"',
        '    {"why": "no such address"}',
    ):
        assert line in shown
    told = json.loads(letters("show", row, "--json").out)
    assert told["moves"][-1]["changes"] == {"/to": ["x", "Bob"]}
    assert [(each["number"], each["outcome"]) for each in told["tries"]] == [(1, "rejected")]
    run("replay", row, "--reason", "again")
    letters("edit", row, "--payload", "{}", "--reason", "too late")
    assert "    verb: edit\n    state: RETRYING\n" in letters("show", row).out
    assert "There is no occurrence 0. See: manage.py dead_letters list." in letters("show", 0).refused
    assert "There is no occurrence" in letters("show", 10**30).refused


# --- edit ---


def test_payloads_are_edited_by_a_filter_after_a_dry_run_that_changes_nothing(world: World) -> None:
    ids = dead(world, 3)
    asked = ("edit", "--why", "no such", "--merge", '{"to": "Bob", "cc": 1}', "--reason", "typing error")
    listed = ", ".join(map(str, ids))
    before = LoggedMove.objects.count()
    assert letters(*asked, "--dry-run").out == f"3 occurrences would be edited: {listed}.\n"
    assert LoggedMove.objects.count() == before
    assert not Occurrence.objects.exclude(payload=None).exists()
    assert letters(*asked, "--actor", "carol").out == f"3 occurrences edited: {listed}.\n"
    assert list(Occurrence.objects.values_list("payload", flat=True)) == [{"to": "Bob", "cc": 1}] * 3
    assert set(LoggedMove.objects.filter(reason="amended").values_list("actor", "detail__why")) == {
        ("user:carol", "typing error")
    }


def test_a_whole_payload_comes_from_a_file_too(world: World, tmp_path: Path) -> None:
    (row,) = dead(world)
    file = tmp_path / "payload.json"
    file.write_text('{"to": "Zoë"}', encoding="utf-8")
    assert letters("edit", row, "--payload", f"@{file}", "--reason", "x").out.startswith(
        "1 occurrence edited"
    )
    assert Occurrence.objects.get().payload == {"to": "Zoë"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--payload", "{"), "--payload: Expecting property name"),
        (("--merge", "[1]"), "--merge: [1] is not an object"),
        (("--payload", "@/nowhere.json"), "--payload: [Errno 2] No such file"),
        (("--payload", "{}", "--merge", "{}"), "not allowed with argument"),
        ((), "one of the arguments --payload --merge is required"),
        (("--payload", '{"a": "\\u0000"}'), "- payload: it is not a JSON object that PostgreSQL can keep"),
        (("--payload", '{"a": NaN}'), "- payload: it is not a JSON object that PostgreSQL can keep"),
    ],
)
def test_what_is_no_payload_is_refused_with_a_remedy(world: World, given: tuple[str, ...], said: str) -> None:
    (row,) = dead(world)
    assert said in letters("edit", row, *given, "--reason", "x").refused
    assert Occurrence.objects.get().payload is None


# --- replay, resolve ---


def test_they_are_replayed_by_what_they_died_of(world: World) -> None:
    mended = dead(world, 12)
    broken = dead(world, 1, why="no such street", name="Other")
    said = letters("replay", "--why", "no such address", "--reason", "mended").out
    first = ", ".join(map(str, mended[:10]))
    assert said == f"12 occurrences replayed: {first}, … {mended[-1]}.\n"
    assert (states(mended), states(broken)) == ({"RETRYING"}, {"FAILED"})


def test_the_short_name_takes_the_same_filters(world: World) -> None:
    ids = dead(world, 2)
    said = run("replay", "--handler", "idempotent", "--why", "address", "--reason", "x", "--dry-run")
    assert said.out.startswith("2 occurrences would be replayed")
    assert states(ids) == {"FAILED"}


def test_those_that_cannot_be_replayed_are_counted(world: World) -> None:
    ids = dead(world, 2)
    (late,) = dead(world, name="Late", entity=Occurrence.objects.get(pk=ids[0]).entity)
    Rule.objects.filter(name="Late").update(expires_after=timedelta(microseconds=1))
    said = letters("replay", "--all", "--reason", "x").out.splitlines()
    assert said[0].startswith("2 occurrences replayed: ")
    assert said[1].startswith("1 occurrence left as before. Only what is FAILED or UNKNOWN, not yet expired,")
    assert "Nothing to replay: the chosen are FAILED." in letters("replay", "--all", "--reason", "x").refused
    assert states([late]) == {"FAILED"}


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED"])
def test_they_are_resolved_by_a_persons_word(world: World, state: str) -> None:
    ids, other = dead(world, 2), unsure(world)
    asked = ("resolve", "--as", state, "--reason", "asked them")
    assert letters(*asked, "--all").out.startswith("2 occurrences resolved: ")
    assert states([other]) == {"UNKNOWN"}
    assert letters(*asked, other).out == f"1 occurrence resolved: {other}.\n"
    assert states([*ids, other]) == {state}


def test_what_may_have_been_sent_is_touched_by_a_filter_only_when_it_is_asked_for(world: World) -> None:
    other = unsure(world)
    assert (
        letters("replay", "--all", "--reason", "x").refused == "Nothing to replay: none of those is FAILED."
    )
    assert (
        letters("edit", "--rule", "Unsure", "--merge", "{}", "--reason", "x").refused
        == "Nothing to edit: none of those is FAILED."
    )
    said = letters("replay", "--rule", "Unsure", "--state", "UNKNOWN", "--reason", "x").out
    assert said == f"1 occurrence replayed: {other}.\n"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("replay", "--all"), "--reason"),
        (("resolve", "--all", "--reason", "x"), "--as"),
        (("resolve", "--all", "--as", "SKIPPED", "--reason", "x"), "invalid choice: 'SKIPPED'"),
        (("replay", "--reason", "x"), "in one way"),
        (("replay", 1, "--why", "x", "--reason", "x"), "in one way"),
        (("replay", "--why", "x", "--all", "--reason", "x"), "in one way"),
        (("bury",), "invalid choice: 'bury'"),
        ((), "COMMAND"),
    ],
)
def test_what_is_not_said_or_makes_no_sense_is_asked_for(
    world: World, asked: tuple[object, ...], said: str
) -> None:
    assert said in letters(*asked).refused


def test_a_completed_one_is_refused_by_name_and_its_log_tells_of_it(world: World) -> None:
    (row,) = world.due()
    world.sweep()
    assert "the chosen are COMPLETED" in letters("replay", row.pk, "--reason", "x", "--dry-run").refused
    assert not LoggedMove.objects.filter(reason="refused").exists()
    assert "the chosen are COMPLETED" in letters("replay", row.pk, "--reason", "x").refused
    assert LoggedMove.objects.get(reason="refused").detail == {
        "verb": "replay",
        "why": "x",
        "state": "COMPLETED",
    }


def test_a_person_at_a_terminal_sees_a_table_and_a_bar(committed_db: CommittedDatabase) -> None:
    dead(World(clock.now().replace(microsecond=0)), 3)

    def seen(*arguments: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "manage.py", "dead_letters", *arguments]
        environment = committed_db.environment(COLUMNS="120", TERM="xterm")
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            text = b""
            try:
                while part := os.read(ours, 4096):
                    text += part
            except OSError:  # Linux says so where the other end was closed
                pass
            assert process.wait(60) == 0, text
        os.close(ours)
        return text.decode()

    table = seen("list")
    assert "\t" not in table
    assert "no such address" in table
    assert "3 dead letters." in table
    bar = seen("resolve", "--all", "--as", "CANCELLED", "--reason", "x")
    assert "100%" in bar
    assert "3 occurrences resolved" in bar
