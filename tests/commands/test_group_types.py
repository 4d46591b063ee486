"""Group types as files declare them: a type more is a few lines, and no code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from events import operations
from events.models import GroupType, Occurrence, Rule
from events.operations.declared import InvalidDeclared
from tests.commands.conftest import ROOT, run
from tests.commands.yaml_text import actions, apply, make_so, refusals
from tests.engine.conftest import bidden_handlers
from tests.engine.grouping import HOUR, take
from tests.engine.handlers import Bidden

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.world import World

__all__ = ["bidden_handlers"]

pytestmark = pytest.mark.django_db

TYPES = (ROOT / "examples" / "groups" / "types.yaml").read_text()
FOURTH = """
  - name: DIGEST
    handler: idempotent
    payload: {template: digest}
    max_items: 2
"""


def test_the_examples_types_are_made_and_a_second_run_finds_nothing_to_do(
    world: World, tmp_path: Path
) -> None:
    assert apply(tmp_path, TYPES).out.splitlines() == [
        "create group type 'UPLOAD'",
        "create group type 'SIMULATION'",
        "create group type 'GROUPED_ACTION'",
        "3 changes made.",
    ]
    upload = GroupType.objects.get(rule__name="UPLOAD")
    assert (upload.moves, upload.max_wait, upload.max_items) == ("latest", HOUR, 100)
    assert (upload.rule.role, upload.rule.handler, upload.rule.owner) == ("groups", "log", None)
    assert apply(tmp_path, TYPES).out == "Nothing to do; 3 unchanged.\n"


def test_a_fourth_type_needs_a_few_lines_alone(world: World) -> None:
    make_so(world, TYPES + FOURTH)
    for number in range(2):
        taken = take(world, number, type="DIGEST")
    assert taken.is_sealed
    world.sweep()
    (call,) = Bidden.calls
    assert call.payload["template"] == "digest"
    assert call.payload["data"]["data"] == [0, 1]
    assert call.payload["data"]["type"] == "DIGEST"


def test_an_export_makes_the_same_types_and_leaves_out_what_is_as_by_default(
    world: World, tmp_path: Path
) -> None:
    apply(tmp_path, TYPES)
    text = run("export").out
    told = {each["name"]: each for each in yaml.safe_load(text)["group_types"]}
    assert told["UPLOAD"] == {
        "name": "UPLOAD", "moves": "latest", "max_wait": "PT1H", "max_items": 100, "handler": "log",
    }  # fmt: skip
    assert apply(tmp_path, text).out == "Nothing to do; 3 unchanged.\n"
    GroupType.objects.all().delete()
    Rule.objects.all().delete()
    assert apply(tmp_path, text).out.endswith("3 changes made.\n")
    assert run("export").out == text


def test_a_change_is_told_key_by_key(world: World, tmp_path: Path) -> None:
    apply(tmp_path, TYPES)
    changed = TYPES.replace("max_items: 100", "max_items: 50\n    payload: {template: new}")
    assert apply(tmp_path, changed).out.splitlines() == [
        "change group type 'UPLOAD'",
        "    max_items: 100 -> 50",
        '    payload.template: nothing -> "new"',
        "1 change made; 2 unchanged.",
    ]
    assert GroupType.objects.get(rule__name="UPLOAD").version == 2


def test_a_type_that_no_file_declares_is_retired_and_taken_up_again(world: World) -> None:
    make_so(world, TYPES + FOURTH)
    take(world, type="DIGEST")
    plan = make_so(world, TYPES, prune=True)
    assert actions(plan) == [("retire", "DIGEST")]
    assert plan.steps[0].rows["cancelled"] == 1
    assert Occurrence.objects.get().state == "CANCELLED"
    assert actions(make_so(world, TYPES, prune=True)) == []
    with pytest.raises(operations.InvalidMessage, match="there is no group type 'DIGEST'"):
        take(world, type="DIGEST")
    assert actions(make_so(world, TYPES + FOURTH)) == [("take up", "DIGEST")]
    assert take(world, type="DIGEST").is_first
    assert actions(make_so(world, TYPES + FOURTH)) == []


def test_what_is_wrong_is_told_with_its_line(world: World, tmp_path: Path) -> None:
    wrong = """
        version: 1
        group_types:
          - name: UPLOAD
            handler: lgo
          - name: SIMULATION
            handler: log
            max_items: 0
          - name: DIGEST
            handler: webhook
            payload: {url: https://example.com/}
            max_bytes: 100000
    """
    assert [each.partition(":")[0] for each in refusals(tmp_path, wrong)] == ["line 5", "line 8", "line 12"]
    assert not GroupType.objects.exists()


def test_the_accounts_types_are_their_own_affair(world: World, django_user_model: type) -> None:
    alice = django_user_model.objects.create_user("alice")  # type: ignore[attr-defined]
    operations.put_group_type("MINE", owner=alice.pk, handler="log", origin=world.origin())
    assert actions(make_so(world, TYPES, prune=True)) == [
        ("create", name) for name in ("UPLOAD", "SIMULATION", "GROUPED_ACTION")
    ]
    assert "MINE" not in run("export").out


def test_the_files_of_one_who_looked_at_an_older_version_are_refused(world: World) -> None:
    make_so(world, TYPES)
    taken = GroupType.objects.get(rule__name="UPLOAD")
    taken.max_wait = timedelta(minutes=5)
    with pytest.raises(operations.StaleVersion):
        operations.change_group_type(taken, origin=world.origin(), expected_version=7)
    with pytest.raises(InvalidDeclared, match="max_wait"):
        make_so(world, TYPES.replace("PT1H", "P99999D"))
