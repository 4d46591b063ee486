"""people.csv has everybody whom the sample needs."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from events.timing import canonical_zones
from examples.make_people import COLUMNS, PEOPLE, TEAMS, people

NOTES = Path(__file__).parents[3] / "examples" / "notes"


def rows() -> list[dict[str, str]]:
    with PEOPLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_file_is_what_the_script_makes() -> None:
    assert PEOPLE.read_bytes() == people().encode(), "write it anew: python -m examples.make_people"


def test_there_is_one_person_in_each_canonical_zone() -> None:
    assert sorted(row["timezone"] for row in rows()) == sorted(canonical_zones())
    assert {"UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"} <= {
        row["timezone"] for row in rows()
    }


@pytest.mark.parametrize("column", ["external_id", "name", "timezone"])
def test_nobody_is_mistaken_for_another(column: str) -> None:
    assert Counter(row[column] for row in rows()).most_common(1)[0][1] == 1


def test_every_cell_is_filled() -> None:
    assert all(tuple(row) == COLUMNS and all(row.values()) for row in rows())


def test_birthdays_are_on_every_day_of_the_year_and_evenly_so() -> None:
    born = Counter(date.fromisoformat(row["birthday"]).strftime("%m-%d") for row in rows())
    leap_days = born.pop("02-29")
    assert 5 <= leap_days <= 12
    assert len(born) >= 355
    assert max(born.values()) <= 2


def test_birthdays_of_neighbouring_zones_are_not_neighbours() -> None:
    months = [
        date.fromisoformat(row["birthday"]).month for row in rows() if row["timezone"].startswith("Europe/")
    ]
    assert set(months) == set(range(1, 13))


def test_teams_are_of_one_size() -> None:
    sizes = Counter(row["team"] for row in rows())
    assert set(sizes) == set(TEAMS)
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_names_go_beyond_ascii() -> None:
    assert sum(not row["name"].isascii() for row in rows()) > 100


def test_every_note_is_json_and_is_explained() -> None:
    explained = (NOTES.parent / "README.md").read_text()
    names = [path.name for path in NOTES.glob("*.json") if json.loads(path.read_text())]
    assert len(names) == 5
    assert all(f"**{name}**" in explained for name in names)


def test_the_group_is_as_its_note_has_it() -> None:
    group = json.loads((NOTES / "group.json").read_text())
    assert list(group) == ["execute_at", "id", "type", "data", "message"]
    assert group["execute_at"] == "Tue Apr 08 2020 17:26:09 GMT-0300 (Brasilia Standard Time)"
    assert group["message"][1] == {"message": "second-message-added-by-update"}
