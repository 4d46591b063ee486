"""The rule's form: cron, intervals, single dates, closed days, random moments, and pasted iCalendar text."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from events import operations
from events.models import Calendar, Occurrence, Rule
from tests.admin.test_rules import ADD, FILLED, address

if TYPE_CHECKING:
    from django.test import Client

    from tests.engine.world import World

pytestmark = pytest.mark.django_db
PREVIEW = reverse("admin:events_rule_preview_new")
ICAL = "DTSTART;TZID=US/Eastern:20301104T090000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE;TZID=US/Eastern:20301111T090000"


@pytest.fixture
def office(world: World) -> Calendar:
    """Closed on weekends."""
    world.person()
    row = Calendar(name="Office", closed_weekdays=[5, 6])
    return operations.create_calendar(row, origin=world.origin())


def errors_of(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    errors: dict[str, list[str]] = page.context["adminform"].form.errors
    return errors


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (
            {"cron": "30 9 * * MON-FRI", "rrule": "", "local_time": ""},
            {"cron": "30 9 * * MON-FRI", "local_time": None},
        ),
        (
            {"every": "PT30M", "every_from": "completion", "rrule": ""},
            {"every": "PT30M", "every_from": "completion"},
        ),
        (
            {"rrule": "RRULE:FREQ=WEEKLY\r\n\r\nFREQ=MONTHLY;BYDAY=1MO"},
            {"rrule": "FREQ=WEEKLY\nFREQ=MONTHLY;BYDAY=1MO"},
        ),
        (
            {"rdates": "2030-12-24\r\n\r\n 2030-12-25T18:00 ", "exdates": "2031-01-01"},
            {"rdates": ["2030-12-24", "2030-12-25T18:00"], "exdates": ["2031-01-01"]},
        ),
        (
            {"window": "8:00:00", "draws": "3", "spacing": "1:00:00"},
            {"window": timedelta(hours=8), "draws": 3, "spacing": timedelta(hours=1)},
        ),
        ({"on_move": "keep", "leap": "forward"}, {"on_move": "keep", "leap": "forward"}),
    ],
)
def test_every_way_of_saying_when_is_kept(
    alice: Client, world: World, typed: dict[str, str], kept: dict[str, Any]
) -> None:
    world.person()
    assert alice.post(ADD, FILLED | typed).status_code == 302
    rule = Rule.objects.get()
    assert {name: getattr(rule, name) for name in kept} == kept
    page = alice.get(address(rule))
    form = page.context["adminform"].form
    again = {name: form[name].value() for name in form.fields if name not in {"payload", "audience_filter"}}
    again = {name: "" if value is None else value for name, value in again.items()}
    for name in ("rdates", "exdates"):
        again[name] = form.fields[name].prepare_value(again[name])
    assert alice.post(address(rule), {**FILLED, **again}).status_code == 302
    rule.refresh_from_db()
    assert {name: getattr(rule, name) for name in kept} == kept


@pytest.mark.parametrize(
    ("typed", "field", "sentence"),
    [
        ({"cron": "every day", "rrule": ""}, "cron", "every day"),
        ({"cron": "0 9 * * *"}, "cron", "rrule and cron exclude each other"),
        ({"every": "30 minutes", "rrule": ""}, "every", "is not a duration"),
        ({"every_from": "completion"}, "every", "it is missing"),
        ({"rdates": "Christmas"}, "rdates", "'Christmas' is not a date or time that exists"),
        ({"exdates": "2030-02-30"}, "exdates", "'2030-02-30' is not a date"),
        ({"rdates": "x" * 41}, "rdates", "at most 40 characters"),
        ({"draws": "2"}, "window", "it is missing, and only a window has draws"),
        ({"window": "1:00:00", "draws": "3", "spacing": "0:30:00"}, "spacing", "do not fit into"),
        ({"local_time": ""}, "local_time", "it is missing, and only a cron expression has its own"),
        ({"calendar": "99"}, "calendar", "Select a valid choice"),
        ({"roll": "sideways"}, "roll", "Select a valid choice"),
        ({"ical": "tomorrow"}, "ical", "is no iCalendar text"),
        ({"ical": "DTSTART:20301104T090000\nRRULE:FREQ=SOMETIMES"}, "ical", "is not valid"),
        ({"ical": "DTSTART;TZID=EST:20301104T090000"}, "ical", "is an abbreviation, not a zone"),
        ({"ical": ICAL, "cron": "0 9 * * *"}, "cron", "exclude each other"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    alice: Client, world: World, typed: dict[str, str], field: str, sentence: str
) -> None:
    world.person()
    errors = errors_of(alice.post(ADD, FILLED | typed))
    assert sentence in " ".join(errors[field]), errors
    assert not Rule.objects.exists()


def test_pasted_text_fills_the_columns_and_goes_before_what_stands_there(alice: Client, world: World) -> None:
    world.person()
    typed = {"ical": ICAL, "local_time": "nonsense", "start_date": "", "timezone": "EST"}
    assert alice.post(ADD, FILLED | typed).status_code == 302
    rule = Rule.objects.get()
    assert (rule.start_date, rule.local_time, rule.timezone) == (
        date(2030, 11, 4),
        time(9),
        "America/New_York",
    )
    assert (rule.rrule, rule.rdates, rule.exdates) == ("FREQ=WEEKLY;BYDAY=MO", [], ["2030-11-11T09:00:00"])
    assert alice.get(address(rule)).context["adminform"].form["ical"].value() is None


def test_the_preview_says_the_sentence_and_then_the_firings_with_their_notes(
    alice: Client, world: World, office: Calendar
) -> None:
    typed = FILLED | {"calendar": str(office.pk), "roll": "next", "rrule": "FREQ=MONTHLY;BYDAY=1SU"}
    page = alice.post(PREVIEW, typed)
    text = page.content.decode()
    assert "<strong>Every first Sunday at 09:00 in each person&#x27;s zone</strong>" in text
    assert "from closed days of Office moved to the next open day" in text
    assert text.index("Every first Sunday") < text.index("pn-firings") < text.index("is no business day")
    assert {f"{each.local:%a}" for each in page.context["firings"]} == {"Mon"}


def test_the_preview_of_pasted_text_is_what_would_be_saved(alice: Client, world: World) -> None:
    world.person()
    page = alice.post(PREVIEW, FILLED | {"ical": ICAL, "local_time": ""})
    assert page.context["what"] == "every Monday at 09:00 in America/New_York, except on 2030-11-11 09:00"
    assert f"{page.context['firings'][1].local:%Y-%m-%d %H:%M %Z}" == "2030-11-18 09:00 EST"


def test_the_preview_of_a_window_says_from_when_to_when(alice: Client, world: World) -> None:
    world.person(timezone="UTC")
    first = max(date(2027, 1, 1), world.now.date() + timedelta(days=1))
    page = alice.post(PREVIEW, FILLED | {"window": "8:00:00", "start_date": first})
    day, next_day = (
        f"<span>{each:%a} {each.day} {each:%b %Y}</span>" for each in (first, first + timedelta(1))
    )
    text = page.content.decode()
    assert f"between <strong>09:00</strong> and <strong>17:00</strong> on {day}" in text
    assert "drawn when planned" in text
    night = {"window": "8:00:00", "local_time": "22:00:30", "start_date": first}
    text = alice.post(PREVIEW, FILLED | night).content.decode()
    assert (
        f"between {day} <strong>22:00:30</strong> and {next_day} <strong>06:00:30</strong>, drawn when planned"
    ) in text


def test_the_preview_of_what_counts_from_completion_says_so(alice: Client, world: World) -> None:
    world.person()
    counting = FILLED | {"rrule": "", "every": "PT30M", "every_from": "completion"}
    page = alice.post(PREVIEW, counting)
    assert "only the next one is known" in page.content.decode()
    assert len(page.context["firings"]) == 1


def test_the_preview_says_when_before_it_knows_for_whom(alice: Client, world: World) -> None:
    page = alice.post(PREVIEW, FILLED | {"audience_kind": "", "name": ""})
    assert "Say for whom" in page.content.decode()
    assert page.context["what"] == "every day at 09:00 in each person's zone"


def test_the_preview_names_the_field_of_each_problem(alice: Client, world: World) -> None:
    world.person()
    text = alice.post(PREVIEW, FILLED | {"cron": "nonsense", "rrule": ""}).content.decode()
    assert '<p class="pn-problem" data-field="cron"><strong>Cron expression:</strong>' in text
    assert "Nothing fires until that is put right: cron expression." in text


def test_an_edited_rules_open_window_is_shown_as_it_would_be_drawn_anew(alice: Client, world: World) -> None:
    world.person(timezone="UTC")
    rule = world.rule(window=timedelta(hours=23), local_time=time(0), name="Good morning")
    Rule.objects.update(timed_since=world.now - timedelta(days=9))
    same = {**FILLED, "start_date": f"{rule.start_date}", "local_time": "00:00:00", "window": "23:00:00"}
    where = reverse("admin:events_rule_preview", args=[rule.pk])
    opens = alice.post(where, same).context["firings"][0].local
    assert f"{opens:%H:%M}" == "00:00"
    edited = alice.post(where, same | {"window": "22:59:59"}).context["firings"][0].local
    assert edited >= world.now or edited.date() > world.now.date()


def test_the_sections_that_a_rule_makes_no_use_of_are_closed(
    alice: Client, world: World, office: Calendar
) -> None:
    def closed(rule: Rule | None) -> set[str]:
        page = alice.get(address(rule) if rule else ADD)
        sections = page.context["adminform"].fieldsets
        return {name for name, section in sections if "collapse" in section.get("classes", ())}

    rare = {
        "Pasted from a calendar program", "Single dates put in and left out", "Closed days", "At random",
        "Where the clock or the calendar is odd, or somebody moves",
    }  # fmt: skip
    assert closed(None) == closed(world.rule()) == rare
    assert closed(world.rule(calendar=office)) == rare - {"Closed days"}
    assert closed(world.rule(window=timedelta(hours=1), gap="skip")) == {
        "Pasted from a calendar program", "Single dates put in and left out", "Closed days",
    }  # fmt: skip


def test_operators_see_the_drawn_moment_on_the_occurrences_page(charlie: Client, world: World) -> None:
    world.person(timezone="Asia/Kathmandu")
    world.rule(window=timedelta(hours=8))
    row = Occurrence.objects.earliest("due_at")
    text = charlie.get(reverse("admin:events_occurrence_change", args=[row.pk])).content.decode()
    assert "drawn at random: " in text
    assert f"{row.due_at:%Y-%m-%d %H:%M:%S}" in text
    assert "UTC+05:45" in text


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"window": "99999999 00:00:00"}, "window"),
        ({"window": "-1:00:00"}, "window"),
        ({"window": "1:00:00", "draws": "0"}, "draws"),
        ({"window": "1:00:00", "draws": "2000"}, "draws"),
        ({"window": "1:00:00", "draws": "3", "spacing": "00:30:00"}, "spacing"),
        ({"every": "P1X", "every_from": "completion", "rrule": ""}, "every"),
        ({"every": "P1X", "rrule": ""}, "every"),
        ({"rdates": "x"}, "rdates"),
        ({"exdates": "x"}, "exdates"),
        ({"rrule": "FREQ=DAILY;" * 100_000}, "rrule"),
        ({"ical": "DTSTART:20300101T000000\x00"}, "ical"),
        ({"rdates": "\x00"}, "rdates"),
    ],
)
@pytest.mark.parametrize("name", ["Report", ""])
def test_the_preview_of_nonsense_says_so_whether_the_form_is_complete_or_not(
    alice: Client, world: World, typed: dict[str, str], field: str, name: str
) -> None:
    world.person()
    page = alice.post(PREVIEW, FILLED | typed | {"name": name})
    assert f'data-field="{field}"' in page.content.decode()
    assert page.context["firings"] == []


@pytest.mark.parametrize(
    "typed",
    [
        {"every_from": "completion", "rrule": ""},
        {"every": "PT1H", "every_from": "completion", "rrule": "", "anchor": "birthday", "start_date": ""},
        {"start_date": "0001-01-01", "window": "8:00:00", "timezone": "Pacific/Kiritimati"},
        {"start_date": "0001-01-01", "every": "PT30M", "every_from": "completion", "rrule": ""},
        {"start_date": "0002-01-01", "anchor": "birthday", "window": "8:00:00"},
        {"start_date": "9999-12-31"},
        {"start_date": "9999-12-31", "window": "8:00:00"},
        {"start_date": "9999-12-31", "anchor": "birthday", "window": "8:00:00"},
    ],
)
@pytest.mark.parametrize("name", ["Report", ""])
def test_the_preview_of_what_is_half_said_or_at_the_calendars_ends_is_no_error(
    alice: Client, world: World, typed: dict[str, str], name: str
) -> None:
    world.person(birthday="1990-05-17")
    assert alice.post(PREVIEW, FILLED | typed | {"name": name}).status_code == 200


def test_a_rule_whose_calendar_cannot_be_read_any_more_is_shown_with_the_reason(
    alice: Client, world: World, office: Calendar
) -> None:
    rule = world.rule(calendar=office)
    Calendar.objects.update(country="XX")
    page = alice.get(address(rule))
    assert page.context["firings"] == []
    assert "is not a country whose holidays are known" in page.content.decode()
    assert "Every day at 09:00" in page.content.decode()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "every weekday at 9am",
            {"rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "local_time": time(9), "timezone": ""},
        ),
        (
            "every first monday at 17:30 in Europe/Kiev",
            {"rrule": "FREQ=MONTHLY;BYDAY=1MO", "local_time": time(17, 30), "timezone": "Europe/Kyiv"},
        ),
        (
            "2030-12-24 18:00 in Asia/Tokyo",
            {"rrule": "", "start_date": date(2030, 12, 24), "timezone": "Asia/Tokyo", "window": None},
        ),
        (
            "3 times a day between 9 and 17, at least an hour apart",
            {"draws": 3, "window": timedelta(hours=8), "spacing": timedelta(hours=1)},
        ),
        ("every 30 minutes", {"rrule": "FREQ=MINUTELY;INTERVAL=30", "timezone": "UTC"}),
    ],
)
def test_a_phrase_fills_the_columns_and_goes_before_what_stands_in_them(
    alice: Client, world: World, said: str, kept: dict[str, Any]
) -> None:
    world.person()
    answer = alice.post(ADD, FILLED | {"phrase": said, "local_time": "nonsense", "window": "4:00:00"})
    assert answer.status_code == 302
    rule = Rule.objects.get()
    assert {name: getattr(rule, name) for name in kept} == kept


def test_what_a_phrase_means_is_said_back_before_it_counts(alice: Client, world: World) -> None:
    world.person()
    page = alice.post(PREVIEW, FILLED | {"phrase": "every first monday at 17:30"}).content.decode()
    assert "Every first Monday at 17:30" in page
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"phrase": "every blue moon"}, "was not understood"),
        ({"phrase": "tomorrow at 9"}, "names no one day there"),
        ({"phrase": "every day at 9", "ical": ICAL}, "Leave one of the two empty"),
    ],
)
def test_a_phrase_that_would_have_to_be_guessed_is_refused_beside_its_field(
    alice: Client, world: World, typed: dict[str, str], told: str
) -> None:
    world.person()
    (sentence,) = errors_of(alice.post(ADD, FILLED | typed))["phrase"]
    assert told in sentence
    assert not Rule.objects.exists()
