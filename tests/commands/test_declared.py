"""What keys mean: phrases, iCalendar text, the same thing in other words, and the files of the documentation."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from events.models import Rule
from events.operations.declared import InvalidDeclared
from tests.commands.conftest import ROOT
from tests.commands.yaml_text import RULE, actions, apply, make_so

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.world import World

pytestmark = pytest.mark.django_db

PHRASE = """
    version: 1
    rules:
      - name: Plants
        audience_kind: person
        phrase: {said}
        handler: log
"""


@pytest.mark.parametrize("said", ["every weekday at 9am", "in 20 minutes", "every day between 9 and 17"])
def test_a_phrase_means_the_same_whenever_its_file_is_applied_again(world: World, said: str) -> None:
    world.person(timezone="UTC")
    text = PHRASE.format(said=said)
    assert actions(make_so(world, text)) == [("create", "Plants")]
    later = world.now + timedelta(days=40, hours=5)
    assert actions(make_so(world, text, now=later)) == []
    if said.startswith("every"):
        edited = text + "        exdates: ['2030-12-24']\n"
        assert actions(make_so(world, edited, now=later)) == [("change", "Plants")]
        assert actions(make_so(world, edited, now=later + timedelta(days=3))) == []


def test_a_phrase_that_is_past_is_refused_of_a_known_rule_too(world: World) -> None:
    world.person(timezone="UTC")
    make_so(world, PHRASE.format(said="every day at 9"))
    with pytest.raises(InvalidDeclared, match="line 6: rule 'Plants': phrase: "):
        make_so(world, PHRASE.format(said="2020-12-24 at 9 in UTC"))


def test_a_phrase_for_one_is_told_in_their_zone_and_follows_them(world: World) -> None:
    world.person("bob", "Asia/Tokyo")
    text = PHRASE.format(said="tomorrow at 9").replace(
        "audience_kind: person", "entity: {kind: person, external_id: bob}"
    )
    make_so(world, text, now=datetime.fromisoformat("2026-11-22T16:00+00:00"))
    rule = Rule.objects.get()
    assert (rule.start_date, rule.local_time, rule.timezone) == (date(2026, 11, 24), time(9), "")


def test_a_phrase_that_names_no_one_day_for_many_is_refused(world: World) -> None:
    with pytest.raises(
        InvalidDeclared, match="line 6: rule 'Plants': phrase: it is for people in many zones"
    ):
        make_so(world, PHRASE.format(said="tomorrow at 9"))


def test_a_rule_is_given_as_icalendar_text(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    text = """
        version: 1
        rules:
          - name: Stand-up
            audience_kind: person
            handler: log
            ics: |
              DTSTART;TZID=America/New_York:20261102T090000
              RRULE:FREQ=WEEKLY;BYDAY=MO,WE
              EXDATE;TZID=America/New_York:20261125T090000
    """
    assert apply(tmp_path, text).refused == ""
    rule = Rule.objects.get()
    assert (rule.timezone, rule.rrule) == ("America/New_York", "FREQ=WEEKLY;BYDAY=MO,WE")
    assert (rule.local_time, rule.exdates) == (time(9), ["2026-11-25T09:00:00"])
    assert apply(tmp_path, text).out == "Nothing to do; 1 unchanged.\n"
    twice = text.replace("handler:", "timezone: Asia/Tokyo\n            handler:")
    assert "timezone: the text of ics names America/New_York itself" in apply(tmp_path, twice).refused
    wrong = text.replace("FREQ=WEEKLY", "FREQ=WEAKLY")
    assert "line 7: rule 'Stand-up': " in apply(tmp_path, wrong).refused


def test_what_is_the_same_in_other_words_is_no_change(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    text = """
        version: 1
        calendars:
          - name: Bavaria
            country: DE
            subdivision: BY
            closed_weekdays: [SU, SA]
            ics: ''
        rules:
          - name: Rent
            audience_kind: person
            start_date: 2026-01-01
            local_time: 09:00
            rrule: |
              RRULE:FREQ=DAILY
            timezone: Asia/Calcutta
            calendar: Bavaria
            window: PT8H
            handler: log
            payload: {count: 1, deep: {b: [1, null], a: true}}
    """
    apply(tmp_path, text)
    assert Rule.objects.get().timezone == "Asia/Kolkata"
    for old, new in [
        ("country: DE", "country: de"),
        ("subdivision: BY", "subdivision: by"),
        ("[SU, SA]", "[sa, su, SA]"),
        ("RRULE:FREQ=DAILY", "FREQ=DAILY\n"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("PT8H", "PT480M"),
        ("09:00", "'09:00:00'"),
        ("2026-01-01", "'2026-01-01'"),
        ("count: 1,", "count: 1.0,"),
        ("{b: [1, null], a: true}", "{a: True, b: [1, ~]}"),
    ]:
        said = apply(tmp_path, text.replace(old, new)).out
        assert said == "Nothing to do; 2 unchanged.\n", new
    assert apply(tmp_path, text.replace("a: true", "a: 1")).out.startswith("change rule 'Rent'")


def test_anchors_repeat_what_stands_above(world: World, tmp_path: Path) -> None:
    world.person(timezone="UTC")
    text = RULE + "        payload: &hello {text: Hi}\n"
    more = RULE.partition("rules:\n")[2].replace("Rent", "Tea") + "        payload: *hello\n"
    assert apply(tmp_path, text + more).refused == ""
    assert [rule.payload for rule in Rule.objects.all()] == [{"text": "Hi"}] * 2


@pytest.mark.parametrize("page", ["commands.md", "recurrences.md"])
def test_the_files_of_the_documentation_are_taken(world: World, page: str) -> None:
    world.person("europe-berlin")
    files = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    assert files
    for text in files:
        assert "create" in {action for action, _ in actions(make_so(world, text))}
        assert actions(make_so(world, text)) == []
