"""Calendars: what is closed, and how the rows of the rules that keep it free follow an edit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from events import operations, planning
from events.models import Calendar, LoggedMove, Occurrence, Rule
from events.operations import CalendarInUse, InvalidCalendar, InvalidRule, StaleVersion
from tests.engine.world import World

pytestmark = pytest.mark.django_db

WEEKEND = [5, 6]
COMPANY = """BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Works outing, every year on the second Wednesday of June
DTSTART;VALUE=DATE:20200610
RRULE:FREQ=YEARLY;BYMONTH=6;BYDAY=2WE
EXDATE;VALUE=DATE:20280614
END:VEVENT
BEGIN:VEVENT
SUMMARY:Stocktaking
DTSTART;VALUE=DATE:20270104
DTEND;VALUE=DATE:20270107
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def world(db: None) -> World:
    """New Year's Eve of 2026, a Thursday, early in the morning."""
    return World(datetime(2026, 12, 31, 6, tzinfo=UTC))


def calendar(world: World, **fields: Any) -> Calendar:
    values = {"name": "Office", "closed_weekdays": WEEKEND} | fields
    return operations.create_calendar(Calendar(**values), origin=world.origin())


def change(world: World, row: Calendar, expected: int | None = None, **fields: Any) -> int:
    for name, value in fields.items():
        setattr(row, name, value)
    return operations.change_calendar(
        row, horizon=world.horizon, origin=world.origin("user:bob"), expected_version=expected
    )


def waiting(rule: Rule) -> list[str]:
    rows = Occurrence.objects.filter(rule=rule, state="SCHEDULED").order_by("due_at")
    return [f"{due_at:%a %d %b}" for due_at in rows.values_list("due_at", flat=True)]


def daily(world: World, row: Calendar, **fields: Any) -> Rule:
    """Every day at nine in UTC, for Alice; planned for a week."""
    world.horizon = timedelta(days=7)
    if not Rule.objects.exists():
        world.person(timezone="UTC")
    return world.rule(calendar=row, **fields)


def refused(world: World, **fields: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidCalendar) as error:
        calendar(world, **fields)
    assert not Calendar.objects.exists()
    return error.value.by_field()


# --- what is closed ---


@pytest.mark.parametrize(
    ("fields", "closed", "open_"),
    [
        ({"country": "DE", "subdivision": "BY"}, ["2027-01-06", "2027-05-27"], ["2027-10-31", "2027-02-15"]),
        ({"country": "de", "subdivision": "by"}, ["2027-01-06"], []),
        ({"country": "DE", "subdivision": "augsburg"}, ["2027-08-08"], []),
        ({"country": "DE", "subdivision": "BB"}, ["2027-10-31"], ["2027-01-06"]),
        ({"country": "US"}, ["2027-11-25", "2027-07-04", "2027-07-05"], ["2027-12-26"]),
        ({"ics": COMPANY}, ["2027-01-04", "2027-01-06", "2027-06-09", "2029-06-13"], ["2027-01-07", "2028-06-14"]),
    ],
)  # fmt: skip
def test_holidays_and_events_are_closed(
    world: World, fields: dict[str, str], closed: list[str], open_: list[str]
) -> None:
    days = planning.closed_days(calendar(world, **fields), first_year=2027, last_year=2030)
    assert days.issuperset(map(date.fromisoformat, closed))
    assert not days & set(map(date.fromisoformat, open_))


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"closed_weekdays": list(range(7))}, "closed_weekdays", "no weekday is left open"),
        ({"closed_weekdays": []}, "closed_weekdays", "nothing is closed"),
        ({"closed_weekdays": [7]}, "__all__", "Weekdays go from 0"),
        ({"country": "XX"}, "country", "'XX' is not a country whose holidays are known"),
        ({"country": "DE", "subdivision": "XX"}, "subdivision", "BB, BE, BW, BY"),
        ({"country": "US", "subdivision": "BY"}, "subdivision", "WY"),
        ({"subdivision": "BY"}, "__all__", "Name the country as well"),
        ({"ics": "holidays"}, "ics", "is no iCalendar text"),
        ({"ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR"}, "ics", "has no DTSTART"),
        ({"ics": COMPANY.replace("YEARLY", "SOMETIMES")}, "ics", "is not valid"),
        ({"ics": "x" * 1_000_001}, "ics", "1,000,001 characters"),
        ({"ics": f"{COMPANY}\x00"}, "ics", "NUL"),
        ({"name": "a\x00b"}, "name", "NUL"),
        ({"name": ""}, "name", "cannot be blank"),
    ],
)
def test_a_calendar_that_cannot_be_is_refused_by_field(
    world: World, fields: dict[str, Any], field: str, sentence: str
) -> None:
    said = refused(world, **fields)
    assert sentence in " ".join(said[field]), said


# --- what rules make of it ---


def test_a_chain_of_holidays_and_weekends_is_skipped_or_passed_over(world: World) -> None:
    office = calendar(world, country="DE", subdivision="BY")
    # New Year's Day is a Friday, a weekend follows; Epiphany is a Wednesday.
    assert waiting(daily(world, office)) == ["Thu 31 Dec", "Mon 04 Jan", "Tue 05 Jan"]
    friday = {"rrule": "FREQ=WEEKLY;BYDAY=FR", "start_date": date(2027, 1, 1)}
    assert waiting(daily(world, office, roll="next", **friday)) == ["Mon 04 Jan"]
    assert waiting(daily(world, office, roll="previous", **friday)) == ["Thu 31 Dec"]
    assert waiting(daily(world, office, **friday)) == []
    moved = Occurrence.objects.get(rule__roll="next")
    assert "2027-01-01" in moved.note


def test_the_end_of_a_month_moves_over_the_months_border_and_fires_once(world: World) -> None:
    world.now = datetime(2027, 1, 28, 6, tzinfo=UTC)
    office = calendar(world)
    end = {"rrule": "FREQ=MONTHLY;BYMONTHDAY=-1"}  # 31 January 2027 is a Sunday
    assert waiting(daily(world, office, roll="previous", **end)) == ["Fri 29 Jan"]
    assert waiting(daily(world, office, roll="next", **end)) == ["Mon 01 Feb"]
    # Saturday, Sunday and Monday meet on the Monday.
    assert waiting(daily(world, office, roll="next")).count("Mon 01 Feb") == 1


def test_an_edit_moves_the_rows_of_all_its_rules_in_the_same_transaction(world: World) -> None:
    office = calendar(world)
    rule, other = daily(world, office), daily(world, calendar(world, name="Other"))
    paused = daily(world, office, roll="next")
    operations.pause_rule(paused, origin=world.origin())
    assert waiting(rule) == ["Thu 31 Dec", "Fri 01 Jan", "Mon 04 Jan", "Tue 05 Jan", "Wed 06 Jan"]
    keys = set(Occurrence.objects.filter(rule=rule).values_list("idempotency_key", flat=True))

    assert change(world, office, country="DE", subdivision="BY") == 5
    assert waiting(rule) == ["Thu 31 Dec", "Mon 04 Jan", "Tue 05 Jan"]
    assert waiting(paused) == ["Thu 31 Dec", "Mon 04 Jan", "Tue 05 Jan"]
    assert len(waiting(other)) == 5
    reasons = LoggedMove.objects.filter(actor="user:bob").values_list("reason", flat=True)
    assert sorted(reasons) == ["moved", *["superseded"] * 4]
    assert (office.version, Calendar.objects.get(pk=office.pk).version) == (2, 2)

    change(world, office, country="", subdivision="")
    assert waiting(rule) == ["Thu 31 Dec", "Fri 01 Jan", "Mon 04 Jan", "Tue 05 Jan", "Wed 06 Jan"]
    assert set(Occurrence.objects.filter(rule=rule).values_list("idempotency_key", flat=True)) == keys


def test_an_edit_that_frees_today_fires_today_if_the_moment_is_still_to_come(world: World) -> None:
    office = calendar(world, closed_weekdays=[3])
    rule = daily(world, office)
    world.tick()
    assert "Thu 31 Dec" not in waiting(rule)
    change(world, office, closed_weekdays=WEEKEND)
    assert waiting(rule)[0] == "Thu 31 Dec"

    change(world, office, closed_weekdays=[3])
    world.now = datetime(2026, 12, 31, 9, 0, 1, tzinfo=UTC)  # nine has passed, closed as it was
    change(world, office, closed_weekdays=WEEKEND)
    assert waiting(rule)[0] == "Fri 01 Jan"


def test_what_was_due_before_an_edit_is_due_by_the_calendar_as_it_was(world: World) -> None:
    office = calendar(world)
    rule = daily(world, office)
    world.now += timedelta(days=10)  # nobody planned meanwhile
    change(world, office, closed_weekdays=[0, 1, 2, 3, 4, 5])
    due = Occurrence.objects.filter(rule=rule, due_at__lt=world.now).order_by("slot")
    assert [f"{slot:%d}" for slot in due.values_list("slot", flat=True)] == [
        "31", "01", "04", "05", "06", "07", "08",
    ]  # fmt: skip


def test_what_was_sent_stays_and_retired_rules_stay_as_they_are(world: World) -> None:
    office = calendar(world)
    rule, retired = daily(world, office), daily(world, office)
    operations.retire_rule(retired, why="over", origin=world.origin())
    world.now = datetime(2026, 12, 31, 9, tzinfo=UTC)
    world.tick()
    before = list(Occurrence.objects.filter(rule=retired).order_by("pk").values())
    change(world, office, closed_weekdays=[3])
    assert list(
        Occurrence.objects.filter(rule=rule).filter(state="COMPLETED").values_list("slot", flat=True)
    ) == [datetime(2026, 12, 31, 9)]
    assert list(Occurrence.objects.filter(rule=retired).order_by("pk").values()) == before


def test_a_rule_that_would_never_find_an_open_day_again_is_named_and_nothing_is_written(world: World) -> None:
    office = calendar(world)
    rule = daily(world, office, name="Mondays", rrule="FREQ=WEEKLY;BYDAY=MO")
    with pytest.raises(InvalidCalendar, match="rule 'Mondays' would never fire again") as error:
        change(world, office, closed_weekdays=[0])
    assert set(error.value.by_field()) == {"closed_weekdays"}
    assert Calendar.objects.get().closed_weekdays == WEEKEND
    assert waiting(rule) == ["Mon 04 Jan"]


def test_what_fires_once_or_from_each_ones_own_date_may_lose_its_day_to_an_edit(world: World) -> None:
    office = calendar(world)
    once = daily(world, office, rrule="", start_date=date(2027, 1, 1), audience_filter={"team": "blue"})
    world.people({"bob": "UTC"}, hired="2020-01-04", team="blue")
    hired = daily(world, office, anchor="hired", rrule="FREQ=WEEKLY", audience_filter={"hired": "2020-01-04"})
    assert (waiting(once), waiting(hired)) == (["Fri 01 Jan"], [])
    change(world, office, closed_weekdays=[4])
    assert (waiting(once), waiting(hired)) == ([], ["Sat 02 Jan"])


def test_of_two_who_edit_one_version_the_second_is_told(world: World) -> None:
    office = calendar(world)
    daily(world, office)
    change(world, Calendar.objects.get(), 1, closed_weekdays=[4])
    with pytest.raises(StaleVersion, match="calendar 'Office' has version 2 now, and version 1 was expected"):
        change(world, office, 1, closed_weekdays=[3])
    assert Calendar.objects.get().closed_weekdays == [4]


# --- deletion ---


def test_a_calendar_is_deleted_when_no_rule_names_it_not_even_a_retired_one(world: World) -> None:
    office = calendar(world)
    rule = daily(world, office, name="Morning")
    operations.retire_rule(rule, why="over", origin=world.origin())
    with pytest.raises(CalendarInUse) as error:
        operations.delete_calendar(office)
    assert str(error.value) == (
        "Calendar 'Office' is kept free by rule 'Morning', so it was not deleted. "
        "Give them another calendar, or none, first."
    )
    Rule.objects.update(calendar=None)
    operations.delete_calendar(office)
    assert not Calendar.objects.exists()


def test_of_many_rules_that_name_it_a_few_are_told(world: World) -> None:
    office = calendar(world)
    for number in range(5):
        daily(world, office, name=f"R{number}")
    with pytest.raises(CalendarInUse, match="by rule 'R0', rule 'R1', rule 'R2' and 2 more, so"):
        operations.delete_calendar(office)


def test_a_rule_cannot_name_a_calendar_that_was_deleted(world: World) -> None:
    office = calendar(world)
    gone = Calendar.objects.get()
    operations.delete_calendar(office)
    with pytest.raises(InvalidRule, match="calendar"):
        daily(world, gone)
    assert not Rule.objects.exists()


def test_days_on_which_many_slots_meet_are_planned_too(world: World) -> None:
    """More meet on the only day that is open than a note has room to name."""
    rule = daily(world, calendar(world, closed_weekdays=[0, 1, 2, 3, 4, 5]), roll="next")
    assert waiting(rule) == ["Sun 03 Jan"]
    (busy,) = Occurrence.objects.filter(rule=rule)
    assert "also stands for 2027-01-0" in busy.note
    world.horizon = timedelta(days=14)
    world.now += timedelta(days=7)
    world.plan()
    later = Occurrence.objects.filter(rule=rule).latest("due_at")
    assert later.note.endswith("also stands for 3 more")
