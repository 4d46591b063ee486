"""people import: what is created, changed, refused; files that end badly; going on where it stopped."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from events.models import Entity, KeptAnswer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.running import Cli

HEAD = "external_id,timezone,name,birthday\n"


def write(alice: Cli, name: str, content: str) -> Path:
    path = alice.home / name
    path.write_text(content)
    return path


def names() -> list[str]:
    people = Entity.objects.filter(owner__username="alice", external_id__startswith="p")
    return list(people.order_by("external_id").values_list("external_id", flat=True))


def test_a_csv_file_creates_people_and_again_changes_nothing(alice: Cli) -> None:
    write(alice, "people.csv", HEAD + "p1,Asia/Tokyo,Ada,1992-02-29\np2,Europe/Berlin,,\n")
    done = alice("people", "import", "people.csv")
    assert (done.code, done.err) == (0, "")
    assert done.out == "2 created, 0 changed, 0 unchanged, 0 refused.\n"
    ada = Entity.objects.get(external_id="p1")
    assert (ada.kind, ada.name, ada.timezone) == ("person", "Ada", "Asia/Tokyo")
    assert ada.attributes == {"birthday": "1992-02-29"}

    write(alice, "people.csv", HEAD + "p1,Asia/Tokyo,Ada,1992-02-29\np2,Europe/Paris,,\n")
    again = alice("people", "import", "people.csv", "--json")
    assert again.json == {"created": 0, "changed": 1, "unchanged": 1, "refused": [], "refused_file": None}


def test_what_is_refused_is_named_and_kept_to_be_corrected_and_imported_alone(alice: Cli) -> None:
    write(alice, "people.csv", HEAD + "p1,Asia/Tokyo,Ada,\np2,EST,Bob,\np3,UTC\np4,UTC,Dan,\n")
    done = alice("people", "import", "people.csv")
    assert done.code == 1
    assert done.out == "2 created, 0 changed, 0 unchanged, 2 refused.\n"
    assert "line 3: timezone: " in done.err
    assert "line 4: line: it has 2 cells, and the first line 4." in done.err
    assert done.err.endswith(
        "What was refused is in people.refused.csv. Correct it there, and import that file.\n"
    )
    refused = alice.home / "people.refused.csv"
    assert refused.read_text() == HEAD + "p2,EST,Bob,\np3,UTC\n"

    refused.write_text(HEAD + "p2,America/New_York,Bob,\np3,UTC,,\n")
    assert alice("people", "import", "people.refused.csv").code == 0
    assert names() == ["p1", "p2", "p3", "p4"]


def test_programs_are_told_of_refused_lines_in_one_object(alice: Cli) -> None:
    lines = [{"external_id": "p1", "timezone": "UTC"}, {"external_id": "p2", "timezone": "Nowhere"}]
    write(alice, "people.ndjson", "".join(f"{json.dumps(line)}\n" for line in lines) + "{\n")
    done = alice("people", "import", "people.ndjson", "--json", "--kind", "client")
    assert done.code == 1
    told = done.json
    assert (told["created"], told["refused_file"]) == (1, "people.refused.ndjson")
    assert [(each["line"], each["errors"][0]["field"]) for each in told["refused"]] == [
        (2, "timezone"),
        (3, "line"),
    ]
    assert Entity.objects.get(external_id="p1").kind == "client"


def test_thousands_go_in_several_calls(alice: Cli) -> None:
    write(alice, "people.csv", HEAD + "".join(f"p{number},UTC,,\n" for number in range(2_500)))
    done = alice("people", "import", "people.csv", "--json")
    assert (done.code, done.json["created"]) == (0, 2_500)
    assert KeptAnswer.objects.count() == 3


def test_a_file_that_ends_badly_says_where_to_go_on(alice: Cli) -> None:
    good = HEAD + "".join(f"p{number},UTC,,\n" for number in range(1_000, 2_000))
    (alice.home / "people.csv").write_bytes(good.encode() + b"p\xff,UTC,,\n")
    done = alice("people", "import", "people.csv")
    assert done.code == 2
    assert "line 1002, cannot be read: it is not UTF-8" in done.err
    go_on = done.err.splitlines()[-1]
    assert "punctual people import people.csv --from-line " in go_on

    (alice.home / "people.csv").write_text(good + "p2000,UTC,,\n")
    rest = alice("people", "import", "people.csv", "--json", "--from-line", go_on.split()[-1])
    assert rest.code == 0
    assert len(names()) == 1_001
    assert rest.json["unchanged"] == 0


def wait_until_the_server_has_noticed() -> None:
    """It may be at a set still when nobody listens any more; what it writes belongs to this test."""
    known = -1
    while known != len(names()):
        known = len(names())
        time.sleep(2)


def test_an_interrupted_import_says_where_to_go_on(alice: Cli) -> None:
    write(alice, "people.csv", HEAD + "".join(f"p{number},UTC,,\n" for number in range(30_000)))
    with alice.started("people", "import", "people.csv") as process:
        end = time.monotonic() + 30
        while len(names()) < 2_000:
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    wait_until_the_server_has_noticed()
    assert process.returncode == 130
    assert "Interrupted." in err
    line = int(err.split()[-1])
    assert 1 < line < 30_000
    assert len(names()) >= line - 2


def test_a_terminal_sees_a_bar_and_its_summary(alice: Cli) -> None:
    write(alice, "people.csv", HEAD + "p1,UTC,,\n")
    with alice.in_terminal("people", "import", "people.csv") as terminal:
        assert terminal.end() == 0
    assert "people.csv" in terminal.seen
    assert "1 created, 0 changed, 0 unchanged, 0 refused." in terminal.seen


@pytest.mark.parametrize("name", ["people.csv", "people.ndjson"])
def test_a_file_without_people_imports_nobody(alice: Cli, name: str) -> None:
    write(alice, name, HEAD if name.endswith("csv") else "")
    done = alice("people", "import", name)
    assert (done.code, done.out) == (0, "0 created, 0 changed, 0 unchanged, 0 refused.\n")
