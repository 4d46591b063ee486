"""Recurrences that cannot be meant: refused at their own column, in a sentence, soon, and nothing is written."""

from __future__ import annotations

from datetime import date, time, timedelta
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events import operations
from events.models import Calendar, LoggedMove, Occurrence, Rule
from events.operations import InvalidRule
from tests.admin.conftest import alice
from tests.admin.test_rules import FILLED

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

__all__ = ["alice"]
pytestmark = pytest.mark.django_db
# That it ends soon, and not how soon: others are at work here, and every line is counted.
BOUND = 5.0
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMPLETION = {"every": "PT30M", "every_from": "completion", "rrule": ""}
DAYS = [f"{date(2030, 1, 1) + number * DAY}" for number in range(3_000)]

BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "30 February": ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", "names no slot"),
    "30 February each second": ({"rrule": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule", ""),
    "30 February by cron": ({"rrule": "", "cron": "0 9 30 2 *"}, "cron", ""),
    "a second rule that never fires": ({"rrule": "FREQ=DAILY\nFREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31"}, "rrule", ""),
    "every date is left out": (
        {"rrule": "FREQ=DAILY;COUNT=2", "start_date": date(2030, 1, 1), "exdates": ["2030-01-01", "2030-01-02"]},
        "exdates", "nothing is left",
    ),
    "COUNT with UNTIL": ({"rrule": "FREQ=DAILY;COUNT=3;UNTIL=20300101"}, "rrule", "COUNT"),
    "UNTIL is no date": ({"rrule": "FREQ=DAILY;UNTIL=tomorrow"}, "rrule", "UNTIL"),
    "UNTIL with an offset": ({"rrule": "FREQ=DAILY;UNTIL=20300101T000000+0200"}, "rrule", "UNTIL"),
    "UNTIL on a day that does not exist": ({"rrule": "FREQ=DAILY;UNTIL=20300230"}, "rrule", "UNTIL"),
    "UNTIL in the year 10000": ({"rrule": "FREQ=DAILY;UNTIL=100000101"}, "rrule", "UNTIL"),
    "UNTIL before the start": ({"rrule": "FREQ=DAILY;UNTIL=20200101"}, "rrule", "UNTIL is before"),
    "an interval of none": ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "rrule", "INTERVAL"),
    "twice the same part": ({"rrule": "FREQ=DAILY;FREQ=WEEKLY"}, "rrule", "FREQ"),
    "an EXRULE": ({"rrule": "FREQ=DAILY\nEXRULE:FREQ=WEEKLY"}, "rrule", "EXRULE"),
    "an RRULE of a megabyte": ({"rrule": "FREQ=DAILY;BYMONTHDAY=" + "1," * 500_000 + "1"}, "rrule", "characters"),
    "a megabyte of RRULEs": ({"rrule": "FREQ=DAILY\n" * 90_000}, "rrule", ""),
    "a megabyte of nothing that is an RRULE": ({"rrule": "x" * 1_000_000}, "rrule", "characters"),
    "eleven RRULEs": ({"rrule": "\n".join(["FREQ=DAILY"] * 11)}, "rrule", "Keep it to 10"),
    "an RRULE with a NUL": ({"rrule": "FREQ=DAILY\x00"}, "rrule", ""),
    "an RRULE beside cron": ({"cron": "0 9 * * *"}, "cron", "exclude each other"),
    "an RRULE beside an interval": ({"every": "P1D"}, "every", "exclude each other"),
    "cron beside an interval": ({"rrule": "", "cron": "0 9 * * *", "every": "P1D"}, "every", "exclude each other"),
    "cron of six fields": ({"rrule": "", "cron": "0 0 9 * * *"}, "cron", "has 6 fields"),
    "cron of a minute that there is not": ({"rrule": "", "cron": "60 9 * * *"}, "cron", ""),
    "cron with a NUL": ({"rrule": "", "cron": "0 9 * * *\x00"}, "cron", ""),
    "cron of a megabyte": ({"rrule": "", "cron": "0," * 500_000 + "0 9 * * *"}, "cron", ""),
    "an interval in words": ({"rrule": "", "every": "30 minutes"}, "every", "is not a duration"),
    "an interval of no time": ({"rrule": "", "every": "PT0S"}, "every", "no time"),
    "an interval of days and hours": ({"rrule": "", "every": "P1DT1H"}, "every", "mixes"),
    "an interval with a NUL": ({"rrule": "", "every": "P1D\x00"}, "every", ""),
    "a date put in that does not exist": ({"rdates": ["2027-02-29"]}, "rdates", "'2027-02-29'"),
    "a date left out that does not exist": ({"exdates": ["2027-06-31T09:00"]}, "exdates", "'2027-06-31T09:00'"),
    "a date in the year 10000": ({"rdates": ["10000-01-01"]}, "rdates", "'10000-01-01'"),
    "an instant before all years": ({"rdates": ["0001-01-01T00:00+14:00"]}, "rdates", "outside the years"),
    "an instant in the last year": ({"rdates": ["9999-12-31T00:00Z"]}, "rdates", "end of the calendar"),
    "a date with a NUL": ({"rdates": ["2027-03-01\x00"]}, "rdates", ""),
    "a date as long as a megabyte": ({"rdates": ["2" * 1_000_000]}, "rdates", ""),
    "a megabyte of dates": ({"rdates": ["2030-01-01"] * 100_000}, "rdates", "100,000 of them"),
    "a hundred thousand dates left out": ({"exdates": ["2030-01-01T09:00"] * 100_000}, "exdates", "100,000 of them"),
    "three thousand dates left out": ({"exdates": DAYS}, "exdates", "Keep it to 2,000"),
    "an offset as a zone": ({"timezone": "+02:00"}, "timezone", ""),
    "an offset as a zone, in words": ({"timezone": "UTC+2"}, "timezone", ""),
    "a zone with a NUL": ({"timezone": "UTC\x00"}, "timezone", ""),
    "a path as a zone": ({"timezone": "../../etc/passwd"}, "timezone", ""),
    "no time of day": ({"local_time": None}, "local_time", "it is missing"),
    "no time for an interval": ({"local_time": None, "rrule": "", "every": "P1D"}, "local_time", "it is missing"),
    "a start in the year 10000": ({"start_date": "10000-01-01"}, "start_date", ""),
    "a window of no time": ({"window": timedelta(0)}, "window", "above zero"),
    "a window that closes before it opens": ({"window": -HOUR}, "window", "above zero"),
    "a window of more than a year": ({"window": 367 * DAY}, "window", "366 days at most"),
    "the longest window that Python knows": ({"window": timedelta.max}, "window", ""),
    "a window of a month each second": ({"rrule": "", "every": "PT1S", "window": 30 * DAY}, "window", "at once"),
    "no draws": ({"window": HOUR, "draws": 0}, "draws", "from 1 to 1,000"),
    "too many draws": ({"window": HOUR, "draws": 1_001}, "draws", "from 1 to 1,000"),
    "more draws than a column holds": ({"window": HOUR, "draws": 40_000}, "draws", ""),
    "less than no draws": ({"window": HOUR, "draws": -1}, "draws", ""),
    "spacing that does not fit": ({"window": 8 * HOUR, "draws": 3, "spacing": 4 * HOUR}, "spacing", "do not fit"),
    "spacing backwards": ({"window": 8 * HOUR, "draws": 3, "spacing": -HOUR}, "spacing", "do not fit"),
    "spacing of ten thousand years": ({"window": HOUR, "spacing": 3_652_500 * DAY}, "spacing", "too long"),
    "the longest spacing that Python knows": ({"window": HOUR, "draws": 9, "spacing": timedelta.max}, "spacing", ""),
    "a grace of ten thousand years": ({"grace": 3_652_500 * DAY}, "grace", "3,653 days at most"),
    "a grace of more than ten years": ({"grace": 3_653 * DAY + HOUR}, "grace", "3,653 days at most"),
    "the longest expiry that Python knows": ({"expires_after": timedelta.max}, "expires_after", "3,653 days at most"),
    "a backoff that ends in ten thousand years": ({"backoff_cap": 3_652_500 * DAY}, "backoff_cap", "366 days at most"),
    "the longest backoff that Python knows": (
        {"backoff_base": timedelta.max, "backoff_cap": timedelta.max}, "backoff_base", "366 days at most"),
    "draws without a window": ({"draws": 2}, "window", "only a window has draws"),
    "spacing without a window": ({"spacing": HOUR}, "window", "only a window has draws"),
    "completion of no interval": ({"every_from": "completion"}, "every", "it is missing"),
    "completion with an RRULE": ({**COMPLETION, "rrule": "FREQ=DAILY"}, "every_from", "rrule"),
    "completion with cron": ({**COMPLETION, "cron": "0 9 * * *"}, "every_from", "cron"),
    "completion with dates put in": ({**COMPLETION, "rdates": ["2030-01-01"]}, "every_from", "rdates"),
    "completion with dates left out": ({**COMPLETION, "exdates": ["2030-01-01"]}, "every_from", "exdates"),
    "completion with a window": ({**COMPLETION, "window": HOUR}, "every_from", "window"),
    "completion with an anchor": ({**COMPLETION, "anchor": "birthday"}, "every_from", "anchor"),
    "completion with an offset": ({**COMPLETION, "every": "P1D", "anchor_offset_days": 3}, "every_from", "offset"),
    "from something else": ({"every": "PT1H", "every_from": "somewhere", "rrule": ""}, "every_from", ""),
    "an offset in days of hours": ({"rrule": "FREQ=HOURLY", "anchor_offset_days": 1}, "anchor_offset_days", ""),
    "an unknown move": ({"on_move": "stay"}, "on_move", ""),
    "an unknown roll": ({"roll": "over"}, "roll", ""),
    "a name with a NUL": ({"name": "wrong\x00"}, "name", ""),
    "an anchor with a NUL": ({"anchor": "birth\x00day"}, "anchor", ""),
}  # fmt: skip


@pytest.fixture(params=BAD)
def bad(request: pytest.FixtureRequest) -> tuple[dict[str, Any], str, str]:
    return BAD[request.param]


def refusal_of(attempt: Any, field: str, sentence: str) -> None:
    """It is refused there and so, shortly, and in bounded time."""
    begun = process_time()
    with pytest.raises(InvalidRule) as refused:
        attempt()
    assert process_time() - begun < BOUND
    said = refused.value.by_field()
    assert field in said, said
    assert said.keys() <= set(operations.rule_checks.EDITABLE)
    assert sentence in " ".join(said[field])
    assert len(str(refused.value)) < 2_000
    assert "nothing was written" in str(refused.value)


def test_a_new_rule_is_refused_at_its_column(world: World, bad: tuple[dict[str, Any], str, str]) -> None:
    fields, field, sentence = bad
    world.person("alice", birthday="1990-03-01")
    start = {} if "start_date" in fields else {"start_date": date(2027, 3, 1)}
    refusal_of(lambda: world.rule(**{"name": "wrong", **start, **fields}), field, sentence)
    assert not Rule.objects.exists()
    assert not Occurrence.objects.exists()
    assert not LoggedMove.objects.exists()


def test_an_edited_rule_is_refused_at_its_column_and_stays_as_it_was(
    world: World, bad: tuple[dict[str, Any], str, str]
) -> None:
    fields, field, sentence = bad
    world.person("alice", birthday="1990-03-01")
    rule = world.rule(name="sound", start_date=date(2027, 3, 1))
    before = (Rule.objects.values().get(), list(Occurrence.objects.values().order_by("pk")))
    rule.refresh_from_db()
    for name, value in fields.items():
        setattr(rule, name, value)
    refusal_of(
        lambda: operations.change_rule(rule, horizon=world.horizon, origin=world.origin()), field, sentence
    )
    assert (Rule.objects.values().get(), list(Occurrence.objects.values().order_by("pk"))) == before


@pytest.mark.parametrize(
    ("roll", "rrule", "field"),
    [("next", "FREQ=HOURLY", "calendar"), ("skip", "FREQ=WEEKLY;BYDAY=SA", "calendar")],
)
def test_what_a_calendar_leaves_nothing_of_or_cannot_move_is_refused(
    world: World, roll: str, rrule: str, field: str
) -> None:
    world.person()
    weekends = operations.create_calendar(
        Calendar(name="weekends", closed_weekdays=[5, 6]), origin=world.origin()
    )
    refusal_of(lambda: world.rule(calendar=weekends, roll=roll, rrule=rrule), field, "")
    refusal_of(lambda: world.rule(calendar=weekends, every_from="completion", every="P1D", rrule=""),
               "every_from", "calendar")  # fmt: skip


@pytest.mark.parametrize("text", ["FREQ=DAILY\x00", "0 9 * * *\x00"])
def test_the_form_says_so_beside_its_field_too(alice: Client, world: World, text: str) -> None:
    world.person()
    name = "rrule" if "FREQ" in text else "cron"
    page = alice.post(reverse("admin:events_rule_add"), {**FILLED, "rrule": "", name: text})
    assert page.status_code == 200
    assert name in page.context["adminform"].form.errors
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rrule": "FREQ=DAILY;COUNT=1;UNTIL=20300101"}, "rrule"),
        ({"rrule": "FREQ=DAILY\n" * 90_000}, "rrule"),
        ({"cron": "0 0 9 * * *", "rrule": ""}, "cron"),
        ({"every": "P1DT1H", "rrule": ""}, "every"),
        ({"every": "P1D", "every_from": "completion"}, "every_from"),
        ({"rdates": "2027-02-29"}, "rdates"),
        ({"exdates": "2030-01-01\n" * 100_000}, "exdates"),
        ({"window": "367 00:00:00"}, "window"),
        ({"window": "8:00:00", "draws": "0"}, "draws"),
        ({"window": "8:00:00", "draws": "3", "spacing": "4:00:00"}, "spacing"),
        ({"local_time": ""}, "local_time"),
        ({"timezone": "+02:00"}, "timezone"),
    ],
)
def test_the_form_says_beside_its_field_what_operations_refuse(
    alice: Client, world: World, wrong: dict[str, str], field: str
) -> None:
    world.person()
    begun = process_time()
    page = alice.post(reverse("admin:events_rule_add"), {**FILLED, "start_date": "2030-01-01", **wrong})
    assert process_time() - begun < 4 * BOUND
    errors = page.context["adminform"].form.errors
    assert field in errors, errors
    assert sum(len(said) for said in errors[field]) < 2_000
    assert not Rule.objects.exists()


def test_what_is_odd_but_can_be_meant_is_accepted(world: World) -> None:
    world.person(birthday="1990-03-01")
    odd: list[dict[str, Any]] = [
        {"rrule": "RRULE:FREQ=DAILY;COUNT=1\n\n  FREQ=WEEKLY  "},
        {"rrule": "", "cron": "@daily", "local_time": None},
        {"rrule": "", "start_date": date(2020, 1, 1), "rdates": ["2030-01-01"]},
        {"rrule": "FREQ=DAILY", "exdates": DAYS[:2_000]},
        {"window": 8 * HOUR, "draws": 2, "spacing": 8 * HOUR - timedelta(microseconds=1)},
        {"anchor": "birthday", "rrule": "", "window": 366 * DAY},
        {"rrule": "", "start_date": world.now.date() - 2 * DAY, "window": 4 * DAY},
        {"rrule": "", "every": "P999Y"},
        {"rrule": "FREQ=HOURLY;COUNT=3", "window": 40 * DAY},
        {"local_time": time(23, 59, 59), "rrule": "FREQ=SECONDLY;INTERVAL=86399"},
    ]
    for fields in odd:
        rule = world.rule(**fields)
        rule.refresh_from_db()
        assert operations.change_rule(rule, horizon=world.horizon, origin=world.origin()) == 0
