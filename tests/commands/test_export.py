"""`manage.py export`: what is there, as a file; applied again it changes nothing, elsewhere it makes the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import operations
from events.management.yaml_files import MOST_BYTES, read_text
from events.management.yaml_written import as_yaml
from events.models import Calendar, Rule
from events.operations import InvalidCalendar, InvalidRule, declared
from events.operations.declared import Fields, Items, Text
from events.operations.declared.durations import read_length, write_length
from events.operations.declared.json_values import is_same, read_object
from tests.commands.conftest import run
from tests.commands.yaml_text import RULE, apply, make_so
from tests.engine.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from events.operations.declared import Given

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
HORIZON = timedelta(hours=6)
CHRISTMAS_EVE = "\r\n".join(
    ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20301224", "END:VEVENT", "END:VCALENDAR"]
)
ON_THE_DATABASE = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


# --- the text -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_export_is_sorted_without_defaults_and_reads_well(world: World) -> None:
    world.person("bob")
    office = Calendar(name="Office", closed_weekdays=[6, 5], country="de", ics="")
    operations.create_calendar(office, origin=world.origin())
    world.rule(
        name="Tea",
        local_time=time(14, 0, 30),
        window=timedelta(hours=8, minutes=30),
        start_date=date(2026, 1, 1),
        rrule="FREQ=DAILY;COUNT=4000\nFREQ=YEARLY",
        calendar=office,
        exdates=["2030-12-24"],
        payload={"z": {"b": 1, "a": [True, None, 1.5, "NO"]}, "a": "Hello\nBob", "at": "09:00"},
        expires_after=timedelta(days=1),
    )
    rent = world.rule(name="Rent", entity=world.person("bob"), start_date=date(2026, 1, 1), timezone="UTC")
    operations.pause_rule(rent, origin=world.origin())
    assert run("export").out == dedent(
        """\
        version: 1

        calendars:
          - name: Office
            closed_weekdays: [SA, SU]
            country: DE

        rules:
          - name: Rent
            state: paused
            entity:
              kind: person
              external_id: bob
            start_date: 2026-01-01
            local_time: "09:00"
            rrule: FREQ=DAILY
            timezone: UTC
            handler: log

          - name: Tea
            audience_kind: person
            start_date: 2026-01-01
            local_time: "14:00:30"
            rrule: |-
              FREQ=DAILY;COUNT=4000
              FREQ=YEARLY
            exdates:
              - '2030-12-24'
            calendar: Office
            window: PT8H30M
            handler: log
            payload:
              a: |-
                Hello
                Bob
              at: "09:00"
              z:
                a:
                  - true
                  - null
                  - 1.5
                  - 'NO'
                b: 1
            expires_after: P1D
        """
    )


@pytest.mark.django_db
def test_some_rules_are_exported_with_their_calendars_and_retired_ones_are_not(world: World) -> None:
    world.person()
    for name in ("Home", "Office"):
        row = operations.create_calendar(Calendar(name=name, closed_weekdays=[6]), origin=world.origin())
        world.rule(name=f"{name} rule", calendar=row)
    first = Rule.objects.get(name="Home rule")
    said = yaml.safe_load(run("export", "--rule", "Home rule", "--rule", first.pk).out)
    assert [[row["name"] for row in said[key]] for key in ("calendars", "rules")] == [["Home"], ["Home rule"]]
    assert "Did you mean 'Home rule'" in run("export", "--rule", "Hom rule").refused
    operations.retire_rule(first, why="over", origin=world.origin())
    assert [row["name"] for row in yaml.safe_load(run("export").out)["rules"]] == ["Office rule"]
    assert (
        "rule 'Home rule' is retired, and no file can declare it" in run("export", "--rule", first.pk).refused
    )


@pytest.mark.django_db
def test_an_export_of_nothing_can_be_applied(db: None, tmp_path: Path) -> None:
    assert run("export").out == "version: 1\n"
    for text in ("version: 1\n", "version: 1\nrules:\ncalendars: []\n"):
        assert apply(tmp_path, text).out == "Nothing to do.\n"


@pytest.mark.django_db
def test_a_file_is_written_or_why_not_is_said(world: World, tmp_path: Path) -> None:
    world.person()
    apply(tmp_path, RULE)
    target = tmp_path / "out.yaml"
    assert run("export", target).out == f"0 calendars and 1 rule written to {target}.\n"
    assert target.read_text() == run("export").out
    assert run("apply", target).out == "Nothing to do; 1 unchanged.\n"
    assert run("export", tmp_path / "none" / "out.yaml").refused == (
        f"{tmp_path}/none/out.yaml cannot be written (No such file or directory). Name another file."
    )


@pytest.mark.django_db
def test_what_apply_would_not_take_is_not_exported(world: World) -> None:
    world.person()
    rule = world.rule(payload={"text": "x" * MOST_BYTES})
    assert "it has more than 1,000,000 bytes. Export some rules at a time" in run("export").refused
    deep: dict[str, Any] = {}
    for _ in range(70):
        deep = {"deep": deep}
    Rule.objects.filter(pk=rule.pk).update(payload=deep)
    assert "it is nested too deeply" in run("export").refused
    for _ in range(400):
        deep = {"deep": deep}
    Rule.objects.filter(pk=rule.pk).update(payload=deep)
    assert "a payload is nested too deeply. Export some rules" in run("export").refused


@pytest.mark.django_db
def test_line_ends_of_icalendar_text_do_not_count(world: World, tmp_path: Path) -> None:
    ics = f"{CHRISTMAS_EVE}\r\n"
    operations.create_calendar(Calendar(name="Eve", ics=ics), origin=world.origin())
    text = run("export").out
    assert "ics: |\n      BEGIN:VCALENDAR\n      BEGIN:VEVENT\n" in text
    assert apply(tmp_path, text).out == "Nothing to do; 1 unchanged.\n"
    assert Calendar.objects.get().ics == ics


# --- there and back -----------------------------------------------------------------------------------------------

# What PostgreSQL can keep; breaks, quotes, and what YAML reads as something else are likelier than by chance.
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\x00")
WORDS = st.sampled_from(
    [
        *[
            "NO",
            "yes",
            "null",
            "~",
            "",
            "true",
            "09:00",
            "9:00",
            "2030-12-24",
            "1e3",
            "0x1F",
            "1_000",
            "-0",
            "<<",
        ],
        *[
            "=",
            "- a",
            "a: b",
            "#no",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "'",
            '"',
            "\\n",
            "---",
            "...",
            "? a",
            "|",
            ">",
        ],
        *["a #b", "\t", "\x1b[0m", "a\nb", "a\n", "\na", " a", "a ", "a\n\n", "a\r\nb", "a\n  b\n", "a\n#b"],
        *["a\u2028b", "\x85", "\ufeff"],
    ]
)
TEXTS = WORDS | st.text(CHARACTERS, max_size=12)
NUMBERS = st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=4)


def as_plain(given: Given) -> Any:
    """What is read, if every key of it were a payload's."""
    return read_object("it", Fields(1, {"it": given}))["it"]


@given(payload=OBJECTS, name=TEXTS, dates=st.lists(TEXTS, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_every_text_and_object_is_read_as_it_was_written(payload: Any, name: str, dates: list[str]) -> None:
    text = as_yaml({"version": 1, "rules": [{"name": name, "dates": dates, "payload": payload}] * 2})
    read = read_text("a.yaml", text)
    assert isinstance(read, Fields)
    rules = read.fields["rules"]
    assert isinstance(rules, Items)
    for rule in rules.items:
        assert isinstance(rule, Fields)
        said = rule.fields["name"]
        assert isinstance(said, Text)
        assert said.text == name
        assert not (said.is_plain and said.text in declared.NOTHING)
        assert is_same(as_plain(rule.fields["dates"]), dates)
        assert is_same(as_plain(rule.fields["payload"]), payload)
    others = yaml.safe_load(text)["rules"][0]
    assert (others["name"], others["dates"]) == (name, dates)


@given(st.timedeltas(min_value=timedelta(0)))
def test_every_length_is_read_as_it_was_written(length: timedelta) -> None:
    assert read_length("window", write_length(length)) == length


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        (1e23, 10**23, True),
        (10**23, 1e23, True),
        (1e308, 10**400, False),
        (1, True, False),
        ([0], [False], False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ("1", 1, False),
    ],
)
def test_what_postgresql_keeps_alike_is_the_same(one: Any, other: Any, expected: bool) -> None:
    assert is_same(one, other) is expected


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(hours=8), "PT8H"),
        (timedelta(days=1, hours=12), "P1DT12H"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(milliseconds=500), "PT0.5S"),
        (timedelta(seconds=10, microseconds=1), "PT10.000001S"),
    ],
)
def test_lengths_are_written_shortly(length: timedelta, text: str) -> None:
    assert write_length(length) == text


DATES = st.dates(date(2027, 1, 1), date(2035, 1, 1))
ISO = st.lists(
    DATES.map(str) | st.datetimes(datetime(2027, 1, 1), datetime(2035, 1, 1)).map(datetime.isoformat)
    | DATES.map(lambda day: f"{day}T17:00Z"),
    max_size=3,
)  # fmt: skip
HOURS = st.integers(1, 30).map(lambda hours: timedelta(hours=hours))
WHEN = st.one_of(
    st.fixed_dictionaries({"rrule": st.sampled_from(
        ["FREQ=DAILY", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=DAILY;COUNT=9000\nFREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ""]
    )}),
    st.fixed_dictionaries({"cron": st.sampled_from(["30 9 * * MON-FRI", "*/15 * * * *", "@daily", "0 9 L * *"])}),
    st.fixed_dictionaries({"every": st.sampled_from(["PT30M", "P2W", "P1M"])}),
    st.just({"every": "PT3H", "every_from": "completion", "alone": True}),
)  # fmt: skip
MORE = st.fixed_dictionaries(
    {},
    optional={
        "rdates": ISO, "exdates": ISO, "window": HOURS, "draws": st.integers(1, 3),
        "roll": st.sampled_from(["skip", "previous", "next"]), "anchor": st.just("birthday"),
        "anchor_offset_days": st.integers(-9, 9), "calendar": st.booleans(),
    },
)  # fmt: skip
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "timezone": st.sampled_from(["Europe/Berlin", "UTC"]), "on_move": st.sampled_from(["follow", "keep"]),
        "gap": st.sampled_from(["shift", "next_valid", "previous_valid", "skip"]), "snapshot": st.booleans(),
        "fold": st.sampled_from(["first", "second", "both"]), "leap": st.sampled_from(["", "forward", "omit"]),
        "max_attempts": st.integers(1, 9), "grace": st.timedeltas(timedelta(0), timedelta(days=9)),
        "expires_after": HOURS, "backoff_base": st.just(timedelta(milliseconds=1)), "at_most_once": st.booleans(),
        "catch_up": st.sampled_from(["all", "latest", "skip"]), "overlap": st.sampled_from(["allow", "queue"]),
        "when_unknown": st.sampled_from(["ask", "complete", "cancel"]), "payload": OBJECTS,
        "audience_filter": st.sampled_from([{}, {"team": "blue"}]), "local_time": st.times(), "paused": st.booleans(),
    },
)  # fmt: skip
CALENDARS = st.fixed_dictionaries(
    {"closed_weekdays": st.lists(st.integers(0, 6), max_size=3)},
    optional={"country": st.sampled_from(["NO", "DE"]), "ics": st.sampled_from(["", CHRISTMAS_EVE])},
)  # fmt: skip
NAMES = st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3, unique=True)


def fill(data: st.DataObject, world: World) -> None:
    """Some calendar and some rules, as valid as chance will have it."""
    calendar = Calendar(name=data.draw(TEXTS.filter(str.strip)), **data.draw(CALENDARS))
    try:
        operations.create_calendar(calendar, origin=world.origin())
    except InvalidCalendar:
        calendar = Calendar()
    bob = world.person("bob", birthday="1990-03-01", team="blue")
    for name in data.draw(NAMES):
        when, more, policies = data.draw(WHEN), data.draw(MORE), data.draw(POLICIES)
        fields: dict[str, Any] = {"start_date": date(2026, 11, 22), "local_time": time(9), "handler": "log"}
        fields |= when | ({} if when.pop("alone", False) else more) | policies
        whom = {"entity": bob} if data.draw(st.booleans()) else {"audience_kind": "person"}
        fields["calendar"] = calendar if fields.get("calendar") and calendar.pk else None
        is_paused = fields.pop("paused", False)
        fields.pop("alone", None)
        try:
            with transaction.atomic():
                rule = operations.create_rule(
                    Rule(name=name, **whom, **fields), horizon=HORIZON, origin=world.origin()
                )
        except InvalidRule:
            continue
        if is_paused:
            operations.pause_rule(rule, origin=world.origin())


def kept() -> list[dict[str, Any]]:
    """The rules' own columns, by name; calendars by theirs."""
    names = {*operations.rule_checks.EDITABLE, "state", "calendar__name", "entity__external_id"} - {
        "calendar",
        "entity",
    }
    return list(Rule.objects.order_by("name").values(*sorted(names)))


@pytest.mark.django_db
@given(data=st.data())
@ON_THE_DATABASE
def test_what_is_exported_changes_nothing_here_and_makes_the_same_elsewhere(data: st.DataObject) -> None:
    world = World(NOW)
    world.horizon = HORIZON
    with transaction.atomic():
        with transaction.atomic():
            fill(data, world)
            text, before = as_yaml(declared.written()), kept()
            assert make_so(world, text, prune=True).steps == ()
            assert kept() == before
            transaction.set_rollback(True)
        world.person("bob", birthday="1990-03-01", team="blue")
        assert not Rule.objects.exists()
        make_so(world, text, prune=True)
        assert as_yaml(declared.written()) == text
        assert kept() == before
        assert make_so(world, text, prune=True).steps == ()
        transaction.set_rollback(True)
