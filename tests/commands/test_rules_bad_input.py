"""Rules that cannot be meant: a sentence names the field, the value and the remedy, and nothing is written."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from events.models import LoggedMove, Occurrence, Rule
from events.operations import InvalidRule

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "field", "value", "remedy"),
    [
        pytest.param(
            {"timezone": "EST"}, "timezone", "'EST'", "America/New_York", id="an abbreviation as zone"
        ),
        pytest.param(
            {"timezone": "Europe/Berlni"}, "timezone", "'Europe/Berlni'", "Europe/Berlin", id="no such zone"
        ),
        pytest.param({"timezone": "GMT+3"}, "timezone", "'GMT+3'", "zone of a city", id="an offset as zone"),
        pytest.param({"rrule": "FREQ=FORTNIGHTLY"}, "rrule", "FORTNIGHTLY", "WEEKLY", id="no such frequency"),
        pytest.param({"rrule": "every day"}, "rrule", "EVERY DAY", "Use FREQ", id="no RRULE at all"),
        pytest.param({"rrule": "FREQ=DAILY;BYHOUR=25"}, "rrule", "25", "23", id="a twenty-fifth hour"),
        pytest.param(
            {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", "YEARLY", "a day", id="30 February"
        ),
        pytest.param(
            {"rrule": "FREQ=DAILY;UNTIL=20200101"}, "rrule", "UNTIL", "UNTIL after", id="over before it began"
        ),
        pytest.param(
            {"rrule": "", "start_date": date(2020, 2, 29)},
            "start_date",
            "2020-02-29",
            "later date",
            id="once, long ago",
        ),
        pytest.param(
            {"start_date": "2023-02-29"}, "start_date", "2023-02-29", "", id="a date that never was"
        ),
        pytest.param({"handler": "pigeon"}, "handler", "'pigeon'", "Installed: log", id="an unknown handler"),
        pytest.param(
            {"anchor": "birthday"}, "anchor", "'birthday'", "Give them one", id="an anchor that nobody has"
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_a_sentence_and_nothing_is_written(
    world: World, fields: dict[str, Any], field: str, value: str, remedy: str
) -> None:
    world.person("alice", team="blue")

    with pytest.raises(InvalidRule) as refused:
        world.rule(name="wrong", **fields)

    sentence = " ".join(refused.value.by_field()[field])
    assert value in sentence
    assert remedy in sentence
    assert "rule 'wrong' was refused; nothing was written" in str(refused.value)
    assert not Rule.objects.exists()
    assert not Occurrence.objects.exists()
    assert not LoggedMove.objects.exists()


def test_every_wrong_field_is_named_at_once(world: World) -> None:
    world.person("alice")
    with pytest.raises(InvalidRule) as refused:
        world.rule(timezone="EST", rrule="FREQ=NEVER", handler="pigeon")
    assert refused.value.by_field().keys() >= {"timezone", "rrule", "handler"}
