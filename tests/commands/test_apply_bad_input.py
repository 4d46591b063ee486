"""Files that cannot be meant: every mistake is told with file, line, name and key, soon, and nothing is written."""

from __future__ import annotations

from itertools import pairwise
from time import process_time
from typing import TYPE_CHECKING

import pytest

from events.management.yaml_files import MOST_BYTES
from events.models import Calendar, Rule
from tests.commands.conftest import run
from tests.commands.yaml_text import RULE, refusals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
# Ten times of what is aimed at, since others may be at work here.
BOUND = 20.0
# Each line repeats the one above ten times.
BILLION = "version: 1\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in pairwise("abcdefghi")
)

# What a line of RULE is replaced by, on which line it is refused, and how.
REPLACED = {
    "a misspelt key": (
        "local_time: 09:00",
        "local_tme: 09:00",
        7,
        "local_tme: there is no such key. Did you mean local_time?",
    ),
    "a key like no other": ("handler: log", "zzz: log", 9, "zzz: there is no such key. Use name, "),
    "a key twice": ("handler: log", "name: Tea", 9, "name: it is given twice, first on line 4. Keep one."),
    "a merged mapping": ("handler: log", "<<: {handler: log}", 9, "<<: mappings are not merged. Write the"),
    "an hour with one digit": (
        "09:00",
        "9:00",
        7,
        "local_time: '9:00' is not a local time of day. Write it with two digits each, such as 09:00.",
    ),
    "minutes since midnight": ("09:00", "540", 7, "local_time: '540' is not a local time of day"),
    "a time in UTC": ("09:00", "09:00Z", 7, "local_time: '09:00Z' is not a local time of day"),
    "a day that no year has": ("2026-01-01", "2026-02-30", 6, "start_date: '2026-02-30' is not a date that"),
    "a date and a time": (
        "2026-01-01",
        "2026-01-01 09:00",
        6,
        "start_date: '2026-01-01 09:00' is not a date",
    ),
    "no start": ("start_date: 2026-01-01", "start_date:", 4, "Give a start date, or an anchor."),
    "nobody": ("audience_kind: person", "audience_kind: ~", 4, "Choose one: an entity, or the kind of"),
    "an unknown handler": (
        "handler: log",
        "handler: lug",
        9,
        "handler: no handler called 'lug' is installed.",
    ),
    "an unknown FREQ": ("FREQ=DAILY", "FREQ=DALY", 8, "rrule: 'FREQ=DALY'"),
    "a list as a text": ("FREQ=DAILY", "[FREQ=DAILY]", 8, "rrule: it is a list. Give one text."),
    "a mapping as a text": (
        "handler: log",
        "handler: {a: log}",
        9,
        "handler: it is a mapping. Give one text.",
    ),
    "half an entity": (
        "audience_kind: person",
        "entity: {kind: person}",
        5,
        "entity: it is not a mapping of",
    ),
    "an entity by its number": ("audience_kind: person", "entity: 7", 5, "entity: it is not a mapping of"),
    "an unknown entity": (
        "audience_kind: person",
        "entity: {kind: person, external_id: '7'}",
        5,
        "entity: there is no person '7'. Import it first, or name another one.",
    ),
    "a name that is too long": ("Rent", "R" * 201, 4, "name: "),
    "a NUL in a name": (
        "name: Rent",
        'name: "Re\\0nt"',
        4,
        "it has characters that the database cannot keep",
    ),
}

# What is added to RULE, as its line 10, and how it is refused.
ADDED = {
    "cron: 0 9 * * *": "cron: '0 9 * * *': rrule and cron exclude each other",
    "exdates: 2026-12-24": "exdates: it is not a list. Write - and a text, one on a line.",
    "exdates: ['2026-02-30']": "exdates: ",
    "payload: hello": "payload: it is not a mapping",
    "payload: {deep: [1, 1e999]}": "payload.deep.1: '1e999' is too large a number",
    "window: 8:00:00": "window: '8:00:00' is no length of time",
    "window: P1M": "window: 'P1M' is no length of time",
    "window: PT": "window: 'PT' is no length of time",
    "window: P999999999W": "window: 'P999999999W' is too long",
    "max_attempts: 0.5": "max_attempts: '0.5' is not a whole number",
    "snapshot: NO": "snapshot: 'NO' is neither true nor false",
    "gap: shifted": "gap: 'shifted' is no choice. Use shift, next_valid, previous_valid or skip.",
    "state: retired": "state: 'retired' is no choice. Use active or paused.",
    "calendar: Office": "calendar: there is no calendar 'Office'. Declare it under calendars.",
    "timezone: EST": "timezone: 'EST' is an abbreviation, not a zone",
    "anchor: birthday": "anchor: 'birthday' is not a date attribute of any person of the audience",
    "draws: 2": "window: it is missing, and only a window has draws and spacing",
}


@pytest.mark.parametrize("case", REPLACED)
def test_a_rule_that_cannot_be_meant_is_refused_at_its_line(world: World, tmp_path: Path, case: str) -> None:
    old, new, line, sentence = REPLACED[case]
    world.person()
    assert old in RULE
    [said] = refusals(tmp_path, RULE.replace(old, new))
    assert said.startswith(f"line {line}: ")
    assert sentence in said
    assert not Rule.objects.exists()


@pytest.mark.parametrize("line", ADDED)
def test_what_cannot_be_added_is_refused_at_its_line(world: World, tmp_path: Path, line: str) -> None:
    world.person()
    [said] = refusals(tmp_path, f"{RULE}        {line}\n")
    # What is missing has no line of its own: it is told where the rule begins.
    assert said.startswith(f"line {4 if 'missing' in ADDED[line] else 10}: rule 'Rent': {ADDED[line]}")
    assert not Rule.objects.exists()


def test_a_phrase_goes_with_nothing_that_it_says_itself(world: World, tmp_path: Path) -> None:
    said = refusals(tmp_path, RULE + "        phrase: every day at 9\n")
    assert said == [
        "line 6: rule 'Rent': start_date: phrase says it, or has no room for it. Leave one of the two out."
    ]


NO_COUNTRY = (
    "'XX' is not a country whose holidays are known. Use its two letters of ISO 3166, such as DE, GB or US"
)
NAMELESS = "name: a rule has none. Give it a name; it is known by that."
OF_A_FILE = {
    "": ["line 1: the file is empty. Begin it with version: 1."],
    "hello": ["line 1: the file is not a mapping. Begin it with version: 1."],
    "rules: []": ["line 1: version: it is missing. Begin the file with version: 1."],
    "version: 2": ["line 1: version: this release does not know it. Write version: 1."],
    "version: 1\nrule: []": ["line 2: rule: there is no such key. Did you mean rules?"],
    "version: 1\nrules: {}": ["line 2: rules: it is not a list. Begin each rule with - name: and its name."],
    "version: 1\nrules: [Rent]": [
        "line 2: rules: it is no rule. Write its keys below one another, name first."
    ],
    "version: 1\nrules:\n- name:": [f"line 3: {NAMELESS}"],
    "version: 1\nrules:\n- name: [a]": [f"line 3: {NAMELESS}"],
    "version: 1\n---\nversion: 1": ["line 2: a second document begins here. Make two files of it."],
    "version: 1\nrules: !!python/object/apply:os.system [ls]": [
        "line 2: tags such as tag:yaml.org,2002:python/object/apply:os.system are not read. Leave it out."
    ],
    "version: 1\n? [a]\n: b": ["line 2: a key is a list or a mapping. Make it a text."],
    "version: 1\nrules: *them": ["line 2: *them repeats nothing that stands above. Correct it."],
    "version: 1\nrules: &them [*them]": ["line 2: *them repeats nothing that stands above. Correct it."],
    "version: 1\nrules: []\nrules: []": ["line 3: rules: it is given twice, first on line 2. Keep one."],
    "version: 1\ncalendars:\n- {name: A, country: DE}\n- {name: A, country: NO}": [
        "line 4: calendar 'A': name: it is declared in {file}, line 3 too. Declare it once."
    ],
    "version: 1\ncalendars:\n- name: A\n  country: XX": [
        f"line 4: calendar 'A': country: {NO_COUNTRY}",
    ],
    "version: 1\ncalendars:\n- name: A\n  closed_weekdays: [Sunday]": [
        "line 4: calendar 'A': closed_weekdays: 'Sunday' is no weekday. Use MO, TU, WE, TH, FR, SA, SU."
    ],
    "version: 2\nrule: []\ncalendars:\n- name: A\n  land: DE\nrules:\n- nam: Rent\n- {name: Tea, gap: 9, draws: no}": [
        "line 1: version: this release does not know it. Write version: 1.",
        "line 2: rule: there is no such key. Did you mean rules?",
        "line 5: calendar 'A': land: there is no such key. Use name, closed_weekdays, country, subdivision, ics.",
        f"line 7: {NAMELESS}",
        "line 8: rule 'Tea': gap: '9' is no choice. Use shift, next_valid, previous_valid or skip.",
        "line 8: rule 'Tea': draws: 'no' is not a whole number. Write it in digits, such as 5.",
    ],
}


@pytest.mark.parametrize("text", OF_A_FILE)
def test_a_file_that_cannot_be_meant_is_refused_with_all_that_is_wrong(
    db: None, tmp_path: Path, text: str
) -> None:
    told = [line.replace("{file}", f"{tmp_path}/rules.yaml") for line in OF_A_FILE[text]]
    assert refusals(tmp_path, text) == told
    assert not any(model.objects.exists() for model in (Rule, Calendar))


def test_what_comes_of_a_refusal_is_not_told_as_well(world: World, tmp_path: Path) -> None:
    office = "    calendars:\n      - name: Office\n        country: XX\n"
    [said] = refusals(tmp_path, RULE + "        calendar: Office\n" + office)
    assert said.startswith("line 13: calendar 'Office': country: 'XX' is not a country")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("version: 1\nrules:\n\t- name: Rent", "line 3: it is not YAML: "),
        ("version: 1\nrules: [", "it is not YAML: "),
        ("version: 1\nrules: 'Rent", "it is not YAML: "),
        ("version: 1 # \x07", "it is not YAML: "),
        ("%YAML 3.0\n---\nversion: 1", "it is not YAML: "),
    ],
)
def test_what_is_not_yaml_is_said_with_its_line(db: None, tmp_path: Path, text: str, sentence: str) -> None:
    [said] = refusals(tmp_path, text)
    assert sentence in said


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("version: 1\n" + "#" * MOST_BYTES, "it has more than 1,000,000 bytes. Split it"),
        ("version: 1\nrules: " + "[" * 100_000, "line 2: it is nested too deeply. Keep it to 64 levels."),
        (BILLION, "there is too much in it, with all that is repeated. Split it."),
        (
            f"version: 1\na: &a {'x' * 900_000}\nb: [*a, *a, *a]\n",
            "line 3: there is too much in it, with all that is repeated.",
        ),
        ("version: 1\nrules: [" + "{}," * 300_000 + "]", "line 2: there is too much in it"),
        ("version: 1\nrules: [" + "x," * 90_000 + "]", "… and 89,950 more."),
        ("version: 1\nrules: " + "1" * 900_000, "line 2: rules: it is not a list"),
        (RULE + f"        payload: {{n: {'1' * 900_000}}}", "is too large a number"),
        (RULE + f"        payload: {{n: {'1' * 200_000}e5}}", "is too large a number"),
        (RULE + f"        timezone: {'x' * 900_000}", "timezone"),
        (RULE.replace("Rent", "R" * 900_000), "name"),
        (RULE + f"        ? {'k' * 900_000}\n        : 1", "there is no such key"),
        (RULE + f"        gap: {'k' * 900_000}", "is no choice"),
    ],
    ids=range(13),
)
def test_what_is_large_is_refused_soon_and_shortly(
    world: World, tmp_path: Path, text: str, sentence: str
) -> None:
    world.person()
    begun = process_time()
    path = tmp_path / "rules.yaml"
    path.write_text(text if text.startswith("version") else text.replace("\n    ", "\n"))
    said = run("apply", path, "--yes").refused
    assert process_time() - begun < BOUND
    assert sentence in said
    assert len(said) < 20_000
    assert not Rule.objects.exists()


def test_what_cannot_be_read_is_said_of_each_file(db: None, tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("version: 1\n# Müller".encode("latin-1"))
    said = run("apply", tmp_path / "none.yaml", tmp_path, latin, "--yes").refused.splitlines()
    assert [line.removeprefix(f"- {tmp_path}") for line in said[1:]] == [
        ": it cannot be read (Is a directory). Name a file.",
        "/latin.yaml, line 2: it is not UTF-8. Save it as UTF-8.",
        "/none.yaml: it cannot be read (No such file or directory). Name a file.",
    ]


def test_what_norway_and_sexagesimal_numbers_were_taken_for_is_text(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    text = RULE.replace("version: 1", "\ufeffversion: 1").replace("Rent", "NO").replace("09:00", "12:30")
    payload = (
        "        payload: {country: NO, at: 12:30, on: 2026-01-01, phone: 0049123, plus: +49123, hex: 0x1F, e: 1e3, "
        "yes: y, none: ~, real: 1.50, quoted: '1'}\n"
        "    calendars: [{name: off, country: NO}]\n"
    )
    path = tmp_path / "rules.yaml"
    path.write_text((text + payload).replace("\n    ", "\n").lstrip("\n"), encoding="utf-8")
    assert run("apply", path, "--yes").refused == ""
    rule = Rule.objects.get()
    assert (rule.name, str(rule.local_time), Calendar.objects.get().country) == ("NO", "12:30:00", "NO")
    assert rule.payload == {
        "country": "NO", "at": "12:30", "on": "2026-01-01", "phone": "0049123", "plus": "+49123", "hex": "0x1F",
        "e": 1000.0, "yes": "y", "none": None, "real": 1.5, "quoted": "1",
    }  # fmt: skip
