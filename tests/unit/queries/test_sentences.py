"""A rule's time as one sentence."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from events import queries
from events.models import Calendar, Entity, Rule

Z = "in each person's zone"
LATER = "; in the spring gap at 10:00"
OPENS_LATER = "; in the spring gap from 10:00"
BAVARIA = Calendar(pk=1, name="Bavaria")
CRON = {"rrule": "", "local_time": None}
HOURS = {"window": timedelta(hours=8)}
COMPLETION = {"rrule": "", "every_from": "completion"}


def rule(**fields: Any) -> Rule:
    """Every day at nine, for every person."""
    values: dict[str, Any] = {
        "audience_kind": "person", "start_date": date(2027, 1, 1), "local_time": time(9), "rrule": "FREQ=DAILY",
    }  # fmt: skip
    return Rule(**{**values, **fields})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, f"every day at 09:00 {Z}{LATER}"),
        ({"local_time": time(9, 0, 30)}, f"every day at 09:00:30 {Z}; in the spring gap at 10:00:30"),
        ({"rrule": "FREQ=MONTHLY;BYDAY=1MO"}, f"every first Monday at 09:00 {Z}{LATER}"),
        ({"rrule": ""}, f"once, on 2027-01-01 at 09:00 {Z}{LATER}"),
        ({"anchor_offset_days": 2}, f"2 days after: every day at 09:00 {Z}{LATER}"),
        ({"rrule": "", "every": "PT30M"}, f"every 30 minutes, counted from 2027-01-01 09:00 {Z}"),
        (
            {"rrule": "FREQ=MONTHLY;BYMONTHDAY=31", "leap": "backward"},
            f"every month on the 31st at 09:00 {Z}; where a month lacks the day, on its last day{LATER}",
        ),
        # --- whose time ---
        ({"timezone": "Asia/Tokyo"}, f"every day at 09:00 in Asia/Tokyo{LATER}"),
        ({"audience_kind": "room"}, f"every day at 09:00 in each room's zone{LATER}"),
        ({"audience_kind": "a; b"}, f"every day at 09:00 in each a; b's zone{LATER}"),
        (
            {"entity": Entity(name="Alice", timezone="Asia/Tokyo"), "audience_kind": ""},
            f"every day at 09:00 in Asia/Tokyo{LATER}",
        ),
        # --- cron has its own time of day ---
        (
            {**CRON, "cron": "30 9 * * MON-FRI"},
            f"every weekday at 09:30 {Z}; in the spring gap at 10:30",
        ),
        ({**CRON, "cron": "*/15 * * * *"}, f"every 15 minutes {Z}"),
        # --- counted from the end of the one before ---
        (
            {**COMPLETION, "every": "PT30M"},
            f"30 min after the end of the one before, the first counted from 2027-01-01 09:00 {Z}",
        ),
        (
            {**COMPLETION, "every": "PT1H1M1S", "timezone": "UTC"},
            "1 h 1 min 1 s after the end of the one before, the first counted from 2027-01-01 09:00 in UTC",
        ),
        (
            {**COMPLETION, "every": "P2W"},
            f"2 weeks after the end of the one before, the first counted from 2027-01-01 09:00 {Z}",
        ),
        (
            {**COMPLETION, "every": "P1M"},
            f"1 month after the end of the one before, the first counted from 2027-01-01 09:00 {Z}",
        ),
        # --- where the clocks never change, and where there is nothing to repeat ---
        ({"rrule": "FREQ=DAILY", "timezone": "UTC"}, "every day at 09:00 in UTC"),
        ({"role": "triggers", "local_time": None, "start_date": None}, "whenever one of its triggers says"),
        ({"role": "groups", "local_time": None, "start_date": None}, "whenever one of its groups says"),
        # --- what cannot be read stands for itself ---
        ({"rrule": "FREQ=SOMETIMES"}, "FREQ=SOMETIMES at 09:00"),
        ({**CRON, "cron": "hourly"}, "hourly"),
        ({"rrule": "FREQ=SOMETIMES", "anchor": "birthday", "start_date": None}, "FREQ=SOMETIMES at 09:00"),
    ],
)
def test_a_rules_time_is_one_sentence(fields: dict[str, Any], said: str) -> None:
    assert queries.when_in_words(rule(**fields)) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, f"every year on the birthday at 09:00 {Z}; 29 February on the 28th{LATER}"),
        (
            {"leap": "forward", "gap": "skip", "fold": "both"},
            (
                f"every year on the birthday at 09:00 {Z}; 29 February on 1 March; "
                "in the spring gap not at all; in the autumn fold both times"
            ),
        ),
        (
            {"rrule": "FREQ=YEARLY;INTERVAL=5;SKIP=OMIT"},
            (
                f"every 5 years on the birthday at 09:00 {Z}, counted from the birthday; "
                f"29 February in leap years alone{LATER}"
            ),
        ),
        (
            {"rrule": "", "every": "P1Y"},
            f"every year on the birthday at 09:00 {Z}; 29 February on the 28th{LATER}",
        ),
        (
            {"start_date": date(2027, 1, 1)},
            f"every year on the birthday at 09:00 {Z}; 29 February on the 28th; not before 2027-01-01{LATER}",
        ),
        (
            {"anchor_offset_days": -3},
            f"every year, 3 days before the birthday at 09:00 {Z}; 29 February on the 28th{LATER}",
        ),
        (
            {"rrule": "", "anchor": "contract_end", "anchor_offset_days": -3},
            f"once, 3 days before contract_end at 09:00 {Z}{LATER}",
        ),
        ({"rrule": "", "anchor_offset_days": 1}, f"once, 1 day after the birthday at 09:00 {Z}{LATER}"),
        (
            {"rrule": "FREQ=MONTHLY"},
            (
                f"every month on the day of the birthday at 09:00 {Z}; "
                f"where a month lacks the day, on its last day{LATER}"
            ),
        ),
        ({"rrule": "FREQ=WEEKLY"}, f"every week on the weekday of the birthday at 09:00 {Z}{LATER}"),
        (
            {"rrule": "FREQ=WEEKLY;COUNT=3", "anchor_offset_days": 2},
            f"every week, 2 days after the weekday of the birthday at 09:00 {Z}, 3 times{LATER}",
        ),
        (
            {"rrule": "FREQ=DAILY", "anchor_offset_days": 2},
            f"2 days after: every day at 09:00 {Z}, from the birthday on{LATER}",
        ),
        (
            {"rrule": "FREQ=DAILY;INTERVAL=100"},
            f"every 100 days at 09:00 {Z}, counted from the birthday{LATER}",
        ),
        (
            {"rrule": "FREQ=MONTHLY;BYMONTHDAY=31", "leap": "omit"},
            (
                f"every month on the 31st at 09:00 {Z}, from the birthday on; "
                f"where a month lacks the day, not at all{LATER}"
            ),
        ),
        (
            {"rrule": "FREQ=YEARLY;BYMONTH=6"},
            (
                f"every year on the day of the birthday in June at 09:00 {Z}; "
                f"where a month lacks the day, on its last day{LATER}"
            ),
        ),
        (
            {"rrule": "FREQ=YEARLY;BYWEEKNO=20"},
            f"every year in week 20 on the weekday of the birthday at 09:00 {Z}{LATER}",
        ),
        (
            {"rrule": "FREQ=YEARLY\nFREQ=MONTHLY;BYDAY=1MO"},
            (
                f"every year on the birthday at 09:00 {Z} and every first Monday at 09:00 {Z}, "
                f"from the birthday on; 29 February on the 28th{LATER}"
            ),
        ),
        (
            {"rrule": "", "every": "PT36H"},
            f"every 36 hours, counted from the birthday at 09:00 {Z}",
        ),
        (
            {**CRON, "cron": "30 9 * * MON-FRI"},
            f"every weekday at 09:30 {Z}, from the birthday on; in the spring gap at 10:30",
        ),
        (
            {"rdates": ["2027-05-01"], "exdates": ["2028-01-01", "2028-02-01T10:00"]},
            (
                f"every year on the birthday at 09:00 {Z}, and on 2027-05-01, "
                f"except on 2028-01-01 and 2028-02-01 10:00; 29 February on the 28th{LATER}"
            ),
        ),
    ],
)
def test_what_starts_from_each_ones_own_date_says_so(fields: dict[str, Any], said: str) -> None:
    anchored = {"anchor": "birthday", "start_date": None, "rrule": "FREQ=YEARLY"}
    assert queries.when_in_words(rule(**{**anchored, **fields})) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, f"every day at random between 09:00 and 17:00 {Z}{OPENS_LATER}"),
        (
            {"draws": 3, "spacing": timedelta(hours=1)},
            f"every day 3 times at random between 09:00 and 17:00 {Z}, at least 1 h apart{OPENS_LATER}",
        ),
        (
            {"local_time": time(20), "window": timedelta(hours=12)},
            f"every day at random between 20:00 and 08:00 of the next day {Z}; in the spring gap from 21:00",
        ),
        (
            {**CRON, "cron": "30 9 * * MON-FRI"},
            f"every weekday at random between 09:30 and 17:30 {Z}; in the spring gap from 10:30",
        ),
        (
            {**CRON, "cron": "0 9,17 * * *"},
            (
                f"every day at 09:00 and 17:00 {Z}, at random within 8 h from then on; "
                "in the spring gap an hour later"
            ),
        ),
        (
            {"rrule": "FREQ=HOURLY", "window": timedelta(seconds=0.5)},
            f"every hour, counted from 2027-01-01 09:00 {Z}, at random within 0.5 s from then on",
        ),
        (
            {"anchor": "birthday", "start_date": None, "rrule": "FREQ=YEARLY"},
            (
                f"every year on the birthday at random between 09:00 and 17:00 {Z}; "
                f"29 February on the 28th{OPENS_LATER}"
            ),
        ),
        (
            {"rrule": ""},
            f"once, on 2027-01-01 at random between 09:00 and 17:00 {Z}{OPENS_LATER}",
        ),
        (
            {"rrule": "", "draws": 3},
            f"on 2027-01-01 3 times at random between 09:00 and 17:00 {Z}{OPENS_LATER}",
        ),
        (
            {"rrule": "", "window": timedelta(days=3)},
            f"once, at random within 3 d after 2027-01-01 09:00 {Z}{OPENS_LATER}",
        ),
        (
            {"rrule": "", "window": timedelta(days=1, hours=12), "draws": 2},
            f"2 times at random within 1 d 12 h after 2027-01-01 09:00 {Z}{OPENS_LATER}",
        ),
    ],
)
def test_a_window_stands_where_its_opening_would(fields: dict[str, Any], said: str) -> None:
    assert queries.when_in_words(rule(**{**HOURS, **fields})) == said


@pytest.mark.parametrize(
    ("roll", "clause"),
    [
        ("skip", "not on closed days of Bavaria"),
        ("previous", "from closed days of Bavaria moved to the open day before"),
        ("next", "from closed days of Bavaria moved to the next open day"),
    ],
)
def test_the_calendar_is_named(roll: str, clause: str) -> None:
    assert (
        queries.when_in_words(rule(calendar=BAVARIA, roll=roll)) == f"every day at 09:00 {Z}{LATER}; {clause}"
    )


def test_the_first_clause_stands_alone_where_there_is_little_room() -> None:
    assert queries.when_in_brief(rule(calendar=BAVARIA)) == f"every day at 09:00 {Z}"
    assert queries.when_in_brief(rule(rrule="FREQ=SOMETIMES")) == "FREQ=SOMETIMES at 09:00"
