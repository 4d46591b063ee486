"""Calendars are written through operations, with their closed days beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from events import operations, queries
from events.admin import calendar_form
from events.models import Calendar, Occurrence
from tests.admin.conftest import logged_in, messages_of

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
LIST, ADD = reverse("admin:events_calendar_changelist"), reverse("admin:events_calendar_add")
PREVIEW = reverse("admin:events_calendar_preview_new")
FILLED: dict[str, Any] = {
    "name": "Bavaria", "closed_weekdays": ["5", "6"], "country": "DE", "subdivision": "BY", "ics": "",
}  # fmt: skip
OUTING = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20200610\r\nRRULE:FREQ=YEARLY\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def kept(world: World, **fields: Any) -> Calendar:
    values = {"name": "Office", "closed_weekdays": [5, 6], **fields}
    return operations.create_calendar(Calendar(**values), origin=world.origin())


def address(row: Calendar, page: str = "change") -> str:
    return reverse(f"admin:events_calendar_{page}", args=[row.pk])


def file(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("days.ics", content, content_type="text/calendar")


def errors_of(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    errors: dict[str, list[str]] = page.context["adminform"].form.errors
    return errors


# --- in words, and day by day ---


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"closed_weekdays": [5, 6]}, "every Saturday and Sunday"),
        ({"closed_weekdays": [6]}, "every Sunday"),
        ({"closed_weekdays": [4, 5, 6]}, "every Friday, Saturday and Sunday"),
        ({"closed_weekdays": [0, 1, 2, 3, 4]}, "Monday to Friday"),
        ({"country": "US"}, "public holidays of United States"),
        ({"country": "BA"}, "public holidays of Bosnia and Herzegovina"),
        (
            {"closed_weekdays": [6], "country": "DE", "subdivision": "BY", "ics": OUTING},
            "every Sunday, public holidays of Germany (BY), the days of its iCalendar text",
        ),
        ({"country": "DEU"}, "public holidays of DEU"),
        ({}, "nothing"),
    ],
)
def test_what_is_closed_is_said_in_words(fields: dict[str, Any], said: str) -> None:
    assert queries.closed_in_words(Calendar(**fields)) == said


def test_a_year_of_single_days_is_named_one_by_one() -> None:
    row = Calendar(closed_weekdays=[6], country="DE", subdivision="BY", ics=OUTING)
    days = queries.closed_ahead(row, today=date(2026, 12, 26))
    assert (days[0].day, days[0].name) == (date(2026, 12, 26), "Second Day of Christmas")
    assert queries.ClosedDay(date(2027, 6, 10), "iCalendar text") in days
    assert days[-1].day == date(2027, 12, 26)


def test_the_twelve_months_begin_on_their_weekdays() -> None:
    now = datetime(2027, 2, 14, tzinfo=UTC)
    shown = calendar_form.closed(Calendar(closed_weekdays=[6], country="US"), now=now)
    months = shown["months"]
    assert [month.name for month in months][::11] == ["Feb 2027", "Jan 2028"]
    assert (len(months[0].before), len(months[0].cells)) == (0, 28)
    assert [(cell.number, cell.closed, cell.name) for cell in months[0].cells[13:15]] == [
        (14, "weekly", ""), (15, "single", "Washington's Birthday"),
    ]  # fmt: skip
    assert "WY" in shown["parts"]


# --- the form ---


def test_a_calendar_is_created_changed_and_its_rules_follow(alice: Client, world: World) -> None:
    world.person(timezone="UTC")
    assert alice.post(ADD, FILLED).status_code == 302
    row = Calendar.objects.get()
    assert (row.closed_weekdays, row.country, row.subdivision) == ([5, 6], "DE", "BY")
    rule = world.rule(calendar=row, name="Morning")
    today = world.now.weekday()
    closed = [str(day) for day in range(7) if day != today]
    page = alice.post(
        address(row),
        FILLED | {"closed_weekdays": closed, "country": "", "subdivision": "", "version": "1"},
        follow=True,
    )
    assert any("of its rules followed" in said for said in messages_of(page))
    rows = Occurrence.objects.filter(rule=rule, state="SCHEDULED")
    assert {due_at.weekday() for due_at in rows.values_list("due_at", flat=True)} <= {today}
    row.refresh_from_db()
    assert (row.version, row.country) == (2, "")
    text = alice.get(address(row)).content.decode()
    assert "Morning" in text
    assert 'name="version" value="2"' in text
    history = alice.get(address(row, "history"))
    assert history.status_code == 200
    assert "alice" in history.content.decode()


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"name": ""}, "name", "This field is required"),
        ({"closed_weekdays": list("0123456")}, "closed_weekdays", "no weekday is left open"),
        ({"closed_weekdays": ["7"]}, "closed_weekdays", "Select a valid choice"),
        ({"closed_weekdays": [], "country": "", "subdivision": ""}, "closed_weekdays", "nothing is closed"),
        ({"country": "XX"}, "country", "Select a valid choice"),
        ({"subdivision": "XX"}, "subdivision", "Use one of these, or none: BB, BE, BW, BY"),
        ({"country": ""}, "__all__", "Name the country as well"),
        ({"ics": "holidays"}, "ics", "is no iCalendar text"),
        ({"ics_file": file(b"\xff\xfe\x00")}, "ics_file", "It is not text in UTF-8"),
        ({"ics_file": file(b"holidays")}, "ics", "is no iCalendar text"),
        ({"ics_file": file(b"")}, "ics_file", "empty"),
        ({"ics_file": file(b"x" * 4_000_001)}, "ics_file", "4,000,001 bytes"),
        ({"ics_file": file(b"x" * 1_000_001)}, "ics", "1,000,001 characters"),
    ],
)  # fmt: skip
def test_wrong_input_is_said_beside_its_field_and_nothing_is_written(
    alice: Client, wrong: dict[str, Any], field: str, sentence: str
) -> None:
    errors = errors_of(alice.post(ADD, FILLED | wrong))
    assert sentence in " ".join(errors[field]), errors
    assert not Calendar.objects.exists()


def test_a_file_takes_the_place_of_the_text(alice: Client) -> None:
    given = {"ics": "nonsense", "ics_file": file(b"\xef\xbb\xbf" + OUTING.encode())}
    assert alice.post(ADD, FILLED | given).status_code == 302
    assert Calendar.objects.get().ics == OUTING


def test_a_name_is_given_once(alice: Client, world: World) -> None:
    kept(world, name="Bavaria")
    assert "already exists" in errors_of(alice.post(ADD, FILLED))["name"][0]


def test_a_country_of_three_letters_stays_chosen(alice: Client, world: World) -> None:
    row = kept(world, country="DEU")
    offered = dict(alice.get(address(row)).context["adminform"].form.fields["country"].choices)
    assert (offered["DEU"], offered["DE"]) == ("DEU", "Germany (DE)")


def test_of_two_who_edit_a_calendar_the_second_is_told_who_was_faster(alice: Client, world: World) -> None:
    row = kept(world)
    bob = logged_in(User.objects.create_superuser("bob"))
    assert bob.post(address(row), FILLED | {"version": "1"}).status_code == 302
    (sentence,) = errors_of(alice.post(address(row), FILLED | {"version": "1", "country": "FR"}))["__all__"]
    assert "has version 2 now, and version 1 was expected" in sentence
    assert sentence.endswith("The last change here was made by bob.")
    assert Calendar.objects.get().country == "DE"


def test_an_edit_that_leaves_a_rule_nothing_is_told_and_not_raised(alice: Client, world: World) -> None:
    world.person()
    row = kept(world)
    world.rule(calendar=row, rrule="FREQ=WEEKLY;BYDAY=MO", name="Mondays")
    given = {"name": "Office", "closed_weekdays": ["0"], "version": "1"}
    page = alice.post(address(row), given, follow=True)
    assert "rule 'Mondays' would never fire again" in messages_of(page)[0]
    assert Calendar.objects.get().closed_weekdays == [5, 6]


# --- deletion ---


def test_a_calendar_in_use_is_not_deleted_and_the_sentence_says_why(alice: Client, world: World) -> None:
    world.person()
    row = kept(world)
    world.rule(calendar=row, name="Morning")
    for ask in (alice.get, alice.post):
        page = ask(address(row, "delete"), {"post": "yes"}, follow=True)
        assert messages_of(page) == [
            (
                "Calendar 'Office' is kept free by rule 'Morning', so it was not deleted. "
                "Give them another calendar, or none, first."
            )
        ]
        assert page.redirect_chain[-1][0] == address(row)
    assert Calendar.objects.exists()


def test_an_unused_calendar_is_deleted_after_a_question(alice: Client, world: World) -> None:
    row = kept(world)
    assert alice.get(address(row, "delete")).status_code == 200
    assert Calendar.objects.exists()
    assert "was deleted" in messages_of(alice.post(address(row, "delete"), {"post": "yes"}, follow=True))[0]
    assert not Calendar.objects.exists()
    assert alice.get(address(row, "delete"), follow=True).status_code == 200


def test_a_calendar_that_a_rule_takes_meanwhile_is_not_deleted_either(
    alice: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.person()
    row = kept(world)
    delete = operations.delete_calendar

    def taken_before(calendar: Calendar) -> None:
        world.rule(calendar=Calendar.objects.get(), name="Faster")
        delete(calendar)

    monkeypatch.setattr(operations, "delete_calendar", taken_before)
    page = alice.post(address(row, "delete"), {"post": "yes"}, follow=True)
    assert "is kept free by rule 'Faster'" in messages_of(page)[0]


# --- the list and the preview ---


def test_the_list_says_what_is_closed_and_how_many_rules_keep_it_free(charlie: Client, world: World) -> None:
    world.person()
    row = kept(world, name="Bavaria", country="DE", subdivision="BY")
    kept(world, name="Unused")
    world.rule(calendar=row)
    world.rule(calendar=row)
    operations.retire_rule(world.rule(calendar=row), why="over", origin=world.origin())
    text = charlie.get(LIST).content.decode()
    assert "every Saturday and Sunday, public holidays of Germany (BY)" in text
    assert "2 rules" in text
    assert "no rule" in text


def test_the_preview_shows_the_closed_days_of_what_is_being_typed(alice: Client, world: World) -> None:
    page = alice.post(PREVIEW, FILLED | {"name": "", "ics_file": file(OUTING.encode())})
    text = page.content.decode()
    assert (
        "Every Saturday and Sunday, public holidays of Germany (BY), the days of its iCalendar text" in text
    )
    assert {"Epiphany", "Corpus Christi", "iCalendar text"} <= {each.name for each in page.context["days"]}
    assert "Still missing: name." in text
    assert not Calendar.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, 'data-field="closed_weekdays"'),
        ({"country": "DE", "subdivision": "XX"}, 'data-field="subdivision"'),
        ({"country": "DE"}, "Parts with holidays of their own: BB, BE"),
        ({"closed_weekdays": ["6"]}, "No single days besides."),
    ],
)
def test_the_preview_says_what_is_wrong_or_could_be_added(
    alice: Client, typed: dict[str, Any], said: str
) -> None:
    assert said in alice.post(PREVIEW, {"name": "Office", **typed}).content.decode()


def test_a_calendar_that_the_data_knows_no_more_is_shown_with_the_reason(alice: Client, world: World) -> None:
    row = kept(world)
    Calendar.objects.update(country="DE", subdivision="XX")
    assert "is not a part of DE" in alice.get(address(row)).content.decode()


def test_charlie_who_may_only_look_cannot_touch_calendars(charlie: Client, world: World) -> None:
    row = kept(world)
    text = charlie.get(address(row)).content.decode()
    assert "Every Saturday and Sunday" in text
    assert charlie.post(address(row), FILLED).status_code == 403
    assert charlie.get(ADD).status_code == 403
    assert charlie.post(address(row, "delete"), {"post": "yes"}).status_code == 403
    assert charlie.post(PREVIEW, FILLED).status_code == 200
    assert Calendar.objects.get().name == "Office"


def test_the_preview_is_for_those_who_may_look_and_answers_posts_alone(
    alice: Client, charlie: Client, django_user_model: Any
) -> None:
    assert alice.get(PREVIEW).status_code == 405
    charlie.force_login(django_user_model.objects.create(username="dave", is_staff=True))
    assert charlie.post(PREVIEW, FILLED).status_code == 403
