"""`import_entities`: all of a file or none of it, and every wrong line named."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from events import clock
from events.management import entity_csv, importing
from events.management.importing import SHOWN, import_file
from events.models import Entity, LoggedMove, Occurrence
from events.transitions import Origin
from tests.commands.conftest import ROOT, csv_file, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

HEADER = "external_id,timezone,name,birthday\n"
ALICE = "alice,Europe/Berlin,Alice,1990-05-17\n"
PEOPLE = ROOT / "examples" / "people.csv"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_the_example_is_imported_whole_and_a_second_time_changes_nothing() -> None:
    assert run("import_entities", PEOPLE).out == "419 people imported: 419 new, 0 changed.\n"
    assert run("import_entities", PEOPLE).out == "419 people imported: 0 new, 0 changed, 419 as they were.\n"
    assert Entity.objects.count() == 419


def test_columns_of_no_other_meaning_are_attributes_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    text = (
        "external_id,timezone,kind,name,leap,birthday,team\n"
        "alice,europe/berlin,,Alice,forward,2000-02-29, blue \n"
        "room 1,UTC,room,,,,\n"
    )
    assert run("import_entities", csv_file(tmp_path, text), kind="guest").out.startswith(
        "2 entities imported: 2 new"
    )

    alice, room = Entity.objects.get(external_id="alice"), Entity.objects.get(external_id="room 1")
    assert (alice.kind, alice.timezone, alice.leap) == ("guest", "Europe/Berlin", "forward")
    assert alice.attributes == {"birthday": "2000-02-29", "team": "blue"}
    assert (room.kind, room.name, room.attributes) == ("room", "", {})


def test_the_people_of_a_rule_get_its_occurrences_in_the_name_of_who_imported_them(
    world: World, tmp_path: Path
) -> None:
    world.person("bob")
    world.rule()
    before = Occurrence.objects.count()
    run("import_entities", csv_file(tmp_path, HEADER + ALICE), actor="carol")
    assert Occurrence.objects.count() > before
    assert set(
        LoggedMove.objects.filter(occurrence__entity__external_id="alice").values_list("actor", flat=True)
    ) == {"user:carol"}


def test_a_dry_run_says_what_would_change_and_changes_nothing(world: World, tmp_path: Path) -> None:
    world.person("bob")
    text = HEADER + ALICE + "bob,Asia/Tokyo,Bob,\n"
    said = run("import_entities", csv_file(tmp_path, text), "--dry-run")
    assert said.out == "2 people would be imported: 1 new, 1 changed.\n"
    assert Entity.objects.get().timezone == "Europe/Berlin"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    text = "external_id,timezone,name\nægir,Europe/Oslo,Ægir Łuźny\n"
    assert run("import_entities", csv_file(tmp_path, text, encoding=encoding)).refused == ""
    assert Entity.objects.get().name == "Ægir Łuźny"


@pytest.mark.parametrize(
    ("encoding", "line", "byte", "value", "remedy"),
    [
        pytest.param("cp1252", 3, 20, "0xE9", "iconv -f WINDOWS-1252 -t UTF-8", id="as Excel saves CSV"),
        pytest.param("utf-16", 1, 1, "0xFF", "iconv -f UTF-16 -t UTF-8", id="as Excel saves Unicode text"),
        pytest.param("utf-16-le", 1, 2, "0x00", "iconv -f UTF-16 -t UTF-8", id="UTF-16 without its mark"),
    ],
)
def test_another_encoding_is_named_by_line_and_byte_with_the_way_out(
    tmp_path: Path, encoding: str, line: int, byte: int, value: str, remedy: str
) -> None:
    text = HEADER + ALICE + "zoe,Europe/Paris,Zoé,1991-01-01\n"
    path = csv_file(tmp_path, text, encoding=encoding)
    refused = run("import_entities", path).refused
    assert f"{path} is not UTF-8: line {line}, byte {byte} is {value}" in refused
    assert remedy in refused
    assert not Entity.objects.exists()


@pytest.mark.parametrize(
    ("line", "field", "value", "remedy"),
    [
        pytest.param("bob,EST,Bob,", "timezone", "'EST'", "America/New_York", id="an abbreviation"),
        pytest.param("bob,GMT+3,Bob,", "timezone", "'GMT+3'", "the zone of a city", id="an offset"),
        pytest.param(
            "bob,Europe/Berlni,Bob,", "timezone", "'Europe/Berlni'", "Europe/Berlin", id="a zone misspelt"
        ),
        pytest.param("bob,,Bob,", "timezone", "''", "such as Europe/Berlin", id="no zone"),
        pytest.param(
            "bob,UTC,Bob,2023-02-29", "birthday", "'2023-02-29'", "YYYY-MM-DD", id="a day that never was"
        ),
        pytest.param(
            "bob,UTC,Bob,2023-13-01", "birthday", "'2023-13-01'", "YYYY-MM-DD", id="a thirteenth month"
        ),
        pytest.param(",UTC,Bob,", "external_id", "it is empty", "Give every entity one", id="no id"),
        pytest.param("alice,UTC,Bob,", "external_id", "'alice'", "one line", id="an id for the second time"),
        pytest.param("bob,UTC,Bob", "line", "3 cells", "one cell", id="a cell too few"),
        pytest.param("bob,UTC,Bob,,", "line", "5 cells", "commas", id="a cell too many"),
        pytest.param('bob,UTC,"Bob,', "line", "not CSV", "quotes", id="a quote that never ends"),
    ],
)
def test_a_wrong_line_is_named_with_its_field_value_and_remedy_and_nothing_is_imported(
    tmp_path: Path, line: str, field: str, value: str, remedy: str
) -> None:
    refused = run("import_entities", csv_file(tmp_path, HEADER + ALICE + line + "\n")).refused
    told = refused.splitlines()
    assert told[0].endswith("was refused: 1 mistake, nothing was imported.")
    assert told[1].startswith(f"line 3: {field}: ")
    assert value in told[1]
    assert remedy in told[1]
    assert not Entity.objects.exists()


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = HEADER + '\nalice,UTC,"Alice\nthe first",\r\n\nbob,EST,Bob,\n'
    assert "line 6: timezone" in run("import_entities", csv_file(tmp_path, text)).refused


def test_the_first_mistakes_are_shown_and_the_report_has_them_all(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER + "".join(f"p{number},EST,,2023-02-29\n" for number in range(60)))
    report = tmp_path / "mistakes.csv"

    without = run("import_entities", path).refused
    refused = run("import_entities", path, report=report).refused

    assert without.splitlines()[-1] == "… and 70 more: --report FILE.csv writes them all."
    assert refused.splitlines()[-2:] == ["… and 70 more.", f"All of them are in {report}."]
    assert len(refused.splitlines()) == SHOWN + 3
    with report.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 120
    assert rows[-1].keys() == {"line", "field", "problem", "remedy"}
    assert {rows[-2]["line"], rows[-1]["line"]} == {"61"}
    assert {rows[-2]["field"], rows[-1]["field"]} == {"timezone", "birthday"}


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER + ALICE)
    assert (
        "cannot be written"
        in run("import_entities", path, report=tmp_path / "no" / "such" / "folder.csv").refused
    )
    assert "would overwrite" in run("import_entities", path, report=path).refused
    assert path.read_text(encoding="utf-8") == HEADER + ALICE
    assert not Entity.objects.exists()


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("", "it is empty", "Its first line names the columns"),
        ("\n \n".replace(" ", ""), "it is empty", "Its first line names the columns"),
        (
            "external_id,name\n",
            "it has no column timezone, but external_id, name",
            "external_id,timezone,name",
        ),
        ("name\n", "no column external_id and no column timezone", "external_id,timezone,name"),
        ("external_id;timezone\nalice;UTC\n", "it has no column external_id", "not semicolons"),
        ("external_id,timezone,team,team\n", "its first line names team twice", "Name every column once"),
        ("external_id,timezone,,team\n", "column 3 has no name", "Name every column"),
        ("x" * 1_048_577, "line 1 is longer than 1 MiB", "line ends"),
    ],
)
def test_a_file_whose_columns_are_not_clear_is_refused(
    tmp_path: Path, text: str, problem: str, remedy: str
) -> None:
    refused = run("import_entities", csv_file(tmp_path, text)).refused
    assert "cannot be imported" in refused
    assert problem in refused
    assert remedy in refused


def test_what_is_no_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    assert "no such file or directory" in run("import_entities", tmp_path / "nobody.csv").refused
    assert "it is a folder" in run("import_entities", tmp_path).refused
    assert "no ordinary file" in run("import_entities", "/dev/null").refused


def test_a_file_that_changes_between_its_two_readings_is_not_half_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = csv_file(tmp_path, HEADER + ALICE)
    examine = importing._examine

    def examine_and_spoil(*arguments: object, **options: object) -> object:
        found = examine(*arguments, **options)  # type: ignore[arg-type]
        path.write_text(HEADER + ALICE + "bob,EST,,\n", encoding="utf-8")
        return found

    monkeypatch.setattr(importing, "_examine", examine_and_spoil)
    assert "it changed while it was read" in run("import_entities", path).refused
    assert not Entity.objects.exists()


def test_a_person_at_a_terminal_sees_a_bar_and_a_log_file_does_not(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEADER + ALICE)
    for screen, bars in ((Terminal(), True), (StringIO(), False)):
        origin = Origin("user:alice", uuid4(), clock.now())
        import_file(path, kind="person", report=None, dry_run=True, origin=origin, screen=screen)
        assert ("Checking people.csv" in screen.getvalue()) is bars


def test_a_line_is_never_read_further_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity_csv, "LONGEST_LINE", len(HEADER))
    refused = run("import_entities", csv_file(tmp_path, HEADER + "x" * len(HEADER) + "\n")).refused
    assert "line 2 is longer" in refused


def test_a_version_that_was_seen_is_compared_and_one_that_is_old_prevents_all(tmp_path: Path) -> None:
    text = "external_id,timezone,name,version\nalice,UTC,Alice,{alice}\nbob,UTC,Bob,{bob}\n"
    assert run("import_entities", csv_file(tmp_path, text.format(alice="", bob=""))).out.startswith(
        "2 people"
    )
    Entity.objects.filter(external_id="bob").update(version=3)
    refused = run(
        "import_entities", csv_file(tmp_path, text.format(alice=1, bob=2).replace(",Alice", ",Al"))
    ).refused
    assert refused == (
        "Somebody else changed one of the entities meanwhile; nothing was written.\n"
        "- version: person 'bob' has version 3 now, and version 2 was expected. "
        "Load it again, look at what has changed, and repeat your change."
    )
    assert Entity.objects.get(external_id="alice").name == "Alice"
    said = run(
        "import_entities", csv_file(tmp_path, text.format(alice=1, bob=3).replace(",Alice", ",Al"))
    ).out
    assert said == "2 people imported: 0 new, 1 changed, 1 as they were.\n"
    assert Entity.objects.get(external_id="alice").attributes == {}


@pytest.mark.parametrize("version", ["x", "0", "-1", "1.0", "½", "99999999999"])
def test_what_is_no_version_is_named_with_its_line(tmp_path: Path, version: str) -> None:
    text = f"external_id,timezone,version\nalice,EST,{version}\n"
    refused = run("import_entities", csv_file(tmp_path, text)).refused.splitlines()
    assert refused[1].startswith("line 2: timezone: 'EST' is an abbreviation")
    assert refused[2] == (
        f"line 2: version: {version!r} is not a version. "
        "Write the number that you saw, from 1, or leave the cell empty."
    )
    assert not Entity.objects.exists()
