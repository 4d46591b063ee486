"""`--shard`: several processes at once, each with its part, whatever the parts are; and what is no shard."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from events import clock
from events.models import LoggedMove, Occurrence, Rule, Sweep
from scheduler_project import filebroker
from tests.commands.conftest import ROOT, run
from tests.engine.world import World

if TYPE_CHECKING:
    from tests.commands.conftest import Process
    from tests.harness.database import CommittedDatabase

COMMANDS = ("plan", "recover", "sweep")
PEOPLE = 200


@pytest.fixture
def world(committed_db: CommittedDatabase) -> World:
    """A world that other processes see, at the database's present second."""
    return World(clock.now().replace(microsecond=0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """PUNCTUAL_VAR with an empty broker of files."""
    filebroker.prepare(tmp_path / "broker")
    return tmp_path


def at_once(database: CommittedDatabase, folder: Path, *commands: str) -> list[str]:
    """Run commands at the same time, each in a process of its own; what they said, in order."""
    environment = database.environment(PUNCTUAL_VAR=str(folder))
    running = [
        subprocess.Popen(
            [sys.executable, "manage.py", *command.split()],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    ended = [(process, *process.communicate(timeout=120)) for process in running]
    assert [(process.returncode, said) for process, _, said in ended] == [(0, "")] * len(commands)
    return [out for _, out, _ in ended]


def published(folder: Path) -> list[int]:
    """The ids in all messages that were handed to the broker."""
    ids: list[int] = []
    for message in (folder / "broker" / "messages").glob("*.msg"):
        _, arguments, _ = json.loads(b64decode(json.loads(message.read_text())["body"]))
        ids += arguments["ids"]
    return ids


def entities_moved_by(actor: str) -> set[int]:
    """The entities of the rows that actors whose name ends so have moved."""
    moves = LoggedMove.objects.filter(actor__endswith=actor)
    return set(moves.values_list("occurrence__entity_id", flat=True))


def make_due(world: World) -> list[int]:
    """One row each for many people, due now."""
    return sorted(row.pk for row in world.due(PEOPLE))


def part(number: int, of: int) -> set[int]:
    entities = Occurrence.objects.values_list("entity_id", flat=True)
    return {each for each in entities if each % of == number - 1}


def test_two_shards_at_once_hand_out_every_row_once_and_touch_no_others(
    committed_db: CommittedDatabase, world: World, folder: Path
) -> None:
    rows = make_due(world)
    said = at_once(committed_db, folder, "sweep --once --shard 1/2", "sweep --once --shard 2/2")
    for number in (1, 2):
        assert entities_moved_by(f" shard {number}/2") == part(number, 2)
        assert f"{len(part(number, 2))} rows handed to the workers" in said[number - 1]
    assert sorted(published(folder)) == rows
    assert Occurrence.objects.filter(state="PENDING").count() == PEOPLE
    assert sorted(Sweep.objects.values_list("claimed", "passes")) == sorted(
        (len(part(number, 2)), 1) for number in (1, 2)
    )


def test_shards_of_different_n_and_sweeps_of_all_at_once_hand_out_every_row_once(
    committed_db: CommittedDatabase, world: World, folder: Path
) -> None:
    rows = make_due(world)
    shards = ("1/2", "2/3", "3/3", "1/2")
    at_once(
        committed_db, folder, "sweep --once", "sweep --once",
        *(f"sweep --once --shard {shard}" for shard in shards),
    )  # fmt: skip
    claims = LoggedMove.objects.filter(reason="claimed").values_list("occurrence_id", flat=True)
    assert sorted(claims) == rows
    assert sorted(published(folder)) == rows
    for shard in shards:
        number, of = map(int, shard.split("/"))
        assert entities_moved_by(f" shard {shard}") <= part(number, of)


def test_recovery_by_shards_at_once_returns_every_lapsed_claim_once(
    committed_db: CommittedDatabase, world: World, folder: Path
) -> None:
    make_due(world)
    world.claim()
    Occurrence.objects.update(lease_expires_at=world.now)
    commands = [f"recover --once --shard {each} --actor by-{each}" for each in ("1/3", "2/3", "3/3", "2/2")]
    said = at_once(committed_db, folder, *commands)
    assert sum(int(out.split()[0]) for out in said) == PEOPLE
    moves = Counter(LoggedMove.objects.filter(reason="claim_lapsed").values_list("occurrence_id", flat=True))
    assert (len(moves), set(moves.values())) == (PEOPLE, {1})
    for number, of in ((1, 3), (2, 3), (3, 3), (2, 2)):
        assert entities_moved_by(f"by-{number}/{of}") <= part(number, of)


def test_planning_by_shards_at_once_plans_every_rule_once(
    committed_db: CommittedDatabase, world: World, folder: Path
) -> None:
    world.people({f"p{number}": "Asia/Kathmandu" for number in range(20)})
    for _ in range(6):
        world.rule()
    wanted = Counter(Occurrence.objects.values_list("rule_id", "entity_id"))
    forget_all_rows()
    Rule.objects.update(planned_until=world.now - timedelta(minutes=1))
    said = at_once(
        committed_db, folder, *(f"plan --once --shard {each}" for each in ("1/2", "2/2", "1/3", "1/1"))
    )
    written = Counter(Occurrence.objects.values_list("rule_id", "entity_id"))
    assert written.keys() == wanted.keys()
    assert sum(int(out.split()[0]) for out in said) == sum(written.values())
    assert not Rule.objects.filter(planned_until__lt=world.now + timedelta(hours=47)).exists()


def forget_all_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM events_occurrence")


def test_a_shard_of_the_plan_names_its_part_of_the_rules_alone(
    world: World,
) -> None:
    world.person("alice")
    rules = [world.rule() for _ in range(3)]
    behind = world.now - timedelta(hours=1)
    Rule.objects.update(planned_until=behind)
    run("plan", "--once", "--shard", f"{rules[1].pk % 3 + 1}/3")
    still_behind = Rule.objects.filter(planned_until=behind).order_by("pk")
    assert list(still_behind) == [rules[0], rules[2]]


def test_a_sweep_that_stays_awake_keeps_to_its_shard(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def watch(*_: object, **options: Any) -> Sweep:
        seen.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("events.sweeping.sweep_until", watch)
    run("sweep", "--shard", "3/4")
    assert str(seen[0]["shard"]) == "3/4"
    assert seen[0]["sweeper"].endswith(" shard 3/4")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("given", ["0/3", "4/3", "x/y", "1/0", "1/99999", ""])
def test_what_is_no_shard_is_refused_and_nothing_is_done(world: World, command: str, given: str) -> None:
    refused = run(command, "--once", f"--shard={given}").refused
    assert refused == (
        f"--shard: {given!r} is no shard. Use I/N with 1 <= I <= N <= 1024, such as 1/4 for the first of four."
    )
    assert not Sweep.objects.exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [("sweep --once --shard 4/3", "--shard: '4/3' is no shard."), ("plan --actor=", "--actor: ")],
)
def test_what_is_refused_on_the_command_line_is_one_sentence_and_exit_code_one(
    manage: Process, command: str, told: str
) -> None:
    ran = manage(*command.split())
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"CommandError: {told}")
    assert ran.stderr.count("\n") == 1
    assert "Traceback" in manage(*command.split(), "--traceback").stderr
